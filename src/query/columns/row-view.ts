/** Parts of columns and frames: cut by `subarray`, never copied; reversed copies for descending answers. */

import type { Column } from '../../model/column.ts';
import type { Frame } from '../frame.ts';

function cutValid(valid: Uint8Array | undefined, from: number, until: number) {
  return valid?.subarray(from, until);
}

export function sliceColumn(column: Column, from: number, until: number): Column {
  const valid = cutValid(column.valid, from, until);
  switch (column.type) {
    case 'float':
      return { type: 'float', values: column.values.subarray(from, until), valid };
    case 'integer':
      return { type: 'integer', values: column.values.subarray(from, until), valid };
    case 'unsigned':
      return { type: 'unsigned', values: column.values.subarray(from, until), valid };
    case 'boolean':
      return { type: 'boolean', values: column.values.subarray(from, until), valid };
    case 'string': {
      const { codes, dictionary } = column;
      return { type: 'string', codes: codes.subarray(from, until), dictionary, valid };
    }
  }
}

export function sliceFrame(frame: Frame, from: number, until: number): Frame {
  if (from === 0 && until === frame.rowCount) return frame;
  return {
    rowCount: until - from,
    times: frame.times.subarray(from, until),
    columns: frame.columns.map((column) =>
      column === undefined ? undefined : sliceColumn(column, from, until),
    ),
  };
}

export function reverseColumn(column: Column): Column {
  const valid = column.valid?.toReversed();
  switch (column.type) {
    case 'float':
      return { type: 'float', values: column.values.toReversed(), valid };
    case 'integer':
      return { type: 'integer', values: column.values.toReversed(), valid };
    case 'unsigned':
      return { type: 'unsigned', values: column.values.toReversed(), valid };
    case 'boolean':
      return { type: 'boolean', values: column.values.toReversed(), valid };
    case 'string':
      return {
        type: 'string',
        codes: column.codes.toReversed(),
        dictionary: column.dictionary,
        valid,
      };
  }
}

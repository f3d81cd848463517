/**
 * Points that came as columns -> slices of rows for the write path, checked as lines are: whatever is wrong refuses the
 * whole request before anything is stored.
 */

import { CitadelError } from '../base/errors.ts';
import { encodeText } from '../base/text.ts';
import type { Column } from '../model/column.ts';
import { maxTime, minTime } from '../model/time.ts';
import type { StoredRows } from '../query/ports.ts';
import type { PointBlock } from '../rpc/api/time-series-messages.ts';

/** Rows that are written in one turn. */
const sliceRows = 4_096;
/** As of a line: bytes of measurement, tags and the longest field name. */
const keySizeMax = 65_535;
/** In front of each tag, and between its key and value. */
const tagMarks = 2;
const keyJoinSize = 4;

function refuse(block: number, why: string): never {
  throw new CitadelError('invalid-argument', `points ${block}: ${why}; nothing was stored`);
}

function sizeOf(text: string): number {
  return encodeText(text).length;
}

function checkNames({ measurement, tags, fields }: PointBlock, block: number): void {
  if (measurement === '') refuse(block, 'measurement is empty');
  const keys = new Set<string>();
  let size = sizeOf(measurement) + keyJoinSize;
  for (const [key, value] of tags) {
    if (key === '' || key === 'time') refuse(block, `tag key ${JSON.stringify(key)}`);
    if (value === '') refuse(block, `tag ${JSON.stringify(key)} has no value`);
    if (keys.has(key)) refuse(block, `tag ${JSON.stringify(key)} is there twice`);
    keys.add(key);
    size += sizeOf(key) + sizeOf(value) + tagMarks;
  }
  if (fields.length === 0) refuse(block, 'there are no fields');
  const names = new Set<string>();
  for (const { name } of fields) {
    if (name === '' || name === 'time') refuse(block, `field name ${JSON.stringify(name)}`);
    if (names.has(name)) refuse(block, `field ${JSON.stringify(name)} is there twice`);
    names.add(name);
    if (size + sizeOf(name) > keySizeMax) refuse(block, `max key length exceeded: ${keySizeMax}`);
  }
}

function checkTimes({ times }: PointBlock, block: number): void {
  if (times.length === 0) refuse(block, 'there are no times');
  for (let i = 0; i < times.length; i++) {
    const time = times[i]!;
    if (time < minTime || time > maxTime) {
      refuse(block, `time outside range ${minTime} - ${maxTime}`);
    }
  }
}

/** Floats are finite where they count. */
function checkValues({ valid, ...column }: Column, name: string, block: number): void {
  if (valid !== undefined) {
    for (let i = 0; i < valid.length; i++) if (valid[i]! > 1) refuse(block, 'valid is 0 or 1');
  }
  if (column.type !== 'float') return;
  for (let i = 0; i < column.values.length; i++) {
    if (!Number.isFinite(column.values[i]) && valid?.[i] !== 0) {
      refuse(block, `field ${JSON.stringify(name)} row ${i}: invalid float`);
    }
  }
}

function columnsOf({ fields }: PointBlock, block: number): StoredRows['fields'] {
  return fields.map(({ name, column }) => {
    if (column.type === 'cells') refuse(block, `field ${JSON.stringify(name)} has mixed values`);
    checkValues(column, name, block);
    return { name, column };
  });
}

/** Rows that have a value at all. */
function filledRows(fields: StoredRows['fields'], rowCount: number, block: number): Uint32Array {
  const rows = new Uint32Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    if (fields.every(({ column }) => column.valid?.[row] === 0)) {
      refuse(block, `row ${row} has no value`);
    }
    rows[row] = row;
  }
  return rows;
}

function checkedRows(points: PointBlock, block: number): StoredRows {
  checkNames(points, block);
  checkTimes(points, block);
  const { measurement, times } = points;
  const fields = columnsOf(points, block);
  const tags = [...points.tags].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = filledRows(fields, times.length, block);
  return { measurement, tags, rowTags: [], times, fields, rows };
}

/** @throws CitadelError `invalid-argument` */
export function slicesOf(points: readonly PointBlock[]): Iterable<readonly StoredRows[]> {
  const checked = points.map(checkedRows);
  return cutSlices(checked);
}

function* cutSlices(blocks: readonly StoredRows[]): Generator<readonly StoredRows[]> {
  let slice: StoredRows[] = [];
  let count = 0;
  for (const block of blocks) {
    for (let from = 0; from < block.rows.length; ) {
      const rows = block.rows.subarray(from, from + sliceRows - count);
      slice.push({ ...block, rows });
      from += rows.length;
      count += rows.length;
      if (count < sliceRows) continue;
      yield slice;
      slice = [];
      count = 0;
    }
  }
  if (count > 0) yield slice;
}

/** Columns as citadel.v1.TimeSeries carries them: packed numbers that lie in the message as they lie in memory. */

import { CitadelError } from '../../base/errors.ts';
import { decodeText } from '../../base/text.ts';
import type { Column } from '../../model/column.ts';
import { MessageReader, wrongMessage } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

/** What one place of a column of several types may hold. */
export type MixedCell = string | number | bigint | boolean | null | readonly string[];

export interface MixedColumn {
  readonly type: 'cells';
  readonly cells: readonly MixedCell[];
}

export type ApiColumn = Column | MixedColumn;

export type TagPair = readonly [key: string, value: string];

const field = {
  floats: 1,
  integers: 2,
  unsigned: 3,
  booleans: 4,
  codes: 5,
  texts: 6,
  mixed: 7,
  valid: 8,
} as const;
const valueField = { text: 1, number: 2, integer: 3, boolean: 4, list: 5 } as const;
const listField = 1;
const tagField = { key: 1, value: 2 } as const;
const noBytes = new Uint8Array(0);
const noCodes = new Uint32Array(0);
const wordRange = 2 ** 32;

/** Safe integers as 64-bit ones, without a bigint for each. */
function wideIntegers(values: Float64Array): Uint8Array {
  const words = new Uint32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    words[2 * i] = value;
    words[2 * i + 1] = Math.floor(value / wordRange);
  }
  return new Uint8Array(words.buffer);
}

function writeIntegers(
  writer: MessageWriter,
  place: number,
  values: Float64Array | BigInt64Array | BigUint64Array,
): void {
  if (values instanceof Float64Array) writer.bytes(place, wideIntegers(values));
  else writer.packed(place, values);
}

export function encodeValue(cell: MixedCell): Buffer {
  const writer = new MessageWriter();
  if (typeof cell === 'string') return writer.message(valueField.text, textBytes(cell)).finish();
  if (typeof cell === 'number') return writer.double(valueField.number, cell).finish();
  if (typeof cell === 'bigint') return writer.fixed64(valueField.integer, cell).finish();
  if (typeof cell === 'boolean') return writer.flag(valueField.boolean, cell).finish();
  if (cell === null) return writer.finish();
  const list = new MessageWriter();
  for (const text of cell) list.message(listField, textBytes(text));
  return writer.message(valueField.list, list.finish()).finish();
}

function textBytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

function readTexts(message: Uint8Array): string[] {
  const texts: string[] = [];
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === listField) texts.push(reader.text());
  }
  return texts;
}

export function decodeValue(message: Uint8Array): MixedCell {
  let cell: MixedCell = null;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === valueField.text) cell = reader.text();
    else if (reader.field === valueField.number) {
      cell = reader.view().getFloat64(0, true);
    } else if (reader.field === valueField.integer) {
      cell = reader.view().getBigInt64(0, true);
    } else if (reader.field === valueField.boolean) cell = reader.number === 1;
    else if (reader.field === valueField.list) cell = readTexts(reader.bytes);
  }
  return cell;
}

/** `undefined` = all null. */
export function encodeColumn(column: ApiColumn | undefined): Buffer {
  if (column === undefined) return new MessageWriter().finish();
  const writer = new MessageWriter();
  switch (column.type) {
    case 'float':
      writer.packed(field.floats, column.values);
      break;
    case 'integer':
      writeIntegers(writer, field.integers, column.values);
      break;
    case 'unsigned':
      writeIntegers(writer, field.unsigned, column.values);
      break;
    case 'boolean':
      writer.bytes(field.booleans, column.values);
      break;
    case 'string':
      writer.packed(field.codes, column.codes);
      for (const text of column.dictionary) writer.message(field.texts, textBytes(text));
      break;
    case 'cells':
      for (const cell of column.cells) writer.message(field.mixed, encodeValue(cell));
      return writer.finish();
  }
  return writer.bytes(field.valid, column.valid ?? noBytes).finish();
}

class ColumnReader {
  floats: Uint8Array = noBytes;
  integers: Uint8Array = noBytes;
  unsigned: Uint8Array = noBytes;
  booleans: Uint8Array = noBytes;
  codes: Uint32Array = noCodes;
  readonly texts: string[] = [];
  readonly cells: MixedCell[] = [];
  valid: Uint8Array = noBytes;

  constructor(message: Uint8Array) {
    for (const reader = new MessageReader(message); reader.next(); ) this.#take(reader);
  }

  #take(reader: MessageReader): void {
    if (reader.field === field.floats) this.floats = reader.fixed64(this.floats);
    else if (reader.field === field.integers) this.integers = reader.fixed64(this.integers);
    else if (reader.field === field.unsigned) this.unsigned = reader.fixed64(this.unsigned);
    else if (reader.field === field.booleans) this.booleans = reader.flags(this.booleans);
    else if (reader.field === field.codes) this.codes = reader.fixed32(this.codes);
    else if (reader.field === field.texts) this.texts.push(decodeText(reader.bytes));
    else if (reader.field === field.mixed) this.cells.push(decodeValue(reader.bytes));
    else if (reader.field === field.valid) this.valid = reader.bytes;
  }

  finish(): ApiColumn | undefined {
    const { floats, integers, unsigned, booleans, codes, cells } = this;
    const valid = this.valid.length === 0 ? undefined : this.valid;
    const lists = [floats, integers, unsigned, booleans, codes, cells].filter(
      ({ length }) => length > 0,
    );
    if (lists.length > 1) throw wrongMessage('a column has values of several types');
    const [list] = lists;
    if (list === floats) return { type: 'float', values: new Float64Array(...wide(floats)), valid };
    if (list === integers) {
      return { type: 'integer', values: new BigInt64Array(...wide(integers)), valid };
    }
    if (list === unsigned) {
      return { type: 'unsigned', values: new BigUint64Array(...wide(unsigned)), valid };
    }
    if (list === booleans) return { type: 'boolean', values: booleans, valid };
    if (list === codes) return this.#textColumn(valid);
    return list === cells ? { type: 'cells', cells } : undefined;
  }

  #textColumn(valid: Uint8Array | undefined): ApiColumn {
    const { codes, texts } = this;
    for (let i = 0; i < codes.length; i++) {
      if (codes[i]! >= texts.length) throw wrongMessage('a text of a column is not there');
    }
    return { type: 'string', codes, dictionary: texts, valid };
  }
}

function wide(bytes: Uint8Array): [ArrayBuffer, number, number] {
  return [bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 8];
}

/** Undefined = it has no values: all null. Integers are 64 bits wide. @throws CitadelError `invalid-argument` */
export function decodeColumn(message: Uint8Array): ApiColumn | undefined {
  return new ColumnReader(message).finish();
}

export function rowsOf(column: ApiColumn): number {
  if (column.type === 'cells') return column.cells.length;
  return column.type === 'string' ? column.codes.length : column.values.length;
}

export function encodeTag([key, value]: TagPair): Buffer {
  return new MessageWriter().text(tagField.key, key).text(tagField.value, value).finish();
}

export function decodeTag(message: Uint8Array): TagPair {
  let key = '';
  let value = '';
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === tagField.key) key = reader.text();
    else if (reader.field === tagField.value) value = reader.text();
  }
  return [key, value];
}

/** Times in ns, of a packed list. */
export function timesOf(bytes: Uint8Array): BigInt64Array {
  if (bytes.length % 8 !== 0) throw new CitadelError('corrupt', 'cannot read times: they are cut');
  return new BigInt64Array(...wide(bytes));
}

/** One result column ready to be written cell by cell as MessagePack. */

import type { Column } from '../../model/column.ts';
import type { Cell, ResultColumn } from '../result.ts';
import { ByteWriter } from './byte-writer.ts';
import {
  writeArrayHeader,
  writeBool,
  writeFloat64,
  writeInt,
  writeInt64,
  writeNil,
  writeText,
  writeUint64,
} from './msgpack-values.ts';

const mask32 = 0xffff_ffffn;

function writeBigInt(out: ByteWriter, value: bigint): void {
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  if (value > 0x7fff_ffff_ffff_ffffn) writeUint64(out, Number(value & mask32), high);
  else writeInt64(out, low, high);
}

/** NaN is null, as in JSON; the infinities have a form here. */
function writeNumber(out: ByteWriter, value: number): void {
  if (Number.isNaN(value)) writeNil(out);
  else writeFloat64(out, value);
}

function writeCell(out: ByteWriter, cell: Cell): void {
  if (cell === null) writeNil(out);
  else if (typeof cell === 'string') writeText(out, cell);
  else if (typeof cell === 'boolean') writeBool(out, cell);
  else if (typeof cell === 'bigint') writeBigInt(out, cell);
  else if (typeof cell === 'number') {
    if (Number.isSafeInteger(cell)) writeInt(out, cell);
    else writeNumber(out, cell);
  } else {
    writeArrayHeader(out, cell.length);
    for (const text of cell) writeText(out, text);
  }
}

/** Low and high halves in turn; every machine Node runs on is little-endian. */
export function wordsOf({
  buffer,
  byteOffset,
  length,
}: BigInt64Array | BigUint64Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length * 2);
}

export class MsgpackColumn {
  readonly #column: ResultColumn | undefined;
  readonly #words: Int32Array | undefined;
  /** Dictionary entries as they go out, made when first needed. */
  readonly #texts: (Uint8Array | undefined)[] = [];

  constructor(column: ResultColumn | undefined) {
    this.#column = column;
    this.#words = undefined;
    if (column === undefined || column.type === 'cells') return;
    const { values } = column.type === 'string' ? { values: undefined } : column;
    const isWide = values instanceof BigInt64Array || values instanceof BigUint64Array;
    if (isWide) this.#words = wordsOf(values);
  }

  write(out: ByteWriter, row: number): void {
    const column = this.#column;
    if (column === undefined) writeNil(out);
    else if (column.type === 'cells') writeCell(out, column.cells[row] ?? null);
    else if (column.valid !== undefined && column.valid[row] === 0) writeNil(out);
    else this.#writeValue(out, column, row);
  }

  #writeValue(out: ByteWriter, column: Column, row: number): void {
    const words = this.#words;
    switch (column.type) {
      case 'float':
        writeNumber(out, column.values[row]!);
        return;
      case 'boolean':
        writeBool(out, column.values[row] !== 0);
        return;
      case 'string':
        out.copy(this.#textOf(column.codes[row]!, column.dictionary));
        return;
      case 'integer':
        if (words === undefined) writeInt(out, Number(column.values[row]));
        else writeInt64(out, words[2 * row]!, words[2 * row + 1]!);
        return;
      case 'unsigned':
        if (words === undefined) writeBigInt(out, BigInt(Number(column.values[row])));
        else writeUint64(out, words[2 * row]!, words[2 * row + 1]!);
    }
  }

  #textOf(code: number, dictionary: readonly string[]): Uint8Array {
    const known = this.#texts[code];
    if (known !== undefined) return known;
    const writer = new ByteWriter(32);
    writeText(writer, dictionary[code] ?? '');
    const text = writer.bytes.subarray(0, writer.size);
    this.#texts[code] = text;
    return text;
  }
}

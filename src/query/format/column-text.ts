/**
 * One result column, ready to be written cell by cell: what it is was decided once, so that the
 * row loop sees one class and a small switch.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Cell, ResultColumn } from '../result.ts';
import { ByteWriter } from './byte-writer.ts';
import { writeJsonString } from './json-string.ts';
import { writeFloat, writeInteger, writeInteger64 } from './number-text.ts';

const nullText = Uint8Array.of(110, 117, 108, 108);
const trueText = Uint8Array.of(116, 114, 117, 101);
const falseText = Uint8Array.of(102, 97, 108, 115, 101);

const kindNull = 0;
const kindFloat = 1;
const kindInteger = 2;
const kindInteger64 = 3;
const kindUnsigned64 = 4;
const kindBoolean = 5;
const kindString = 6;
const kindCells = 7;

const noFloats = new Float64Array(0);
const noWords = new Int32Array(0);
const noBytes = new Uint8Array(0);
const noCodes = new Uint32Array(0);

export class JsonColumn {
  readonly #kind: number;
  readonly #numbers: Float64Array = noFloats;
  readonly #words: Int32Array = noWords;
  readonly #flags: Uint8Array = noBytes;
  readonly #codes: Uint32Array = noCodes;
  readonly #dictionary: readonly string[] = [];
  /** JSON of dictionary entries, made when first needed. */
  readonly #texts: (Uint8Array | undefined)[] = [];
  /** Not worth it when nearly every row has its own string. */
  readonly #keepTexts: boolean = false;
  readonly #cells: readonly Cell[] = [];
  readonly #valid: Uint8Array | undefined;

  constructor(column: ResultColumn | undefined) {
    this.#kind = kindNull;
    if (column === undefined) return;
    if (column.type === 'cells') {
      this.#kind = kindCells;
      this.#cells = column.cells;
      return;
    }
    this.#valid = column.valid;
    if (column.type === 'string') {
      this.#kind = kindString;
      this.#codes = column.codes;
      this.#dictionary = column.dictionary;
      this.#keepTexts = column.dictionary.length * 2 <= column.codes.length;
    } else if (column.type === 'boolean') {
      this.#kind = kindBoolean;
      this.#flags = column.values;
    } else if (column.values instanceof Float64Array) {
      this.#kind = column.type === 'float' ? kindFloat : kindInteger;
      this.#numbers = column.values;
    } else {
      this.#kind = column.type === 'integer' ? kindInteger64 : kindUnsigned64;
      const { buffer, byteOffset, length } = column.values;
      this.#words = new Int32Array(buffer, byteOffset, length * 2);
    }
  }

  /** @throws CitadelError `invalid-argument` for an infinite float, which JSON cannot hold. */
  write(out: ByteWriter, row: number): void {
    if (this.#valid !== undefined && this.#valid[row] === 0) {
      out.copy(nullText);
      return;
    }
    switch (this.#kind) {
      case kindFloat:
        writeJsonFloat(out, this.#numbers[row]!);
        return;
      case kindInteger:
        writeInteger(out, this.#numbers[row]!);
        return;
      case kindInteger64:
        writeInteger64(out, this.#words[2 * row]! >>> 0, this.#words[2 * row + 1]!);
        return;
      case kindUnsigned64:
        writeInteger64(out, this.#words[2 * row]! >>> 0, this.#words[2 * row + 1]! >>> 0);
        return;
      case kindBoolean:
        out.copy(this.#flags[row] === 0 ? falseText : trueText);
        return;
      case kindString:
        if (this.#keepTexts) out.copy(this.#textOf(this.#codes[row]!));
        else writeJsonString(out, this.#dictionary[this.#codes[row]!] ?? '');
        return;
      case kindCells:
        writeCell(out, this.#cells[row] ?? null);
        return;
      default:
        out.copy(nullText);
    }
  }

  #textOf(code: number): Uint8Array {
    const known = this.#texts[code];
    if (known !== undefined) return known;
    const writer = new ByteWriter(32);
    writeJsonString(writer, this.#dictionary[code] ?? '');
    const text = writer.bytes.subarray(0, writer.size);
    this.#texts[code] = text;
    return text;
  }
}

function writeJsonFloat(out: ByteWriter, value: number): void {
  // value - value is NaN for NaN and both infinities.
  if (value - value === 0) {
    writeFloat(out, value);
  } else if (Number.isNaN(value)) {
    out.copy(nullText);
  } else {
    const sign = value > 0 ? '+' : '-';
    throw new CitadelError('invalid-argument', `json: unsupported value: ${sign}Inf`);
  }
}

function writeCell(out: ByteWriter, cell: Cell): void {
  if (cell === null) out.copy(nullText);
  else if (typeof cell === 'string') writeJsonString(out, cell);
  else if (typeof cell === 'number') writeJsonFloat(out, cell);
  else if (typeof cell === 'bigint') out.ascii(String(cell));
  else if (typeof cell === 'boolean') out.copy(cell ? trueText : falseText);
  else writeStrings(out, cell);
}

function writeStrings(out: ByteWriter, texts: readonly string[]): void {
  out.byte(91);
  for (let i = 0; i < texts.length; i++) {
    if (i > 0) out.byte(44);
    writeJsonString(out, texts[i]!);
  }
  out.byte(93);
}

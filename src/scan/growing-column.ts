/** A column that grows by whole batches. Rows without a value hold zeros; room for them is made when one has. */

import type { Column } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';

type Numbers = Float64Array<ArrayBuffer>;

/** Of a text in the dictionary and the map beside it. */
const textOverhead = 80;

const noNumbers: Numbers = new Float64Array(0);
const noFlags: Uint8Array<ArrayBuffer> = new Uint8Array(0);

export class GrowingColumn {
  readonly type: FieldType;
  rowCount = 0;
  /** Doubles; codes of strings; booleans as 0 and 1. */
  #numbers: Numbers = noNumbers;
  /** In place of the numbers from the first 64-bit column on. */
  #wide: BigInt64Array<ArrayBuffer> | undefined;
  #valid: Uint8Array<ArrayBuffer> = noFlags;
  #gapCount = 0;
  #textBytes = 0;
  readonly #dictionary: string[] = [];
  readonly #codes = new Map<string, number>();

  constructor(type: FieldType) {
    this.type = type;
  }

  /** Of rows and texts, roughly. */
  get memoryBytes(): number {
    return this.#valid.length * 9 + this.#textBytes;
  }

  /** Appends all rows of a column of this type; undefined = rows without a value. */
  append(column: Column | undefined, rowCount: number): void {
    const at = this.rowCount;
    if (!column) {
      this.rowCount += rowCount;
      this.#gapCount += rowCount;
      return;
    }
    this.#reserve(at + rowCount);
    this.rowCount += rowCount;
    this.#appendValid(column.valid, at);
    if (column.type === 'string') this.#appendCodes(column.codes, column.dictionary, at);
    else this.#appendValues(column.values, at);
  }

  /** Appends one string for all rows. */
  appendText(text: string, rowCount: number): void {
    const at = this.rowCount;
    this.#reserve(at + rowCount);
    this.rowCount += rowCount;
    this.#valid.fill(1, at, this.rowCount);
    this.#numbers.fill(this.#codeOf(text), at, this.rowCount);
  }

  #appendValid(valid: Uint8Array | undefined, at: number): void {
    if (!valid) {
      this.#valid.fill(1, at, this.rowCount);
      return;
    }
    this.#valid.set(valid, at);
    for (let i = 0; i < valid.length; i++) this.#gapCount += 1 - valid[i]!;
  }

  #appendValues(
    values: Float64Array | Uint8Array | BigInt64Array | BigUint64Array,
    at: number,
  ): void {
    if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
      this.#wide ??= widened(this.#numbers, at);
      this.#wide.set(new BigInt64Array(values.buffer, values.byteOffset, values.length), at);
    } else if (this.#wide) {
      for (let i = 0; i < values.length; i++) this.#wide[at + i] = BigInt(values[i]!);
    } else {
      this.#numbers.set(values, at);
    }
  }

  #appendCodes(codes: Uint32Array, dictionary: readonly string[], at: number): void {
    const table = new Float64Array(dictionary.length).fill(-1);
    for (let i = 0; i < codes.length; i++) {
      if (this.#valid[at + i] === 0) continue;
      const code = codes[i]!;
      if (table[code]! < 0) table[code] = this.#codeOf(dictionary[code]!);
      this.#numbers[at + i] = table[code]!;
    }
  }

  #codeOf(text: string): number {
    let code = this.#codes.get(text);
    if (code === undefined) {
      code = this.#dictionary.push(text) - 1;
      this.#codes.set(text, code);
      this.#textBytes += text.length + textOverhead;
    }
    return code;
  }

  #reserve(rowCount: number): void {
    const capacity = this.#valid.length;
    if (rowCount <= capacity) return;
    const grown = Math.max(rowCount, 2 * capacity);
    const valid = new Uint8Array(grown);
    valid.set(this.#valid);
    this.#valid = valid;
    if (this.#wide) {
      const wide = new BigInt64Array(grown);
      wide.set(this.#wide);
      this.#wide = wide;
    } else {
      const numbers = new Float64Array(grown);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
  }

  /** Undefined when no row has a value. Shares memory: append no more. */
  finish(): Column | undefined {
    const { rowCount, type } = this;
    if (this.#gapCount === rowCount) return undefined;
    this.#reserve(rowCount);
    const valid = this.#gapCount > 0 ? this.#valid.subarray(0, rowCount) : undefined;
    const numbers = this.#numbers.subarray(0, rowCount);
    const wide = this.#wide?.subarray(0, rowCount);
    switch (type) {
      case 'float':
        return { type, values: numbers, valid };
      case 'integer':
        return { type, values: wide ?? numbers, valid };
      case 'unsigned':
        return {
          type,
          values: wide ? new BigUint64Array(wide.buffer, 0, rowCount) : numbers,
          valid,
        };
      case 'boolean':
        return { type, values: new Uint8Array(numbers), valid };
      case 'string':
        return { type, codes: new Uint32Array(numbers), dictionary: this.#dictionary, valid };
    }
  }
}

function widened(numbers: Numbers, count: number): BigInt64Array<ArrayBuffer> {
  const wide = new BigInt64Array(numbers.length);
  for (let i = 0; i < count; i++) wide[i] = BigInt(numbers[i]!);
  return wide;
}

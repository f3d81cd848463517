/**
 * Builds a column value by value, where whole-column kernels do not fit: picked rows, finished
 * calls, fills. Values are numbers, bigints, booleans as 0 or 1, or strings, as the type says.
 */

import type { Column } from '../../model/column.ts';
import type { FieldType } from '../../model/field-type.ts';

export type Value = number | bigint | string;

const startCapacity = 16;

/** Reads the value of a row; undefined = null. Integers come as numbers where they are safe. */
export function readValue(column: Column | undefined, row: number): Value | undefined {
  if (column === undefined || (column.valid !== undefined && column.valid[row] === 0)) {
    return undefined;
  }
  if (column.type === 'string') return column.dictionary[column.codes[row]!];
  return column.values[row];
}

export class ColumnBuilder {
  readonly type: FieldType;
  #count = 0;
  #numbers = new Float64Array(startCapacity);
  /** Used instead of `#numbers` from the first integer on that is not safe. */
  #wide: BigInt64Array | undefined;
  #valid = new Uint8Array(startCapacity);
  #nullCount = 0;
  readonly #dictionary: string[] = [];
  readonly #codes = new Map<string, number>();

  constructor(type: FieldType) {
    this.type = type;
  }

  get length(): number {
    return this.#count;
  }

  push(value: Value | undefined): void {
    const at = this.#count++;
    if (at === this.#valid.length) this.#grow();
    if (value === undefined) {
      this.#nullCount++;
      return;
    }
    this.#valid[at] = 1;
    if (typeof value === 'number') {
      if (this.#wide === undefined) this.#numbers[at] = value;
      else this.#wide[at] = BigInt(value);
    } else if (typeof value === 'string') {
      this.#numbers[at] = this.#codeOf(value);
    } else {
      this.#pushWide(at, value);
    }
  }

  finish(): Column {
    const count = this.#count;
    const valid = this.#nullCount === 0 ? undefined : this.#valid.subarray(0, count);
    const numbers = this.#numbers.subarray(0, count);
    switch (this.type) {
      case 'float':
        return { type: 'float', values: numbers, valid };
      case 'integer':
        return { type: 'integer', values: this.#wide?.subarray(0, count) ?? numbers, valid };
      case 'unsigned': {
        const wide = this.#wide && new BigUint64Array(this.#wide.buffer, 0, count);
        return { type: 'unsigned', values: wide ?? numbers, valid };
      }
      case 'boolean':
        return { type: 'boolean', values: Uint8Array.from(numbers), valid };
      case 'string': {
        const codes = Uint32Array.from(numbers);
        return { type: 'string', codes, dictionary: this.#dictionary, valid };
      }
    }
  }

  #codeOf(text: string): number {
    let code = this.#codes.get(text);
    if (code === undefined) {
      code = this.#dictionary.length;
      this.#dictionary.push(text);
      this.#codes.set(text, code);
    }
    return code;
  }

  #pushWide(at: number, value: bigint): void {
    if (this.#wide === undefined) {
      this.#wide = new BigInt64Array(this.#numbers.length);
      for (let i = 0; i < at; i++) this.#wide[i] = BigInt(this.#numbers[i]!);
    }
    this.#wide[at] = value;
  }

  #grow(): void {
    const capacity = this.#valid.length * 2;
    const valid = new Uint8Array(capacity);
    valid.set(this.#valid);
    this.#valid = valid;
    if (this.#wide !== undefined) {
      const wide = new BigInt64Array(capacity);
      wide.set(this.#wide);
      this.#wide = wide;
    } else {
      const numbers = new Float64Array(capacity);
      numbers.set(this.#numbers);
      this.#numbers = numbers;
    }
  }
}

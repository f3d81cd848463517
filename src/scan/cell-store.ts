/**
 * One value per slot, of one type, and the times of selected rows. Values are numbers (booleans 0
 * or 1), bigints for integers beyond 2^53 - 1, or strings.
 */

import type { Column } from '../model/column.ts';
import type { FieldType } from '../model/field-type.ts';
import { BaseTime, wordsOf } from './base-time.ts';
import { compareText } from './text-order.ts';

export type Cell = number | bigint | string;

/** Negative, 0 or positive. Numbers and bigints compare by value. */
export function compareCells(a: Cell, b: Cell): number {
  if (typeof a === 'string' || typeof b === 'string') return compareText(String(a), String(b));
  if (a < b) return -1;
  return a > b ? 1 : 0;
}

/** The value of a row that has one. */
export function cellAt(column: Column, row: number): Cell {
  if (column.type === 'string') return column.dictionary[column.codes[row]!]!;
  return simplestCell(column.values[row]!);
}

/** Safe integers as numbers. */
export function simplestCell(value: number | bigint): number | bigint {
  if (typeof value === 'number') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function hasCell(column: Column | undefined, row: number): column is Column {
  return column !== undefined && column.valid?.[row] !== 0;
}

const capacityFirst = 4;

export function grownCapacity(capacity: number, needed: number): number {
  return Math.max(capacityFirst, needed, 2 * capacity);
}

export function grownFloats(values: Float64Array, needed: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(grownCapacity(values.length, needed));
  out.set(values);
  return out;
}

export class CellStore {
  readonly type: FieldType;
  #numbers = new Float64Array(0);
  /** Integers that no double holds. */
  readonly #big = new Map<number, bigint>();
  readonly #texts: string[] = [];
  #textBytes = 0;

  constructor(type: FieldType) {
    this.type = type;
  }

  ensure(slotCount: number): void {
    if (this.#numbers.length < slotCount) this.#numbers = grownFloats(this.#numbers, slotCount);
  }

  /** Of the texts. */
  get textBytes(): number {
    return this.#textBytes;
  }

  /** 0 or '' where nothing was set. */
  get(slot: number): Cell {
    if (this.type === 'string') return this.#texts[slot] ?? '';
    if (this.#big.size > 0) {
      const big = this.#big.get(slot);
      if (big !== undefined) return big;
    }
    return this.#numbers[slot]!;
  }

  set(slot: number, cell: Cell): void {
    if (typeof cell === 'number') {
      if (this.#big.size > 0) this.#big.delete(slot);
      this.#numbers[slot] = cell;
    } else if (typeof cell === 'bigint') {
      this.#big.set(slot, cell);
    } else {
      this.#textBytes += cell.length - (this.#texts[slot]?.length ?? 0);
      this.#texts[slot] = cell;
    }
  }

  /** The values of the slots, in their order. */
  toColumn(slots: Uint32Array, valid?: Uint8Array): Column {
    const { type } = this;
    if (type === 'string') return this.#toStrings(slots, valid);
    if (this.#big.size > 0 && type === 'integer') {
      return { type, values: BigInt64Array.from(slots, (slot) => BigInt(this.get(slot))), valid };
    }
    if (this.#big.size > 0 && type === 'unsigned') {
      return { type, values: BigUint64Array.from(slots, (slot) => BigInt(this.get(slot))), valid };
    }
    const numbers = this.#numbers;
    if (type === 'boolean') {
      return { type, values: Uint8Array.from(slots, (slot) => numbers[slot]!), valid };
    }
    const values = new Float64Array(slots.length);
    for (let i = 0; i < slots.length; i++) values[i] = numbers[slots[i]!]!;
    return { type, values, valid };
  }

  #toStrings(slots: Uint32Array, valid: Uint8Array | undefined): Column {
    const dictionary: string[] = [];
    const known = new Map<string, number>();
    const codes = Uint32Array.from(slots, (slot) => {
      const text = this.#texts[slot] ?? '';
      const code = known.get(text) ?? dictionary.push(text) - 1;
      known.set(text, code);
      return code;
    });
    return { type: 'string', codes, dictionary, valid };
  }
}

/** A time per slot, as an offset from one of a few bases, so that comparing needs no BigInt. */
export class TimeStore {
  readonly #bases: BaseTime[] = [];
  readonly #baseNumbers = new Map<bigint, number>();
  #baseOf = new Uint32Array(0);
  #offsets = new Float64Array(0);

  ensure(slotCount: number): void {
    if (this.#offsets.length >= slotCount) return;
    this.#offsets = grownFloats(this.#offsets, slotCount);
    const bases = new Uint32Array(this.#offsets.length);
    bases.set(this.#baseOf);
    this.#baseOf = bases;
  }

  baseNumber(base: bigint): number {
    let number = this.#baseNumbers.get(base);
    if (number === undefined) {
      number = this.#bases.push(new BaseTime(base)) - 1;
      this.#baseNumbers.set(base, number);
    }
    return number;
  }

  /** How far time number `at` lies behind base 0, to which most times are near: exact when it is a safe integer. */
  offsetOf(words: Int32Array, at: number): number {
    return this.#bases[0]?.offsetOf(words, at) ?? Number.NaN;
  }

  set(slot: number, baseNumber: number, offset: number): void {
    this.#baseOf[slot] = baseNumber;
    this.#offsets[slot] = offset;
  }

  /** Negative when the given time lies before the slot's. */
  compare(baseNumber: number, offset: number, slot: number): number {
    const other = this.#baseOf[slot]!;
    if (other === baseNumber) return offset - this.#offsets[slot]!;
    const time = this.#bases[baseNumber]!.time + BigInt(offset);
    const known = this.get(slot);
    return time < known ? -1 : time > known ? 1 : 0;
  }

  get(slot: number): bigint {
    return this.#bases[this.#baseOf[slot]!]!.time + BigInt(this.#offsets[slot]!);
  }

  toTimes(slots: Uint32Array, counts: Float64Array): BigInt64Array {
    const times = new BigInt64Array(slots.length);
    const words = wordsOf(times);
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      if (counts[slot]! === 0) continue;
      this.#bases[this.#baseOf[slot]!]!.write(words, i, this.#offsets[slot]!);
    }
    return times;
  }
}

/**
 * One tag key of one measurement: which value each series has, and which series have a value.
 *
 * Values are codes of a dictionary, 0 = the series lacks the tag. The inverted lists (value -> ordinals
 * ascending) are one array made by counting sort over the codes when somebody asks; series added since
 * are found by looking through the tail, which is bounded by a share of the whole.
 */

import { decodeText } from '../../base/text.ts';
import type { ByteArena } from './byte-arena.ts';
import { ByteTable } from './byte-table.ts';
import { GrowableUint32 } from './growable.ts';

/** The tail of codes not yet in the lists: at most this many, or an eighth of all. */
const tailMin = 1024;
const tailShare = 8;

export class TagColumn {
  readonly key: string;
  private readonly values: ByteTable;
  private readonly codes = new GrowableUint32();
  private starts = new Uint32Array(1);
  private lists = new Uint32Array(0);
  private listedCount = 0;

  /** Told of each value that no series had before. */
  private readonly onValue: ((value: Uint8Array) => void) | undefined;

  constructor(key: string, arena: ByteArena, onValue?: (value: Uint8Array) => void) {
    this.key = key;
    this.values = new ByteTable(arena);
    this.onValue = onValue;
  }

  /** Codes are 1 to this. */
  get codeMax(): number {
    return this.values.size;
  }

  set(ordinal: number, value: Uint8Array): void {
    const { size } = this.values;
    const code = this.values.findOrAdd(value) + 1;
    if (code > size) this.onValue?.(value);
    this.codes.extend(ordinal + 1);
    this.codes.values[ordinal] = code;
  }

  /** The series left: its value no longer counts. */
  clear(ordinal: number): void {
    if (ordinal < this.codes.length) this.codes.values[ordinal] = 0;
  }

  /** 0 = the series lacks the tag. */
  codeOf(ordinal: number): number {
    return ordinal < this.codes.length ? this.codes.values[ordinal]! : 0;
  }

  /** 0 = no series ever had it. */
  codeOfValue(value: Uint8Array): number {
    return this.values.find(value) + 1;
  }

  valueOf(code: number): string {
    return code === 0 ? '' : decodeText(this.values.bytesOf(code - 1));
  }

  /** Ordinals of the series with one of these values, ascending; may hold some that have left since. */
  ordinalsOf(codes: ReadonlySet<number>): Uint32Array {
    this.refreshLists();
    const parts: (Uint32Array | number[])[] = [];
    for (const code of codes) {
      if (code + 1 >= this.starts.length) continue;
      parts.push(this.lists.subarray(this.starts[code]!, this.starts[code + 1]!));
    }
    const tail: number[] = [];
    const known = this.codes.values;
    for (let i = this.listedCount; i < this.codes.length; i++) {
      if (codes.has(known[i]!)) tail.push(i);
    }
    parts.push(tail);
    const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return codes.size > 1 ? all.sort() : all;
  }

  get memoryBytes(): number {
    return (
      this.values.memoryBytes +
      this.codes.memoryBytes +
      this.starts.byteLength +
      this.lists.byteLength
    );
  }

  private refreshLists(): void {
    const count = this.codes.length;
    const tail = count - this.listedCount;
    if (tail <= tailMin || tail * tailShare <= count) return;
    const codes = this.codes.values;
    const starts = new Uint32Array(this.codeMax + 2);
    for (let i = 0; i < count; i++) starts[codes[i]! + 1]!++;
    for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
    const next = starts.slice();
    const lists = new Uint32Array(count);
    for (let i = 0; i < count; i++) lists[next[codes[i]!]!++] = i;
    this.starts = starts;
    this.lists = lists;
    this.listedCount = count;
  }
}

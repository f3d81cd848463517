/**
 * Canonical key of a scanned section without escapes, straight into a buffer that is used again: what
 * nearly every new series takes. Sections with a backslash go through exact-row.ts.
 */

import { viewOf } from '../base/bytes.ts';
import type { ExactScan } from './exact-scan.ts';

const sizeFirst = 1_024;
const backslash = 0x5c;
const timeName = [0x74, 0x69, 0x6d, 0x65];

export type PlainSection = 'plain' | 'escaped' | 'duplicate';

export class SectionKey {
  bytes: Uint8Array = new Uint8Array(sizeFirst);
  view: DataView = viewOf(this.bytes);
  size = 0;
  measurementSize = 0;
  hasTimeTag = false;
  private readonly order: number[] = [];

  /** `[start, end)` without the space behind it; `scan` has just read it. */
  encode(scan: ExactScan, start: number, end: number): PlainSection {
    const { bytes, tags } = scan;
    for (let at = start; at < end; at++) if (bytes[at] === backslash) return 'escaped';
    this.reserve(2 * (end - start) + 8);
    this.measurementSize = scan.measurementEnd - start;
    this.hasTimeTag = false;
    if (!this.sortTags(scan)) return 'duplicate';
    let at = this.writePart(0, bytes, start, scan.measurementEnd);
    for (const tag of this.order) {
      at = this.writePart(at, bytes, tags[tag]!, tags[tag + 1]!);
      this.hasTimeTag ||= this.isTime(at);
      at = this.writePart(at, bytes, tags[tag + 2]!, tags[tag + 3]!);
    }
    this.size = at;
    return 'plain';
  }

  /** True when the part that ends at `end` is `time`. */
  private isTime(end: number): boolean {
    const { bytes } = this;
    if (bytes[end - 6] !== 4 || bytes[end - 5] !== 0) return false;
    return timeName.every((byte, i) => bytes[end - 4 + i] === byte);
  }

  private reserve(size: number): void {
    if (size <= this.bytes.length) return;
    this.bytes = new Uint8Array(size * 2);
    this.view = viewOf(this.bytes);
  }

  private writePart(to: number, source: Uint8Array, from: number, until: number): number {
    const { bytes } = this;
    const size = until - from;
    bytes[to] = size & 0xff;
    bytes[to + 1] = size >> 8;
    for (let i = 0; i < size; i++) bytes[to + 2 + i] = source[from + i]!;
    return to + 2 + size;
  }

  /** Fills `order` with the places of the tags, sorted by key; false when a key repeats. */
  private sortTags({ bytes, tags }: ExactScan): boolean {
    const { order } = this;
    order.length = 0;
    let isSorted = true;
    for (let i = 0; i < tags.length; i += 4) {
      if (i > 0 && compareKeys(bytes, tags, i - 4, i) >= 0) isSorted = false;
      order.push(i);
    }
    if (isSorted) return true;
    order.sort((a, b) => compareKeys(bytes, tags, a, b));
    for (let i = 1; i < order.length; i++) {
      if (compareKeys(bytes, tags, order[i - 1]!, order[i]!) === 0) return false;
    }
    return true;
  }
}

function compareKeys(bytes: Uint8Array, tags: readonly number[], a: number, b: number): number {
  const aStart = tags[a]!;
  const bStart = tags[b]!;
  const aSize = tags[a + 1]! - aStart;
  const bSize = tags[b + 1]! - bStart;
  const size = Math.min(aSize, bSize);
  for (let i = 0; i < size; i++) {
    const difference = bytes[aStart + i]! - bytes[bStart + i]!;
    if (difference !== 0) return difference;
  }
  return aSize - bSize;
}

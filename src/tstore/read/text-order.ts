/** Order of names by their bytes, and sorting of long lists in slices. */

import { compareBytes } from '../../base/bytes.ts';
import { encodeText } from '../../base/text.ts';
import type { Pacer } from '../store/pacer.ts';

/** From here on the order of UTF-16 units is not that of bytes. */
const firstSurrogate = 0xd800;

/** Byte order of the names; negative, 0 or positive. */
export function compareText(a: string, b: string): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x < firstSurrogate && y < firstSurrogate) return x - y;
    return compareBytes(encodeText(a), encodeText(b));
  }
  return a.length - b.length;
}

const runLength = 1024;

/** Stable merge sort that breathes; the given array is not changed. */
export async function sortInSlices<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  pacer: Pacer,
): Promise<T[]> {
  if (items.length <= runLength) return items.slice().sort(compare);
  let runs: T[][] = [];
  for (let i = 0; i < items.length; i += runLength) {
    runs.push(items.slice(i, i + runLength).sort(compare));
    await pacer.breathe();
  }
  while (runs.length > 1) {
    const next: T[][] = [];
    for (let i = 0; i + 1 < runs.length; i += 2) {
      next.push(await mergeRuns(runs[i]!, runs[i + 1]!, compare, pacer));
    }
    if (runs.length % 2 === 1) next.push(runs[runs.length - 1]!);
    runs = next;
  }
  return runs[0] ?? [];
}

async function mergeRuns<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (a: T, b: T) => number,
  pacer: Pacer,
): Promise<T[]> {
  const merged: T[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    merged.push(compare(a[i]!, b[j]!) <= 0 ? a[i++]! : b[j++]!);
    if (merged.length % runLength === 0) await pacer.breathe();
  }
  while (i < a.length) merged.push(a[i++]!);
  while (j < b.length) merged.push(b[j++]!);
  return merged;
}

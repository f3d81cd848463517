/** Sorting of long lists in slices, so that others run in between. */

import type { Pacer } from '../store/pacer.ts';

const runLength = 256;

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
  // Series that came in order need no merge.
  if (compare(a[a.length - 1]!, b[0]!) <= 0) return a.concat(b);
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

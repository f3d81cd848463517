/** Sorting of long lists in slices, so that others run in between. */

/** Items between two pauses. */
const sliceLength = 256;

/** Stable merge sort that awaits `pause` after every slice; the given array is not changed. */
export async function sortInSlices<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  pause: () => Promise<void>,
): Promise<T[]> {
  if (items.length <= sliceLength) return items.slice().sort(compare);
  let runs: T[][] = [];
  for (let i = 0; i < items.length; i += sliceLength) {
    runs.push(items.slice(i, i + sliceLength).sort(compare));
    await pause();
  }
  while (runs.length > 1) {
    const next: T[][] = [];
    for (let i = 0; i + 1 < runs.length; i += 2) {
      next.push(await mergeRuns(runs[i]!, runs[i + 1]!, compare, pause));
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
  pause: () => Promise<void>,
): Promise<T[]> {
  // Series that came in order need no merge.
  if (compare(a[a.length - 1]!, b[0]!) <= 0) return a.concat(b);
  const merged: T[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    merged.push(compare(a[i]!, b[j]!) <= 0 ? a[i++]! : b[j++]!);
    if (merged.length % sliceLength === 0) await pause();
  }
  while (i < a.length) merged.push(a[i++]!);
  while (j < b.length) merged.push(b[j++]!);
  return merged;
}

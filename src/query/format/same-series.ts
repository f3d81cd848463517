/** Whether two pieces belong to one series of a result. */

import type { SeriesPiece } from '../result.ts';

export function isSameSeries(a: SeriesPiece, b: SeriesPiece): boolean {
  if (a.name !== b.name) return false;
  const left = a.tags ?? [];
  const right = b.tags ?? [];
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) {
    const [key, value] = left[i]!;
    const [otherKey, otherValue] = right[i]!;
    if (value !== otherValue || key !== otherKey) return false;
  }
  return true;
}

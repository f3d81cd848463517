/** Each worker's share of what all together may hold. */

import type { MemoryLimits } from '../base/memory-budget.ts';

export function shareOf(
  { queryBytes, totalBytes }: MemoryLimits,
  threadCount: number,
): MemoryLimits {
  return { queryBytes: queryBytes / threadCount, totalBytes: totalBytes / threadCount };
}

/**
 * Shard groups as a grid of time. What columns a wildcard stands for is asked of whole groups, as in
 * InfluxDB: the answer must not depend on how finely a store happens to know its times.
 */

import { nsPerDay, type TimeRange } from '../../model/time.ts';
import { clampTime } from '../windows.ts';

/** Groups are counted from the first day of the year 1, so that those of weeks begin on Mondays. */
const origin = -719_162n * nsPerDay;

function groupStart(time: bigint, length: bigint): bigint {
  const rest = (time - origin) % length;
  return time - (rest < 0n ? rest + length : rest);
}

/** The range widened to the groups it touches. */
export function wholeGroups({ min, max }: TimeRange, length: bigint): TimeRange {
  if (length <= 0n) return { min, max };
  return {
    min: clampTime(groupStart(min, length)),
    max: clampTime(groupStart(max, length) + length - 1n),
  };
}

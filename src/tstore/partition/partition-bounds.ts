/**
 * Where time partitions start and end: InfluxDB's rule for shard groups. Starts are multiples of the
 * duration counted from 0001-01-01 (a Monday). A partition is at most 91 days long, so that an offset
 * from its start is exact in a Float64. Existing partitions keep their bounds; new ones give way.
 */

import { maxTime, minTime, nsPerDay, nsPerSecond } from '../../model/time.ts';

/** [start, end), ns since the Unix epoch. */
export interface Bounds {
  readonly start: bigint;
  readonly end: bigint;
}

const yearOneNs = -62_135_596_800n * nsPerSecond;
export const partitionDurationMax = 91n * nsPerDay;
/** For a policy that is not known (yet): that of a policy that keeps for ever. */
export const defaultDurationNs = 7n * nsPerDay;

function alignedBounds(time: bigint, duration: bigint): Bounds {
  const past = (time - yearOneNs) % duration;
  const start = time - (past < 0n ? past + duration : past);
  return {
    start: start < minTime ? minTime : start,
    end: start + duration > maxTime ? maxTime + 1n : start + duration,
  };
}

/** Bounds of a new partition for `time`, which none of `existing` covers. */
export function boundsFor(time: bigint, durationNs: bigint, existing: readonly Bounds[]): Bounds {
  const duration =
    durationNs <= 0n
      ? defaultDurationNs
      : durationNs > partitionDurationMax
        ? partitionDurationMax
        : durationNs;
  let { start, end } = alignedBounds(time, duration);
  for (const other of existing) {
    if (other.end <= time && other.end > start) start = other.end;
    if (other.start > time && other.start < end) end = other.start;
  }
  return { start, end };
}

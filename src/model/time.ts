/**
 * Time: signed 64-bit nanoseconds since the Unix epoch, as InfluxDB bounds it. BigInt at the edges;
 * inside a time partition (at most 91 days) a Float64 offset from the partition's start is exact.
 */

export const minTime = -9223372036854775806n;
export const maxTime = 9223372036854775806n;

export const nsPerSecond = 1_000_000_000n;
export const nsPerHour = 3_600n * nsPerSecond;
export const nsPerDay = 24n * nsPerHour;

/** Both ends inclusive. Empty when `min > max`. */
export interface TimeRange {
  readonly min: bigint;
  readonly max: bigint;
}

export const allTime: TimeRange = { min: minTime, max: maxTime };

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

const twoTo16 = 2 ** 16;
const twoTo32 = 2 ** 32;

/**
 * Writes `units * unitNs + restNs` into the two words, low first, of the 64-bit time at `index`: no BigInt per point.
 * Exact for |units * unitNs| below 2^63, a `unitNs` up to 10^9 and a `restNs` of [0, 10^9).
 */
export function putTime(
  words: Uint32Array,
  index: number,
  units: number,
  unitNs: number,
  restNs = 0,
): void {
  const unitsHigh = Math.floor(units / twoTo16);
  const high = unitsHigh * unitNs;
  const highOfHigh = Math.floor(high / twoTo16);
  const sum =
    (high - highOfHigh * twoTo16) * twoTo16 + (units - unitsHigh * twoTo16) * unitNs + restNs;
  const carry = Math.floor(sum / twoTo32);
  words[2 * index] = sum - carry * twoTo32;
  words[2 * index + 1] = highOfHigh + carry;
}

/** The whole units of `unitNs` (up to 10^6) in the time at `index` of words as above, cut toward zero as Go divides. */
export function readTime(words: Uint32Array, index: number, unitNs: number): number {
  const low = words[2 * index]!;
  const high = words[2 * index + 1]! | 0;
  const unitsHigh = Math.floor(high / unitNs);
  const rest = (high - unitsHigh * unitNs) * twoTo32 + low;
  const unitsLow = Math.floor(rest / unitNs);
  const floor = unitsHigh * twoTo32 + unitsLow;
  const isWhole = unitsLow * unitNs === rest;
  return floor < 0 && !isWhole ? floor + 1 : floor;
}

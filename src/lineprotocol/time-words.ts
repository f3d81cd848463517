/** 64-bit times as two 32-bit words, from whole seconds and nanoseconds, without BigInt. */

const twoTo32 = 4_294_967_296;

/** At or below this many seconds, with nanoseconds below 1e9, a time is inside InfluxDB's range. */
export const safeSecondsMax = 9_223_372_035;

/** Where `splitTime` leaves its answer. */
export interface TimeWords {
  low: number;
  high: number;
}

/**
 * `sign * (seconds * 1e9 + nanos)`; seconds in [0, 9223372036], nanos in [0, 2^32).
 * Every intermediate value stays below 2^53.
 */
export function splitTime(negative: boolean, seconds: number, nanos: number, out: TimeWords): void {
  const secondsHigh = Math.floor(seconds / 65_536);
  const x = (seconds - secondsHigh * 65_536) * 1e9 + nanos;
  const y = secondsHigh * 1e9;
  const yHigh = Math.floor(y / 65_536);
  const sum = (y - yHigh * 65_536) * 65_536 + x;
  const carry = Math.floor(sum / twoTo32);
  let low = (sum - carry * twoTo32) | 0;
  let high = (yHigh + carry) | 0;
  if (negative) {
    low = -low | 0;
    high = low === 0 ? -high | 0 : ~high;
  }
  out.low = low;
  out.high = high;
}

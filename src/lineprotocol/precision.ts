/**
 * Precisions of the write endpoint: how many nanoseconds one unit of a timestamp is.
 *
 * A timestamp is split into whole seconds and nanoseconds, both plain numbers, and only then into the
 * two words of a 64-bit time: no BigInt per point.
 */

export const precisions = ['n', 'ns', 'u', 'ms', 's', 'm', 'h'] as const;
export type Precision = (typeof precisions)[number];

export const nsPerUnit: Readonly<Record<Precision, bigint>> = {
  n: 1n,
  ns: 1n,
  u: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** For units below a second: how many make one; for the others 0. */
export const unitsPerSecond: Readonly<Record<Precision, number>> = {
  n: 1e9,
  ns: 1e9,
  u: 1e6,
  ms: 1e3,
  s: 1,
  m: 0,
  h: 0,
};

/** For units of a second and more: how many seconds each has; for the others 0. */
export const secondsPerUnit: Readonly<Record<Precision, number>> = {
  n: 0,
  ns: 0,
  u: 0,
  ms: 0,
  s: 1,
  m: 60,
  h: 3_600,
};

/** InfluxDB's names; undefined for any other text. */
export function parsePrecision(text: string): Precision | undefined {
  return precisions.find((name) => name === text);
}

/** The start of the unit that holds `timeNs`: what a point without a time gets. */
export function truncateTime(timeNs: bigint, precision: Precision): bigint {
  const unit = nsPerUnit[precision];
  const rest = timeNs % unit;
  return timeNs - (rest < 0n ? rest + unit : rest);
}

/**
 * The test data: every point is a pure function of (series, index), so that a checker that knows
 * nothing but two numbers can tell what must be stored.
 *
 * A point carries a float, a 64-bit integer, a string, a boolean, a time exact to the nanosecond and
 * a checksum over all of them. The checksum tells a damaged point from one in the wrong place.
 */

import { crc32 } from 'node:zlib';

/** What is stored, and what a query returns for it. */
export interface PatternPoint {
  readonly timeNs: bigint;
  readonly float: number;
  readonly integer: bigint;
  readonly string: string;
  readonly boolean: boolean;
  readonly checksum: number;
}

/** 2017-07-14T02:40:00Z: in the past, so that "now" never matters. */
const baseNs = 1_500_000_000_000_000_000n;
const stepNs = 1_000_000_000n;

/** Three rounds of a 32-bit mixer (the finalizer of MurmurHash3): well spread, cheap, portable. */
export function mix(series: number, index: number, salt: number): number {
  let hash = Math.imul(series ^ 0x9e3779b9, 0x85ebca6b) ^ salt;
  hash = Math.imul(hash ^ (hash >>> 16) ^ index, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function formatSeriesTag(series: number): string {
  return `s${series}`;
}

/** One point per second, at a nanosecond of that second that differs from point to point. */
export function timeOf(series: number, index: number): bigint {
  return baseNs + BigInt(index) * stepNs + BigInt(mix(series, index, 1) % 1_000_000_000);
}

/** The index of the point that belongs into the second of `timeNs`; may be negative. */
export function indexOf(timeNs: bigint): number {
  const sinceBase = timeNs - baseNs;
  return sinceBase < 0n ? -1 : Number(sinceBase / stepNs);
}

export function computeChecksum(series: number, point: Omit<PatternPoint, 'checksum'>): number {
  const { timeNs, float, integer, string, boolean } = point;
  return crc32([formatSeriesTag(series), timeNs, float, integer, string, boolean].join(' '));
}

export function makePoint(series: number, index: number): PatternPoint {
  const values = {
    timeNs: timeOf(series, index),
    float: ((mix(series, index, 2) % 2_000_001) - 1_000_000) / 1000,
    integer: BigInt(mix(series, index, 3) | 0) * 4_294_967_296n + BigInt(mix(series, index, 4)),
    string: `${formatSeriesTag(series)} "${mix(series, index, 5).toString(36)}", é\\`,
    boolean: mix(series, index, 6) % 2 === 0,
  };
  return { ...values, checksum: computeChecksum(series, values) };
}

function escapeString(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

/** In measurement names commas and spaces are escaped, nothing else. */
export function escapeMeasurement(name: string): string {
  return name.replace(/[, ]/g, '\\$&');
}

/** One line of line protocol, without its line feed. */
export function formatPoint(measurement: string, series: number, index: number): string {
  const { timeNs, float, integer, string, boolean, checksum } = makePoint(series, index);
  const fields = `f=${float},i=${integer}i,s="${escapeString(string)}",b=${boolean},crc=${checksum}i`;
  return `${escapeMeasurement(measurement)},id=${formatSeriesTag(series)} ${fields} ${timeNs}`;
}

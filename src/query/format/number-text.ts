/**
 * Numbers as InfluxDB prints them: 64-bit integers in full, floats in the shortest form that reads
 * back equal, with an exponent below 1e-6 and from 1e21 on. That is JavaScript's own form but for -0.
 */

import type { ByteWriter } from './byte-writer.ts';

const billion = 1_000_000_000;
/** Decimals below this have at most 15 digits, so that equal doubles mean equal decimals. */
const exactDecimalMax = 1e15;
const decimalScales = [10, 100, 1_000, 10_000] as const;

function countDigits(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1_000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8;
  return 9;
}

/** `width` digits of a whole number below 1e9, with leading zeros. */
export function writeDigits(bytes: Uint8Array, at: number, width: number, value: number): void {
  let rest = value | 0;
  for (let i = at + width - 1; i >= at; i--) {
    const quotient = (rest / 10) | 0;
    bytes[i] = 48 + rest - quotient * 10;
    rest = quotient;
  }
}

/** A whole number, |value| <= 2^53 - 1. */
export function writeInteger(out: ByteWriter, value: number): void {
  out.ensure(20);
  let rest = value;
  if (rest < 0) {
    out.bytes[out.size++] = 45;
    rest = -rest;
  }
  if (rest >= billion) {
    const high = Math.floor(rest / billion);
    const width = countDigits(high);
    writeDigits(out.bytes, out.size, width, high);
    out.size += width;
    writeDigits(out.bytes, out.size, 9, rest - high * billion);
    out.size += 9;
    return;
  }
  const width = countDigits(rest);
  writeDigits(out.bytes, out.size, width, rest);
  out.size += width;
}

/**
 * A decimal of up to four places: when n / 10^k gives back the very double, n with k places is its
 * shortest form, because two decimals of at most 15 digits never round to one double.
 */
function writeShortDecimal(out: ByteWriter, value: number): boolean {
  const size = Math.abs(value);
  for (let places = 1; places <= decimalScales.length; places++) {
    const scale = decimalScales[places - 1]!;
    const scaled = Math.round(size * scale);
    if (scaled >= exactDecimalMax) return false;
    if (scaled / scale !== size) continue;
    const whole = Math.floor(scaled / scale);
    if (value < 0) out.byte(45);
    writeInteger(out, whole);
    out.ensure(places + 1);
    out.bytes[out.size++] = 46;
    writeDigits(out.bytes, out.size, places, scaled - whole * scale);
    out.size += places;
    return true;
  }
  return false;
}

/** A finite float. */
export function writeFloat(out: ByteWriter, value: number): void {
  if (Number.isInteger(value) && value < exactDecimalMax && value > -exactDecimalMax) {
    if (value === 0 && 1 / value < 0) out.byte(45);
    writeInteger(out, value);
    return;
  }
  if (!writeShortDecimal(out, value)) out.ascii(String(value));
}

/** A 64-bit integer by its two 32-bit halves; `high` is signed for int64, unsigned for uint64. */
export function writeInteger64(out: ByteWriter, low: number, high: number): void {
  if (high >= -0x20_0000 && high < 0x20_0000) {
    writeInteger(out, high * 0x1_0000_0000 + low);
    return;
  }
  out.ascii(String((BigInt(high) << 32n) + BigInt(low)));
}

/**
 * MessagePack values, each in its shortest form, as InfluxDB's encoder chooses it.
 *
 * A time is an extension of type 5 with 12 bytes: seconds as int64, nanoseconds as uint32, big-endian.
 */

import { encodeText } from '../../base/text.ts';
import type { ByteWriter } from './byte-writer.ts';

const two32 = 0x1_0000_0000;
const billion = 1_000_000_000;
const float64 = new Float64Array(1);
const floatBytes = new Uint8Array(float64.buffer);

function writeBigEndian(out: ByteWriter, value: number, size: 1 | 2 | 4): void {
  out.ensure(size);
  for (let shift = (size - 1) * 8; shift >= 0; shift -= 8) {
    out.bytes[out.size++] = (value >> shift) & 255;
  }
}

/** A length behind one of the codes for 16 and 32 bits; `small` = the code for what fits a nibble. */
function writeLength(out: ByteWriter, length: number, small: number, code16: number): void {
  if (length < 16) {
    out.byte(small | length);
  } else if (length < 0x1_0000) {
    out.byte(code16);
    writeBigEndian(out, length, 2);
  } else {
    out.byte(code16 + 1);
    writeBigEndian(out, length, 4);
  }
}

export function writeArrayHeader(out: ByteWriter, length: number): void {
  writeLength(out, length, 0x90, 0xdc);
}

export function writeMapHeader(out: ByteWriter, length: number): void {
  writeLength(out, length, 0x80, 0xde);
}

export function writeNil(out: ByteWriter): void {
  out.byte(0xc0);
}

export function writeBool(out: ByteWriter, value: boolean): void {
  out.byte(value ? 0xc3 : 0xc2);
}

/** Bytes that were no UTF-8 go out as they came in. */
export function writeText(out: ByteWriter, text: string): void {
  const bytes = encodeText(text);
  const { length } = bytes;
  if (length < 32) {
    out.byte(0xa0 | length);
  } else if (length < 0x100) {
    out.byte(0xd9);
    out.byte(length);
  } else {
    out.byte(length < 0x1_0000 ? 0xda : 0xdb);
    writeBigEndian(out, length, length < 0x1_0000 ? 2 : 4);
  }
  out.copy(bytes);
}

export function writeFloat64(out: ByteWriter, value: number): void {
  float64[0] = value;
  out.ensure(9);
  const { bytes } = out;
  bytes[out.size++] = 0xcb;
  for (let i = 7; i >= 0; i--) bytes[out.size++] = floatBytes[i]!;
}

/** A safe integer. Negative ones and those of 32 bits and less in the signed forms. */
export function writeInt(out: ByteWriter, value: number): void {
  if (value >= -32 && value < 128) {
    out.byte(value & 255);
  } else if (value >= -128 && value < 128) {
    out.byte(0xd0);
    out.byte(value & 255);
  } else if (value >= -0x8000 && value < 0x8000) {
    out.byte(0xd1);
    writeBigEndian(out, value, 2);
  } else if (value >= -0x8000_0000 && value < 0x8000_0000) {
    out.byte(0xd2);
    writeBigEndian(out, value, 4);
  } else {
    out.byte(0xd3);
    writeBigEndian(out, Math.floor(value / two32), 4);
    writeBigEndian(out, value | 0, 4);
  }
}

/** An int64 by its halves. */
export function writeInt64(out: ByteWriter, low: number, high: number): void {
  if (high === low >> 31) {
    writeInt(out, low);
    return;
  }
  out.byte(0xd3);
  writeBigEndian(out, high, 4);
  writeBigEndian(out, low, 4);
}

/** A uint64 by its halves. */
export function writeUint64(out: ByteWriter, low: number, high: number): void {
  const small = low >>> 0;
  if (high !== 0) {
    out.byte(0xcf);
    writeBigEndian(out, high, 4);
    writeBigEndian(out, low, 4);
  } else if (small < 128) {
    out.byte(small);
  } else if (small < 0x100) {
    out.byte(0xcc);
    out.byte(small);
  } else if (small < 0x1_0000) {
    out.byte(0xcd);
    writeBigEndian(out, small, 2);
  } else {
    out.byte(0xce);
    writeBigEndian(out, low, 4);
  }
}

/** Whole seconds, rounded down, of an int64 of nanoseconds by its halves; exact. */
export function secondsOf(low: number, high: number): number {
  const seconds = Math.floor((high * two32 + (low >>> 0)) / billion);
  // Doubles are off by one second at most; the rest modulo 2^32 tells.
  const nanos = (low - Math.imul(seconds, billion)) | 0;
  if (nanos < 0) return seconds - 1;
  return nanos >= billion ? seconds + 1 : seconds;
}

/** The nanoseconds beside `secondsOf`. */
export function nanosOf(low: number, seconds: number): number {
  return (low - Math.imul(seconds, billion)) | 0;
}

/** Seconds of a time in nanoseconds fit 34 bits. */
export function writeTime(out: ByteWriter, low: number, high: number): void {
  const seconds = secondsOf(low, high);
  out.byte(0xc7);
  out.byte(12);
  out.byte(5);
  writeBigEndian(out, Math.floor(seconds / two32), 4);
  writeBigEndian(out, seconds | 0, 4);
  writeBigEndian(out, nanosOf(low, seconds), 4);
}

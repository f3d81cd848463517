/**
 * Byte cursors: a reader that checks every bound and a writer that grows by doubling. Little-endian.
 *
 * For headers, tables and other small structures. Bulk columns are typed-array views, not cursor calls.
 */

import { CitadelError } from './errors.ts';

const writerSizeFirst = 64;

function isLittleEndian(): boolean {
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
}

if (!isLittleEndian()) {
  throw new CitadelError('unsupported', 'stored formats are little-endian and read in place');
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  const size = a.length;
  if (b.length !== size) return false;
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order of unsigned bytes; a prefix comes first. Negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** As `compareBytes`, of parts of two buffers; the first `depth` bytes are known to be equal. */
export function compareParts(
  a: Uint8Array,
  startA: number,
  sizeA: number,
  b: Uint8Array,
  startB: number,
  sizeB: number,
  depth = 0,
): number {
  const size = Math.min(sizeA, sizeB);
  for (let i = depth; i < size; i++) {
    const difference = a[startA + i]! - b[startB + i]!;
    if (difference !== 0) return difference;
  }
  return sizeA - sizeB;
}

/** The next multiple of 8 at or above `offset`. */
export function align8(offset: number): number {
  return Math.ceil(offset / 8) * 8;
}

export class ByteReader {
  readonly bytes: Uint8Array;
  position: number;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
    this.view = viewOf(bytes);
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  /** Reserves `size` bytes and returns where they start. Errors: `corrupt` when they are not there. */
  private take(size: number): number {
    const at = this.position;
    if (size < 0 || at + size > this.bytes.length) {
      throw new CitadelError('corrupt', 'cannot read past the end', {
        details: { position: at, size, available: this.bytes.length },
      });
    }
    this.position = at + size;
    return at;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  i64(): bigint {
    return this.view.getBigInt64(this.take(8), true);
  }

  u64(): bigint {
    return this.view.getBigUint64(this.take(8), true);
  }

  f64(): number {
    return this.view.getFloat64(this.take(8), true);
  }

  /** A view, not a copy. */
  span(size: number): Uint8Array {
    const at = this.take(size);
    return this.bytes.subarray(at, at + size);
  }

  /** LEB128. Errors: `corrupt` above 2^53 - 1. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (!Number.isSafeInteger(value)) throw new CitadelError('corrupt', 'varint is too large');
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }
}

export class ByteWriter {
  bytes: Uint8Array;
  size: number;
  private view: DataView;

  constructor(capacity = writerSizeFirst) {
    this.bytes = new Uint8Array(Math.max(capacity, 8));
    this.size = 0;
    this.view = viewOf(this.bytes);
  }

  /** Makes room for `size` more bytes and returns where they start. */
  private reserve(size: number): number {
    const at = this.size;
    const needed = at + size;
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
      this.view = viewOf(grown);
    }
    this.size = needed;
    return at;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.view.setUint32(at, value, true);
  }

  i64(value: bigint): void {
    const at = this.reserve(8);
    this.view.setBigInt64(at, value, true);
  }

  u64(value: bigint): void {
    const at = this.reserve(8);
    this.view.setBigUint64(at, value, true);
  }

  f64(value: number): void {
    const at = this.reserve(8);
    this.view.setFloat64(at, value, true);
  }

  put(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** LEB128 of a safe whole number >= 0. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.u8(rest);
  }

  /** Zeros up to the next multiple of 8. */
  pad8(): void {
    const at = this.size;
    const end = align8(at);
    this.reserve(end - at);
    this.bytes.fill(0, at, end);
  }

  /** Overwrites four bytes that were written before. */
  setU32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  /** A view of what was written; the next write may leave it behind. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }

  /** A copy in its own ArrayBuffer. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }

  clear(): void {
    this.size = 0;
  }
}

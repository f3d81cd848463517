/**
 * Growing byte buffer for chunks and codecs: little-endian words and varints.
 *
 * `unsigned` is LEB128 for whole numbers below 2^53. `signed` spends one bit of its first byte on the
 * sign instead of doubling the value, so that every safe integer fits: bit 7 more follows, bit 6
 * negative, bits 0-5 and then 7 bits a byte the magnitude, low bits first.
 */

export class ByteWriter {
  bytes: Uint8Array;
  view: DataView;
  size: number;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
    this.size = 0;
  }

  /** Makes room for `extra` bytes and returns the position they start at, already counted in. */
  take(extra: number): number {
    const at = this.size;
    const until = at + extra;
    if (until > this.bytes.length) {
      const grown = new Uint8Array(Math.max(until, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.size = until;
    return at;
  }

  byte(value: number): void {
    const at = this.take(1);
    this.bytes[at] = value;
  }

  u32(value: number): void {
    const at = this.take(4);
    this.view.setUint32(at, value, true);
  }

  f64(value: number): void {
    const at = this.take(8);
    this.view.setFloat64(at, value, true);
  }

  unsigned(value: number): void {
    let at = this.take(8);
    let rest = value;
    while (rest >= 128) {
      this.bytes[at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[at++] = rest;
    this.size = at;
  }

  signed(value: number): void {
    const magnitude = Math.abs(value);
    const first = (magnitude % 64) + (value < 0 ? 64 : 0);
    if (magnitude < 64) {
      this.byte(first);
      return;
    }
    this.byte(first + 128);
    this.unsigned(Math.floor(magnitude / 64));
  }

  raw(source: Uint8Array): void {
    const at = this.take(source.length);
    this.bytes.set(source, at);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }
}

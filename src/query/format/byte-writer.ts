/**
 * A growing run of bytes that answers are written into.
 *
 * `bytes` is replaced when it grows: hold it in a local only between two calls of `ensure`.
 */

const encoder = new TextEncoder();

export class ByteWriter {
  bytes: Uint8Array;
  size = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Makes room for `extra` more bytes. */
  ensure(extra: number): void {
    const needed = this.size + extra;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.size));
    this.bytes = grown;
  }

  byte(value: number): void {
    if (this.size === this.bytes.length) this.ensure(1);
    this.bytes[this.size++] = value;
  }

  /** Characters below 128 only. */
  ascii(text: string): void {
    this.ensure(text.length);
    const bytes = this.bytes;
    let at = this.size;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.size = at;
  }

  utf8(text: string): void {
    this.ensure(text.length * 3);
    this.size += encoder.encodeInto(text, this.bytes.subarray(this.size)).written;
  }

  copy(source: Uint8Array): void {
    const length = source.length;
    this.ensure(length);
    if (length > 32) {
      this.bytes.set(source, this.size);
    } else {
      const bytes = this.bytes;
      const at = this.size;
      for (let i = 0; i < length; i++) bytes[at + i] = source[i]!;
    }
    this.size += length;
  }

  /** The bytes so far, as a copy of their own; the writer starts over. */
  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.size);
    this.size = 0;
    return taken;
  }
}

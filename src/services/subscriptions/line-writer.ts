/** Bytes of lines on their way out: grows by doubling, knows where each line ends. */

const sizeFirst = 64 * 1024;
const lineFeed = 0x0a;
const quote = 0x22;
const backslash = 0x5c;

export interface Lines {
  /** Each line with its line feed. */
  readonly bytes: Uint8Array;
  /** Per line: index of its line feed. */
  readonly ends: readonly number[];
}

export class LineWriter {
  size = 0;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(sizeFirst);
  #ends: number[] = [];

  put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const to = this.#bytes;
    let at = this.size;
    for (let i = 0; i < bytes.length; i++) to[at++] = bytes[i]!;
    this.size = at;
  }

  /** ASCII only. */
  putText(text: string): void {
    this.#reserve(text.length);
    const to = this.#bytes;
    let at = this.size;
    for (let i = 0; i < text.length; i++) to[at++] = text.charCodeAt(i);
    this.size = at;
  }

  /** A string value: quoted, with its escapes. */
  putQuoted(bytes: Uint8Array, from: number, until: number): void {
    this.#reserve(2 * (until - from) + 2);
    const to = this.#bytes;
    let at = this.size;
    to[at++] = quote;
    for (let i = from; i < until; i++) {
      const byte = bytes[i]!;
      if (byte === quote || byte === backslash) to[at++] = backslash;
      to[at++] = byte;
    }
    to[at++] = quote;
    this.size = at;
  }

  endLine(): void {
    this.#reserve(1);
    this.#ends.push(this.size);
    this.#bytes[this.size++] = lineFeed;
  }

  /** What was written since the last time, in a buffer of its own. */
  take(): Lines {
    const lines = { bytes: this.#bytes.slice(0, this.size), ends: this.#ends };
    this.size = 0;
    this.#ends = [];
    return lines;
  }

  #reserve(size: number): void {
    const needed = this.size + size;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.size));
    this.#bytes = grown;
  }
}

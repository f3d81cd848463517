/**
 * Reads what ByteWriter wrote, never past its end: damage that slipped past a checksum, or a bug,
 * ends in a `corrupt` error and not in an endless loop or a wrong answer from a neighbour's bytes.
 */

import { CitadelError } from '../../base/errors.ts';

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  readonly until: number;

  constructor(bytes: Uint8Array, at = 0, until = bytes.length) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.until = until;
  }

  /** Steps over `size` bytes and returns where they start. */
  skip(size: number): number {
    const at = this.at;
    if (!(size >= 0 && size <= this.until - at)) throw corruptChunk('ends too early');
    this.at = at + size;
    return at;
  }

  byte(): number {
    return this.bytes[this.skip(1)]!;
  }

  u32(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  f64(): number {
    return this.view.getFloat64(this.skip(8), true);
  }

  unsigned(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      if (byte < 128) {
        value += byte * factor;
        break;
      }
      value += (byte - 128) * factor;
      factor *= 128;
      if (factor > 2 ** 49) throw corruptChunk('has an endless number');
    }
    if (value > Number.MAX_SAFE_INTEGER) throw corruptChunk('has a number out of range');
    return value;
  }

  signed(): number {
    const first = this.byte();
    let magnitude = first & 63;
    if (first & 128) magnitude += 64 * this.unsigned();
    if (magnitude > Number.MAX_SAFE_INTEGER) throw corruptChunk('has a number out of range');
    return first & 64 ? -magnitude : magnitude;
  }

  /** A view of the next `size` bytes. */
  raw(size: number): Uint8Array {
    const at = this.skip(size);
    return this.bytes.subarray(at, at + size);
  }
}

export function corruptChunk(what: string): CitadelError {
  return new CitadelError('corrupt', `chunk ${what}`);
}

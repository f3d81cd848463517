/**
 * Protocol buffer messages read in place: a cursor that goes into nested messages and out again, with no object
 * per message. Every length is checked against the message it is in.
 */

import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';

const wireVarint = 0;
const wireFixed64 = 1;
const wireBytes = 2;
const wireFixed32 = 5;
const varintSizeMax = 10;
const twoTo32 = 2 ** 32;
const twoTo31 = 2 ** 31;

export function malformed(what: string): CitadelError {
  return new CitadelError('invalid-argument', `proto: ${what}`);
}

export class ProtoReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  position = 0;
  /** Of the message the cursor is in. */
  end: number;
  /** Of the field read last. */
  field = 0;
  #wire = 0;
  #low = 0;
  #high = 0;
  /** Where the bytes read last start; they end at `position`. */
  start = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
    this.end = bytes.length;
  }

  /** Moves on to the next field of the message; false at its end. @throws CitadelError `invalid-argument`, as all here */
  next(): boolean {
    if (this.position >= this.end) return false;
    this.#varint();
    if (this.#high !== 0) throw malformed('illegal tag');
    this.field = this.#low >>> 3;
    this.#wire = this.#low & 7;
    if (this.field === 0) throw malformed('illegal tag 0');
    return true;
  }

  /** The field is a message: goes into it. Returns what `leave` needs. */
  enter(): number {
    this.span();
    const outer = this.end;
    this.end = this.position;
    this.position = this.start;
    return outer;
  }

  /** Behind the message, read to its end or not. */
  leave(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  /** Bytes or text: from `start` to `position`. */
  span(): void {
    this.#expect(wireBytes);
    this.#varint();
    const size = this.#high === 0 ? this.#low : Number.POSITIVE_INFINITY;
    if (size > this.end - this.position) throw malformed('unexpected EOF');
    this.start = this.position;
    this.position += size;
  }

  double(): number {
    this.#expect(wireFixed64);
    const at = this.#take(8);
    return this.#view.getFloat64(at, true);
  }

  /** A signed 64-bit number; inexact beyond 2^53. */
  int64(): number {
    this.#expect(wireVarint);
    this.#varint();
    const high = this.#high >= twoTo31 ? this.#high - twoTo32 : this.#high;
    return high * twoTo32 + this.#low;
  }

  /** Over a field nobody asks for. */
  skip(): void {
    if (this.#wire === wireVarint) this.#varint();
    else if (this.#wire === wireFixed64) this.#take(8);
    else if (this.#wire === wireBytes) this.span();
    else if (this.#wire === wireFixed32) this.#take(4);
    else throw malformed(`illegal wire type ${this.#wire}`);
  }

  #expect(wire: number): void {
    if (this.#wire === wire) return;
    throw malformed(`wrong wire type ${this.#wire} for field ${this.field}`);
  }

  #take(size: number): number {
    const at = this.position;
    if (size > this.end - at) throw malformed('unexpected EOF');
    this.position = at + size;
    return at;
  }

  /** Into two words: no 64-bit number fits another type. */
  #varint(): void {
    const { bytes, end } = this;
    let low = 0;
    let high = 0;
    for (let i = 0; i < varintSizeMax; i++) {
      if (this.position >= end) throw malformed('unexpected EOF');
      const byte = bytes[this.position++]!;
      const seven = byte & 0x7f;
      if (i < 4) low += seven * 2 ** (7 * i);
      else if (i === 4) {
        low += (seven & 0x0f) * 2 ** 28;
        high = seven >>> 4;
      } else high += seven * 2 ** (7 * i - 32);
      if (byte < 0x80) {
        this.#low = low;
        this.#high = high % twoTo32;
        return;
      }
    }
    throw malformed('integer overflow');
  }
}

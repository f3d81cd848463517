/**
 * Reads a protobuf message field by field, in the order they come. Bytes are views, packed numbers typed arrays.
 * Whoever reads decides by `field`; what it does not know it skips by going on.
 */

import { ByteReader, viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import { decodeText } from '../../base/text.ts';

const wire = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;
const noBytes = new Uint8Array(0);

export function wrongMessage(why: string): CitadelError {
  return new CitadelError('invalid-argument', `cannot read message: ${why}`);
}

/** Copies only what does not lie at a multiple of `size`. */
function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
}

export class MessageReader {
  field = 0;
  /** Of a varint; 0 for other types. */
  number = 0;
  /** Of a delimited field, or the 4 or 8 bytes of a fixed one; empty for varints. A view. */
  bytes: Uint8Array = noBytes;
  readonly #reader: ByteReader;

  constructor(message: Uint8Array) {
    // A Buffer's views are slower to make, and its slices are no copies.
    const { buffer, byteOffset, length } = message;
    this.#reader = new ByteReader(new Uint8Array(buffer, byteOffset, length));
  }

  /** Steps to the next field; false = there is none. @throws CitadelError `invalid-argument` */
  next(): boolean {
    if (this.#reader.remaining === 0) return false;
    try {
      this.#step();
    } catch (cause) {
      if (!(cause instanceof CitadelError)) throw cause;
      throw new CitadelError('invalid-argument', 'cannot read message: it is no protobuf', {
        cause,
      });
    }
    return true;
  }

  #step(): void {
    const reader = this.#reader;
    const tag = reader.varint();
    const type = tag % 8;
    this.field = (tag - type) / 8;
    this.number = 0;
    this.bytes = noBytes;
    if (type === wire.varint) this.number = reader.varint();
    else if (type === wire.delimited) this.bytes = reader.span(reader.varint());
    else if (type === wire.fixed64) this.bytes = reader.span(8);
    else if (type === wire.fixed32) this.bytes = reader.span(4);
    else throw new CitadelError('corrupt', `wire type ${type}`);
  }

  /** Of a single number of 8 bytes. */
  view(): DataView {
    if (this.bytes.length !== 8) throw wrongMessage(`field ${this.field} is cut`);
    return viewOf(this.bytes);
  }

  text(): string {
    return decodeText(this.bytes);
  }

  /** The list so far and this field: a writer may split a packed list, or not pack it. */
  fixed32(before: Uint32Array): Uint32Array {
    const bytes = aligned(this.#multipleOf(4), 4);
    const more = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    if (before.length === 0) return more;
    const joined = new Uint32Array(before.length + more.length);
    joined.set(before);
    joined.set(more, before.length);
    return joined;
  }

  /** As `fixed32`, of 8 bytes each, to be looked at as the type they have. */
  fixed64(before: Uint8Array): Uint8Array {
    const bytes = aligned(this.#multipleOf(8), 8);
    if (before.length === 0) return bytes;
    const joined = new Uint8Array(before.length + bytes.length);
    joined.set(before);
    joined.set(bytes, before.length);
    return joined;
  }

  /** Booleans, packed or single. */
  flags(before: Uint8Array): Uint8Array {
    const more = this.bytes.length === 0 ? Uint8Array.of(this.number) : this.bytes;
    for (const one of more) if (one > 1) throw wrongMessage('a boolean is neither 0 nor 1');
    if (before.length === 0) return more;
    const joined = new Uint8Array(before.length + more.length);
    joined.set(before);
    joined.set(more, before.length);
    return joined;
  }

  #multipleOf(size: number): Uint8Array {
    if (this.bytes.length % size !== 0) throw wrongMessage(`field ${this.field} is cut`);
    return this.bytes;
  }
}

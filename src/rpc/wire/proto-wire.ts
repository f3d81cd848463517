/**
 * Protocol buffers' wire format, as far as our messages need it: varints and length-delimited fields.
 * By hand, because our messages are one field of bytes, which generated code copies once more (a third
 * slower for large ones). Tests compare it with what protobuf libraries make of proto/.
 */

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';

const wire = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;
const textDecoder = new TextDecoder();
const textEncoder = new TextEncoder();

/** What stands before `size` bytes of a field of bytes, text or message. */
export function fieldPrefix(field: number, size: number): Uint8Array {
  const writer = new ByteWriter(16);
  writer.varint(field * 8 + wire.delimited);
  writer.varint(size);
  return writer.written();
}

/** Builds a message field by field. Zeros and empty fields are left out by the caller, as proto3 has it. */
export class ProtoWriter {
  readonly #writer = new ByteWriter();

  /** `value`: a safe whole number >= 0. */
  varint(field: number, value: number): this {
    this.#writer.varint(field * 8 + wire.varint);
    this.#writer.varint(value);
    return this;
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.#writer.put(fieldPrefix(field, bytes.length));
    this.#writer.put(bytes);
    return this;
  }

  text(field: number, text: string): this {
    return this.bytes(field, textEncoder.encode(text));
  }

  finish(): Buffer {
    return Buffer.from(this.#writer.written());
  }
}

/** A message taken apart: numbers by field, bytes by field; fields that repeat keep all of their bytes. */
export class ProtoReader {
  readonly #numbers = new Map<number, number>();
  readonly #bytes = new Map<number, Uint8Array[]>();

  /** @throws CitadelError `invalid-argument` */
  constructor(message: Uint8Array) {
    try {
      this.#read(new ByteReader(message));
    } catch (cause) {
      throw new CitadelError('invalid-argument', 'cannot read message: it is no protobuf', {
        cause,
      });
    }
  }

  #read(reader: ByteReader): void {
    while (reader.remaining > 0) {
      const tag = reader.varint();
      const field = Math.floor(tag / 8);
      const type = tag % 8;
      if (type === wire.varint) this.#numbers.set(field, reader.varint());
      else if (type === wire.delimited) this.#add(field, reader.span(reader.varint()));
      else if (type === wire.fixed64) reader.span(8);
      else if (type === wire.fixed32) reader.span(4);
      else throw new CitadelError('corrupt', `wire type ${type}`);
    }
  }

  #add(field: number, bytes: Uint8Array): void {
    const known = this.#bytes.get(field);
    if (known === undefined) this.#bytes.set(field, [bytes]);
    else known.push(bytes);
  }

  /** 0 when absent, as proto3 has it. */
  number(field: number): number {
    return this.#numbers.get(field) ?? 0;
  }

  /** The last one, a view. */
  bytes(field: number): Uint8Array | undefined {
    return this.#bytes.get(field)?.at(-1);
  }

  all(field: number): readonly Uint8Array[] {
    return this.#bytes.get(field) ?? [];
  }

  text(field: number): string | undefined {
    const bytes = this.bytes(field);
    return bytes === undefined ? undefined : textDecoder.decode(bytes);
  }
}

/**
 * Writes a protobuf message into one buffer, each byte copied once. Zeros, empty texts and empty lists are left
 * out, as proto3 has it. Messages inside messages are written first and put in as bytes, or announced with their size.
 */

import { ByteWriter } from '../../base/bytes.ts';
import { encodeText } from '../../base/text.ts';

const wire = { varint: 0, fixed64: 1, delimited: 2 } as const;

/** Bytes of a LEB128 number. */
function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Bytes of a field of bytes with its prefix; 0 when it is left out. */
export function fieldSize(field: number, size: number): number {
  return size === 0 ? 0 : varintSize(field * 8) + varintSize(size) + size;
}

export class MessageWriter {
  readonly #writer: ByteWriter;

  /** `capacity`: of the whole message, when it is known. */
  constructor(capacity = 64) {
    this.#writer = new ByteWriter(capacity);
  }

  /** A safe whole number >= 0. */
  varint(field: number, value: number): this {
    if (value === 0) return this;
    this.#writer.varint(field * 8 + wire.varint);
    this.#writer.varint(value);
    return this;
  }

  bytes(field: number, bytes: Uint8Array): this {
    return bytes.length === 0 ? this : this.message(field, bytes);
  }

  text(field: number, text: string): this {
    return text === '' ? this : this.bytes(field, encodeText(text));
  }

  /** As bytes, but there even when it is empty. */
  message(field: number, bytes: Uint8Array): this {
    this.open(field, bytes.length);
    this.#writer.put(bytes);
    return this;
  }

  /** What follows, `size` bytes of fields, is a message of its own. */
  open(field: number, size: number): this {
    this.#writer.varint(field * 8 + wire.delimited);
    this.#writer.varint(size);
    return this;
  }

  /** Numbers of a fixed size, packed. */
  packed(field: number, numbers: ArrayBufferView): this {
    const { buffer, byteOffset, byteLength } = numbers;
    return this.bytes(field, new Uint8Array(buffer, byteOffset, byteLength));
  }

  /** There even when it is false. */
  flag(field: number, value: boolean): this {
    this.#writer.varint(field * 8 + wire.varint);
    this.#writer.u8(value ? 1 : 0);
    return this;
  }

  double(field: number, value: number): this {
    this.#writer.varint(field * 8 + wire.fixed64);
    this.#writer.f64(value);
    return this;
  }

  fixed64(field: number, value: bigint): this {
    this.#writer.varint(field * 8 + wire.fixed64);
    this.#writer.i64(value);
    return this;
  }

  /** The writer must not be used afterwards. */
  finish(): Buffer {
    const { buffer, byteOffset, byteLength } = this.#writer.written();
    return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
  }
}

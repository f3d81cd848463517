/**
 * MessagePack as /query answers it: where a document ends, and what it holds.
 *
 * The format keeps types apart that JSON does not: an integer is a bigint here, a float a number. Texts are
 * lossless for any bytes (base/text.ts). Only what such answers use is read: no binary values, of
 * extensions only times.
 */

import { decodeText } from '../../../../src/base/text.ts';
import { CommandError } from '../command-error.ts';

/** Integers as bigint, floats as number, times as ns since the epoch. */
export type MsgpackValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly MsgpackValue[]
  | { readonly [key: string]: MsgpackValue };

const timeExtension = 5;
const nsPerSecond = 1_000_000_000n;

function damaged(what: string): never {
  throw new CommandError(`cannot read the answer: ${what}`);
}

/** Bytes of head and body, and how many values follow inside. -1 = the head is not whole yet. */
interface Token {
  size: number;
  inner: number;
}

/** Sizes of the tokens 0xc0 to 0xdf whose size is fixed; 0 = said by the bytes that follow. */
const fixedSizes = [
  1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 3, 4, 6, 10, 18, 0, 0, 0, 0, 0, 0, 0,
];
/** Of tokens with a length: how many bytes it has, and what each unit of it is. */
const lengthSizes: Readonly<
  Record<number, readonly [bytes: number, kind: 'body' | 'ext' | 'list' | 'map']>
> = {
  196: [1, 'body'],
  197: [2, 'body'],
  198: [4, 'body'],
  199: [1, 'ext'],
  200: [2, 'ext'],
  201: [4, 'ext'],
  217: [1, 'body'],
  218: [2, 'body'],
  219: [4, 'body'],
  220: [2, 'list'],
  221: [4, 'list'],
  222: [2, 'map'],
  223: [4, 'map'],
};

function readLength(bytes: Buffer, at: number, size: number): number {
  return bytes.readUIntBE(at, size);
}

function measureLong(bytes: Buffer, at: number, end: number, token: Token): void {
  const known = lengthSizes[bytes[at]!];
  if (known === undefined) damaged(`byte ${bytes[at]} begins no value`);
  const [lengthSize, kind] = known;
  token.inner = 0;
  token.size = -1;
  if (at + 1 + lengthSize > end) return;
  const length = readLength(bytes, at + 1, lengthSize);
  token.size = 1 + lengthSize;
  if (kind === 'body') token.size += length;
  if (kind === 'ext') token.size += 1 + length;
  if (kind === 'list') token.inner = length;
  if (kind === 'map') token.inner = 2 * length;
}

function measure(bytes: Buffer, at: number, end: number, token: Token): void {
  const first = bytes[at]!;
  token.inner = 0;
  if (first < 0x80 || first >= 0xe0) token.size = 1;
  else if (first < 0xa0) {
    token.size = 1;
    token.inner = first < 0x90 ? 2 * (first & 0x0f) : first & 0x0f;
  } else if (first < 0xc0) token.size = 1 + (first & 0x1f);
  else {
    token.size = fixedSizes[first - 0xc0]!;
    if (token.size === 0) measureLong(bytes, at, end, token);
  }
}

/**
 * Cuts a stream of bytes into documents, whatever pieces it comes in. A document is valid until the next
 * piece is added.
 */
export class DocumentCutter {
  readonly #sizeMax: number;
  readonly #token: Token = { size: 0, inner: 0 };
  #buffer: Buffer = Buffer.alloc(1 << 16);
  /** The bytes held: [start, end) of the buffer. */
  #start = 0;
  #end = 0;
  /** Before it are whole tokens of the document that begins at `start`. */
  #at = 0;
  /** Values of this document still to come. */
  #open = 1;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** Nothing of a document is left over. */
  get isBetween(): boolean {
    return this.#start === this.#end;
  }

  /** @throws CommandError when one document is larger than the maximum */
  *add(part: Buffer): Generator<Buffer> {
    this.#append(part);
    const token = this.#token;
    while (this.#at < this.#end) {
      measure(this.#buffer, this.#at, this.#end, token);
      if (token.size < 0 || this.#at + token.size > this.#end) break;
      this.#at += token.size;
      this.#open += token.inner - 1;
      if (this.#open > 0) continue;
      yield this.#buffer.subarray(this.#start, this.#at);
      this.#start = this.#at;
      this.#open = 1;
    }
    if (this.#end - this.#start > this.#sizeMax) {
      const message = `one chunk of the answer is larger than ${this.#sizeMax} bytes; take fewer rows at a time (-chunk-rows)`;
      throw new CommandError(message);
    }
  }

  /** Room is made by moving what is held to the front, or by doubling. */
  #append(part: Buffer): void {
    const held = this.#end - this.#start;
    if (this.#end + part.length > this.#buffer.length) {
      const wanted = held + part.length;
      let size = this.#buffer.length;
      while (size < wanted) size *= 2;
      const target = size === this.#buffer.length ? this.#buffer : Buffer.alloc(size);
      this.#buffer.copy(target, 0, this.#start, this.#end);
      this.#buffer = target;
      this.#at -= this.#start;
      this.#start = 0;
      this.#end = held;
    }
    part.copy(this.#buffer, this.#end);
    this.#end += part.length;
  }
}

/** Reads values one after the other; the document is whole (DocumentCutter). */
export class MsgpackCursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): MsgpackValue {
    const bytes = this.#bytes;
    const first = bytes[this.#at]!;
    if (first < 0x80) return this.#small(BigInt(first));
    if (first >= 0xe0) return this.#small(BigInt(first - 0x100));
    if (first < 0x90) return this.#map(1, first & 0x0f);
    if (first < 0xa0) return this.#list(1, first & 0x0f);
    if (first < 0xc0) return this.#text(1, first & 0x1f);
    return this.#readMarked(first);
  }

  #small(value: bigint): bigint {
    this.#at += 1;
    return value;
  }

  #skip<T>(size: number, value: T): T {
    this.#at += size;
    return value;
  }

  #readMarked(first: number): MsgpackValue {
    const bytes = this.#bytes;
    const at = this.#at + 1;
    switch (first) {
      case 0xc0:
        return this.#skip(1, null);
      case 0xc2:
        return this.#skip(1, false);
      case 0xc3:
        return this.#skip(1, true);
      case 0xca:
        return this.#skip(5, bytes.readFloatBE(at));
      case 0xcb:
        return this.#skip(9, bytes.readDoubleBE(at));
      case 0xcc:
        return this.#skip(2, BigInt(bytes.readUInt8(at)));
      case 0xcd:
        return this.#skip(3, BigInt(bytes.readUInt16BE(at)));
      case 0xce:
        return this.#skip(5, BigInt(bytes.readUInt32BE(at)));
      case 0xcf:
        return this.#skip(9, bytes.readBigUInt64BE(at));
      case 0xd0:
        return this.#skip(2, BigInt(bytes.readInt8(at)));
      case 0xd1:
        return this.#skip(3, BigInt(bytes.readInt16BE(at)));
      case 0xd2:
        return this.#skip(5, BigInt(bytes.readInt32BE(at)));
      case 0xd3:
        return this.#skip(9, bytes.readBigInt64BE(at));
      default:
        return this.#readSized(first);
    }
  }

  #readSized(first: number): MsgpackValue {
    const [lengthSize] = lengthSizes[first] ?? damaged(`byte ${first} begins no value`);
    const length = readLength(this.#bytes, this.#at + 1, lengthSize);
    const head = 1 + lengthSize;
    if (first >= 0xde) return this.#map(head, length);
    if (first >= 0xdc) return this.#list(head, length);
    if (first >= 0xd9) return this.#text(head, length);
    if (first >= 0xc7) return this.#time(head, length);
    return damaged('it holds binary values');
  }

  #text(head: number, size: number): string {
    const from = this.#at + head;
    this.#at = from + size;
    return decodeText(this.#bytes.subarray(from, from + size));
  }

  #time(head: number, size: number): bigint {
    const from = this.#at + head;
    if (this.#bytes.readInt8(from) !== timeExtension || size !== 12) damaged('unknown extension');
    this.#at = from + 1 + size;
    const seconds = this.#bytes.readBigInt64BE(from + 1);
    return seconds * nsPerSecond + BigInt(this.#bytes.readUInt32BE(from + 9));
  }

  #list(head: number, count: number): MsgpackValue[] {
    this.#at += head;
    const list: MsgpackValue[] = [];
    for (let i = 0; i < count; i++) list.push(this.read());
    return list;
  }

  #map(head: number, count: number): Record<string, MsgpackValue> {
    this.#at += head;
    const map: Record<string, MsgpackValue> = Object.create(null);
    for (let i = 0; i < count; i++) {
      const key = this.read();
      if (typeof key !== 'string') return damaged('a key is no text');
      map[key] = this.read();
    }
    return map;
  }
}

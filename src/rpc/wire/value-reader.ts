/**
 * Reads what `ValueWriter` wrote. Typed arrays and strings are views into the message, so whoever keeps
 * one keeps all of it; blocks are used up together, so that is what we want. Every offset and count is
 * checked: a damaged or foreign message is `corrupt`, never a wrong value.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import {
  checkedFrom,
  header,
  headerSize,
  mark,
  valueDepthMax,
  valueMagic,
  valueVersion,
  viewKinds,
} from './value-layout.ts';

const halves = new Uint32Array(2);
const float = new Float64Array(halves.buffer);
const signed = new BigInt64Array(halves.buffer);
const unsigned = new BigUint64Array(halves.buffer);

function corrupt(claim: string): CitadelError {
  return new CitadelError('corrupt', `cannot read message: ${claim}`);
}

/** At the start of a buffer of its own, so that typed arrays can lie in it. */
function aligned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.byteOffset % 8 === 0 && bytes.buffer instanceof ArrayBuffer) {
    return bytes as Uint8Array<ArrayBuffer>;
  }
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

function checkHeader(bytes: Uint8Array, view: DataView): void {
  if (bytes.length < headerSize) throw corrupt('it is too short');
  if (view.getUint32(header.magic, true) !== valueMagic) throw corrupt('it is something else');
  const version = view.getUint16(header.version, true);
  const flags = view.getUint16(header.flags, true);
  if (version !== valueVersion || flags !== 0) {
    throw new CitadelError(
      'unsupported-version',
      `cannot read message: it has version ${version} and flags ${flags}, this release knows version ${valueVersion} without flags; run the same release on all nodes`,
      { details: { version, flags } },
    );
  }
  if (view.getUint32(header.size, true) !== bytes.length) throw corrupt('its size is wrong');
  if (view.getUint32(header.crc, true) !== crc32(bytes.subarray(checkedFrom))) {
    throw corrupt('its checksum is wrong');
  }
}

class ValueReader {
  readonly valueCount: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #structureAt: number;
  readonly #words: Uint32Array;
  readonly #texts: readonly string[];
  readonly #shapes: readonly (readonly string[])[];
  #at = 0;
  #depth = 0;

  constructor(message: Uint8Array) {
    const bytes = aligned(message);
    const view = viewOf(bytes);
    checkHeader(bytes, view);
    this.#bytes = bytes;
    this.valueCount = view.getUint32(header.valueCount, true);
    this.#structureAt = view.getUint32(header.structureAt, true);
    const structureWords = view.getUint32(header.structureWords, true);
    const shapeWords = view.getUint32(header.shapeWords, true);
    const textCount = view.getUint32(header.textCount, true);
    const wordCount = structureWords + shapeWords + textCount;
    const textAt = this.#structureAt + wordCount * 4;
    if (this.#structureAt < headerSize || this.#structureAt % 8 !== 0 || textAt > bytes.length) {
      throw corrupt('its parts lie outside');
    }
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + this.#structureAt, wordCount);
    this.#words = words.subarray(0, structureWords);
    const lengths = words.subarray(structureWords + shapeWords);
    this.#texts = readTexts(bytes, textAt, view.getUint32(header.textWidth, true), lengths);
    this.#shapes = this.#readShapes(words.subarray(structureWords, structureWords + shapeWords));
  }

  read(): unknown {
    const kind = this.#next();
    switch (kind) {
      case mark.undefined:
        return undefined;
      case mark.null:
        return null;
      case mark.false:
        return false;
      case mark.true:
        return true;
      case mark.whole:
        return this.#next();
      case mark.number:
        this.#pair();
        return float[0];
      case mark.signed:
        this.#pair();
        return signed[0];
      case mark.unsigned:
        this.#pair();
        return unsigned[0];
      case mark.text:
        return this.#text(this.#next());
      case mark.texts:
        return this.#someTexts(this.#next(), this.#next());
      case mark.list:
      case mark.object:
        return this.#readInside(kind);
      default:
        return this.#readView(kind - mark.view);
    }
  }

  finish(): void {
    if (this.#at !== this.#words.length) throw corrupt('it has more than its values');
  }

  #next(): number {
    const word = this.#words[this.#at++];
    if (word === undefined) throw corrupt('a value ends early');
    return word;
  }

  #pair(): void {
    halves[0] = this.#next();
    halves[1] = this.#next();
  }

  #text(number: number): string {
    const text = this.#texts[number];
    if (text === undefined) throw corrupt('a text is missing');
    return text;
  }

  #someTexts(count: number, first: number): string[] {
    if (first + count > this.#texts.length) throw corrupt('texts are missing');
    return this.#texts.slice(first, first + count);
  }

  #readShapes(words: Uint32Array): string[][] {
    const shapes: string[][] = [];
    for (let at = 0; at < words.length; at += 2) {
      const keys = this.#someTexts(words[at]!, words[at + 1] ?? 0);
      if (keys.includes('__proto__')) throw corrupt('a key is forbidden');
      shapes.push(keys);
    }
    return shapes;
  }

  #readInside(kind: number): unknown {
    if (++this.#depth > valueDepthMax) throw corrupt('it is too deep');
    const value = kind === mark.list ? this.#readList() : this.#readObject();
    this.#depth--;
    return value;
  }

  #readList(): unknown[] {
    const list: unknown[] = [];
    for (let left = this.#next(); left > 0; left--) list.push(this.read());
    return list;
  }

  #readObject(): Record<string, unknown> {
    const shape = this.#shapes[this.#next()];
    if (shape === undefined) throw corrupt('a shape is missing');
    const value: Record<string, unknown> = {};
    for (const key of shape) value[key] = this.read();
    return value;
  }

  #readView(number: number): unknown {
    const kind = viewKinds[number];
    if (kind === undefined) throw corrupt('a value is of an unknown kind');
    const offset = this.#next() * 8;
    const length = this.#next();
    if (offset < headerSize || offset + length * kind.width > this.#structureAt) {
      throw corrupt('an array lies outside');
    }
    return new kind.make(this.#bytes.buffer, this.#bytes.byteOffset + offset, length);
  }
}

function readTexts(bytes: Uint8Array, at: number, width: number, lengths: Uint32Array): string[] {
  if (width !== 1 && width !== 2) throw corrupt('its text has an unknown width');
  const source = Buffer.from(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
  const all = source.toString(width === 1 ? 'latin1' : 'utf16le');
  const texts: string[] = [];
  let start = 0;
  for (const length of lengths) {
    texts.push(all.slice(start, start + length));
    start += length;
  }
  if (start * width !== source.length) throw corrupt('its texts do not fill their place');
  return texts;
}

/** The values of a message, read one by one as they are taken. */
export function* decodeValues(message: Uint8Array): Generator<unknown> {
  const reader = new ValueReader(message);
  for (let left = reader.valueCount; left > 0; left--) yield reader.read();
  reader.finish();
}

/** @throws CitadelError `corrupt`, `unsupported-version` */
export function decodeValue(message: Uint8Array): unknown {
  const reader = new ValueReader(message);
  if (reader.valueCount !== 1) throw corrupt('it has not one value');
  const value = reader.read();
  reader.finish();
  return value;
}

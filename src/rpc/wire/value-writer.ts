/**
 * Writes plain data (objects, lists, strings, numbers, bigints, typed arrays) as one message. Typed arrays
 * cost a copy, whatever they hold; objects of one shape name their keys once. Nothing may change between
 * `add` and `writeTo`.
 */

import { crc32 } from 'node:zlib';
import { align8, viewOf } from '../../base/bytes.ts';
import { CitadelError, InvariantError } from '../../base/errors.ts';
import {
  checkedFrom,
  header,
  headerSize,
  mark,
  type View,
  valueMagic,
  valueSizeMax,
  valueVersion,
  viewKinds,
} from './value-layout.ts';

const wordsFirst = 64;
const wideText = /[^\0-\xff]/;
const float = new Float64Array(1);
const signed = new BigInt64Array(float.buffer);
const unsigned = new BigUint64Array(float.buffer);
const halves = new Uint32Array(float.buffer);

function hasShape(value: object, shape: readonly string[]): boolean {
  let count = 0;
  for (const key in value) if (shape[count++] !== key) return false;
  return count === shape.length;
}

function isTexts(list: readonly unknown[]): list is readonly string[] {
  for (const item of list) if (typeof item !== 'string') return false;
  return list.length > 0;
}

export class ValueWriter {
  #words = new Uint32Array(wordsFirst);
  #wordCount = 0;
  #texts: string[] = [];
  #textUnits = 0;
  #shapes: string[][] = [];
  #arrays: View[] = [];
  #arrayBytes = 0;
  #valueCount = 0;

  get valueCount(): number {
    return this.#valueCount;
  }

  /** About what was added, bytes. */
  get bytes(): number {
    return this.#arrayBytes + this.#wordCount * 4 + this.#textUnits;
  }

  add(value: unknown): void {
    this.#valueCount++;
    this.#write(value);
  }

  /**
   * The message of what was added, behind `prefixOf(its size)`. Clears the writer.
   *
   * @throws CitadelError `too-large`
   */
  take(prefixOf: (size: number) => Uint8Array = () => new Uint8Array()): Buffer {
    const structureWords = this.#wordCount;
    this.#writeShapes();
    const shapeWords = this.#wordCount - structureWords;
    const text = this.#texts.join('');
    const textWidth = wideText.test(text) ? 2 : 1;
    const structureAt = headerSize + this.#arrayBytes;
    const textAt = structureAt + (this.#wordCount + this.#texts.length) * 4;
    const size = textAt + text.length * textWidth;
    if (size > valueSizeMax) throw tooLarge(size);
    const prefix = prefixOf(size);
    const whole = Buffer.allocUnsafeSlow(prefix.length + size);
    whole.set(prefix);
    const target = whole.subarray(prefix.length);
    const view = viewOf(target);
    view.setUint32(header.magic, valueMagic, true);
    view.setUint16(header.version, valueVersion, true);
    view.setUint16(header.flags, 0, true);
    view.setUint32(header.size, size, true);
    view.setUint32(header.structureAt, structureAt, true);
    view.setUint32(header.structureWords, structureWords, true);
    view.setUint32(header.shapeWords, shapeWords, true);
    view.setUint32(header.textCount, this.#texts.length, true);
    view.setUint32(header.valueCount, this.#valueCount, true);
    view.setUint32(header.textWidth, textWidth, true);
    this.#copyArrays(target);
    this.#copyWords(target, structureAt);
    target.write(text, textAt, textWidth === 1 ? 'latin1' : 'utf16le');
    view.setUint32(header.crc, crc32(target.subarray(checkedFrom)), true);
    this.#clear();
    return whole;
  }

  #copyArrays(target: Uint8Array): void {
    let at = headerSize;
    for (const array of this.#arrays) {
      target.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
      const end = at + array.byteLength;
      at += align8(array.byteLength);
      target.fill(0, end, at);
    }
  }

  #copyWords(target: Uint8Array, at: number): void {
    for (const text of this.#texts) this.#word(text.length);
    target.set(new Uint8Array(this.#words.buffer, 0, this.#wordCount * 4), at);
  }

  #clear(): void {
    this.#wordCount = 0;
    this.#texts = [];
    this.#textUnits = 0;
    this.#shapes = [];
    this.#arrays = [];
    this.#arrayBytes = 0;
    this.#valueCount = 0;
  }

  #word(word: number): void {
    if (this.#wordCount === this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[this.#wordCount++] = word;
  }

  #pair(kind: number): void {
    this.#word(kind);
    this.#word(halves[0]!);
    this.#word(halves[1]!);
  }

  #write(value: unknown): void {
    if (typeof value === 'number') this.#writeNumber(value);
    else if (typeof value === 'string') this.#writeText(value);
    else if (value === undefined) this.#word(mark.undefined);
    else if (value === null) this.#word(mark.null);
    else if (typeof value === 'boolean') this.#word(value ? mark.true : mark.false);
    else if (typeof value === 'bigint') this.#writeBigint(value);
    else if (ArrayBuffer.isView(value)) this.#writeView(value as View);
    else if (Array.isArray(value)) this.#writeList(value);
    else if (typeof value === 'object') this.#writeObject(value as Record<string, unknown>);
    else throw new InvariantError(`a ${typeof value} cannot travel`);
  }

  #writeNumber(value: number): void {
    if (value >>> 0 === value && !Object.is(value, -0)) {
      this.#word(mark.whole);
      this.#word(value);
      return;
    }
    float[0] = value;
    this.#pair(mark.number);
  }

  #writeBigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      signed[0] = value;
      this.#pair(mark.signed);
    } else if (BigInt.asUintN(64, value) === value) {
      unsigned[0] = value;
      this.#pair(mark.unsigned);
    } else {
      throw new InvariantError('a bigint of more than 64 bits cannot travel');
    }
  }

  #addText(text: string): number {
    this.#textUnits += text.length + 4;
    return this.#texts.push(text) - 1;
  }

  #writeText(text: string): void {
    this.#word(mark.text);
    this.#word(this.#addText(text));
  }

  #writeView(view: View): void {
    const kind = viewKinds.findIndex(({ make }) => view instanceof make);
    if (kind < 0) throw new InvariantError(`a ${view.constructor.name} cannot travel`);
    this.#word(mark.view + kind);
    this.#word((headerSize + this.#arrayBytes) / 8);
    this.#word(view.length);
    this.#arrays.push(view);
    this.#arrayBytes += align8(view.byteLength);
  }

  #writeList(list: readonly unknown[]): void {
    if (isTexts(list)) {
      this.#word(mark.texts);
      this.#word(list.length);
      this.#word(this.#texts.length);
      for (const text of list) this.#addText(text);
      return;
    }
    this.#word(mark.list);
    this.#word(list.length);
    for (const item of list) this.#write(item);
  }

  #writeObject(value: Record<string, unknown>): void {
    let number = this.#shapes.findIndex((shape) => hasShape(value, shape));
    if (number < 0) number = this.#shapes.push(Object.keys(value)) - 1;
    this.#word(mark.object);
    this.#word(number);
    for (const key of this.#shapes[number]!) this.#write(value[key]);
  }

  /** Per shape the number of its keys and the first of their texts. */
  #writeShapes(): void {
    for (const keys of this.#shapes) {
      this.#word(keys.length);
      this.#word(this.#texts.length);
      for (const key of keys) this.#addText(key);
    }
  }
}

function tooLarge(size: number): CitadelError {
  return new CitadelError('too-large', `cannot send a message of ${size} bytes`, {
    details: { size, sizeMax: valueSizeMax },
  });
}

/** One value as a message. */
export function encodeValue(value: unknown): Buffer {
  const writer = new ValueWriter();
  writer.add(value);
  return writer.take();
}

/**
 * Makes blocks fit to cross threads: one ArrayBuffer, which is transferred, and the texts. Arrays and
 * structure lie in the buffer, because cloning thousands of small objects costs more than making them.
 *
 * Layout: arrays, each at a multiple of 8, then the structure as float64 numbers: per value a mark and
 * what belongs to it. Objects of one shape name their keys once. Arrays are copied, for a transferred
 * buffer that others still look into would vanish under them.
 */

import { align8 } from '../../base/bytes.ts';
import { InvariantError } from '../../base/errors.ts';

/** What an object costs beside its arrays, roughly. */
const objectOverhead = 64;
const textOverhead = 16;

type View = Float64Array | BigInt64Array | BigUint64Array | Uint32Array | Uint8Array;
type ViewClass = new (buffer: ArrayBuffer, offset: number, length: number) => View;

const viewClasses: readonly ViewClass[] = [
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  Uint32Array,
  Uint8Array,
];

const mark = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  number: 4,
  text: 5,
  texts: 6,
  list: 7,
  object: 8,
  /** And more by the place of the class in `viewClasses`. */
  view: 9,
} as const;

/** What crosses. */
export interface Parcel {
  readonly buffer: ArrayBuffer;
  /** Where the structure begins. */
  readonly structureAt: number;
  readonly blockCount: number;
  readonly texts: readonly string[];
  /** Keys of the objects. */
  readonly shapes: readonly (readonly string[])[];
  /** Of arrays and text, roughly. */
  readonly bytes: number;
}

function hasShape(value: object, shape: readonly string[]): boolean {
  let count = 0;
  for (const key in value) if (shape[count++] !== key) return false;
  return count === shape.length;
}

/** Takes blocks until they are worth a message. They must not change before `take`. */
export class BlockPacker {
  #structure: number[] = [];
  #texts: string[] = [];
  #shapes: string[][] = [];
  /** Places of the arrays in the buffer; one array may occur twice and is copied once. */
  #offsets = new Map<View, number>();
  #arrayBytes = 0;
  #otherBytes = 0;
  #blockCount = 0;

  get blockCount(): number {
    return this.#blockCount;
  }

  /** Of what was added since `take`, roughly. */
  get bytes(): number {
    return this.#arrayBytes + this.#otherBytes;
  }

  add(block: object): void {
    this.#blockCount++;
    this.#write(block);
  }

  take(): Parcel {
    const structureAt = this.#arrayBytes;
    const buffer = new ArrayBuffer(structureAt + this.#structure.length * 8);
    const target = new Uint8Array(buffer);
    for (const [view, offset] of this.#offsets) {
      target.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), offset);
    }
    new Float64Array(buffer, structureAt).set(this.#structure);
    const parcel = {
      buffer,
      structureAt,
      blockCount: this.#blockCount,
      texts: this.#texts,
      shapes: this.#shapes,
      bytes: this.bytes,
    };
    this.#structure = [];
    this.#texts = [];
    this.#shapes = [];
    this.#offsets = new Map();
    this.#arrayBytes = 0;
    this.#otherBytes = 0;
    this.#blockCount = 0;
    return parcel;
  }

  #write(value: unknown): void {
    if (typeof value === 'number') this.#structure.push(mark.number, value);
    else if (typeof value === 'string') this.#structure.push(mark.text, this.#addText(value));
    else if (value === undefined) this.#structure.push(mark.undefined);
    else if (value === null) this.#structure.push(mark.null);
    else if (typeof value === 'boolean') this.#structure.push(value ? mark.true : mark.false);
    else if (ArrayBuffer.isView(value)) this.#writeView(value as View);
    else if (Array.isArray(value)) this.#writeList(value);
    else if (typeof value === 'object') this.#writeObject(value as Record<string, unknown>);
    else throw new InvariantError(`a block holds no ${typeof value}`);
  }

  #addText(text: string): number {
    this.#otherBytes += text.length + textOverhead;
    return this.#texts.push(text) - 1;
  }

  #writeView(view: View): void {
    let offset = this.#offsets.get(view);
    if (offset === undefined) {
      offset = this.#arrayBytes;
      this.#offsets.set(view, offset);
      this.#arrayBytes += align8(view.byteLength);
    }
    const kind = viewClasses.indexOf(view.constructor as ViewClass);
    if (kind < 0) throw new InvariantError(`a block holds no ${view.constructor.name}`);
    this.#structure.push(mark.view + kind, offset, view.length);
  }

  #writeList(list: readonly unknown[]): void {
    if (list.length > 0 && list.every((item) => typeof item === 'string')) {
      this.#structure.push(mark.texts, list.length, this.#texts.length);
      for (const text of list) this.#addText(text);
      return;
    }
    this.#otherBytes += objectOverhead;
    this.#structure.push(mark.list, list.length);
    for (const item of list) this.#write(item);
  }

  #writeObject(value: Record<string, unknown>): void {
    this.#otherBytes += objectOverhead;
    let number = this.#shapes.findIndex((shape) => hasShape(value, shape));
    if (number < 0) number = this.#shapes.push(Object.keys(value)) - 1;
    this.#structure.push(mark.object, number);
    for (const key of this.#shapes[number]!) this.#write(value[key]);
  }
}

class ParcelReader {
  readonly #parcel: Parcel;
  readonly #structure: Float64Array;
  #at = 0;

  constructor(parcel: Parcel) {
    this.#parcel = parcel;
    this.#structure = new Float64Array(parcel.buffer, parcel.structureAt);
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
      case mark.number:
        return this.#next();
      case mark.text:
        return this.#parcel.texts[this.#next()];
      case mark.texts: {
        const count = this.#next();
        const from = this.#next();
        return this.#parcel.texts.slice(from, from + count);
      }
      case mark.list:
        return this.#readList();
      case mark.object:
        return this.#readObject();
      default: {
        const offset = this.#next();
        return new viewClasses[kind - mark.view]!(this.#parcel.buffer, offset, this.#next());
      }
    }
  }

  #next(): number {
    return this.#structure[this.#at++]!;
  }

  #readList(): unknown[] {
    const list: unknown[] = [];
    for (let left = this.#next(); left > 0; left--) list.push(this.read());
    return list;
  }

  #readObject(): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    for (const key of this.#parcel.shapes[this.#next()]!) value[key] = this.read();
    return value;
  }
}

/** The blocks of a parcel, made one by one as they are taken; their arrays lie in its buffer. */
export function* unpackBlocks<T>(parcel: Parcel): Generator<T> {
  const reader = new ParcelReader(parcel);
  for (let left = parcel.blockCount; left > 0; left--) yield reader.read() as T;
}

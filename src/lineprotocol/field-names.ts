/**
 * Field names per measurement, across requests, and which one followed which, so that a line with the
 * usual fields in the usual order costs one compare a field.
 *
 * A name is kept with `=` behind it, as it stands in a line. Names that need escapes are known too, but
 * never predicted: their unescaped bytes do not stand in any line.
 */

import { decodeText } from '../base/text.ts';
import { type FieldType, typeCode } from '../model/field-type.ts';
import { ByteTable, growUint32, hashBytes } from './byte-table.ts';
import type { ParsedField } from './parsed-batch.ts';

/** Above this the names are forgotten before the next batch. */
const cacheSizeMax = 16 * 1024 * 1024;
const slotsFirst = 64;
/** Type codes are below this. */
export const codesPerField = 8;
/** Measurements times names stay far below 2^53. */
const namesMax = 0x1_0000_0000;

export class FieldNames {
  readonly seed: number;
  /** Distinct names with `=`. */
  readonly names = new ByteTable();
  /** Field -> name; field -> the field that followed it last, + 1. */
  fieldName: Uint32Array = new Uint32Array(slotsFirst);
  fieldNext: Uint32Array = new Uint32Array(slotsFirst);
  /** Measurement -> its lines' usual first field, + 1. */
  firstField: Uint32Array = new Uint32Array(slotsFirst);
  private readonly byOwner = new Map<number, number>();
  private readonly texts: string[] = [];
  private count = 0;

  /** Slot = field * codesPerField + type code; its index counts where its stamp is the batch's. */
  stamp = 0;
  slotStamp: Uint32Array = new Uint32Array(slotsFirst * codesPerField);
  slotIndex: Uint32Array = new Uint32Array(slotsFirst * codesPerField);
  batchFields: ParsedField[] = [];
  private batchSlots: number[] = [];

  constructor(seed: number) {
    this.seed = seed;
  }

  get byteSize(): number {
    return this.names.byteSize + this.fieldName.length * 76 + this.byOwner.size * 40;
  }

  get isFull(): boolean {
    return this.byteSize > cacheSizeMax;
  }

  beginBatch(): void {
    this.stamp++;
    this.batchFields = [];
    this.batchSlots = [];
  }

  /** The field of `measurement` whose name (with `=`) stands at `[start, start + size)`; added when new. */
  intern(measurement: number, source: Uint8Array, start: number, size: number): number {
    const hash = hashBytes(this.seed, source, start, start + size);
    let name = this.names.findBytes(source, start, size, hash);
    if (name < 0) {
      name = this.names.add(source, start, size, hash);
      this.texts.push(decodeText(source.subarray(start, start + size - 1)));
    }
    const owner = measurement * namesMax + name;
    const known = this.byOwner.get(owner);
    if (known !== undefined) return known;
    const field = this.count++;
    if (field === this.fieldName.length) this.grow();
    this.fieldName[field] = name;
    this.byOwner.set(owner, field);
    return field;
  }

  /** The field expected first in a line of the measurement, -1 = unknown. */
  expectFirst(measurement: number): number {
    return measurement < this.firstField.length ? this.firstField[measurement]! - 1 : -1;
  }

  /** Remembers that `field` followed `previous` (-1 = it came first). */
  learn(measurement: number, previous: number, field: number): void {
    if (previous >= 0) {
      this.fieldNext[previous] = field + 1;
      return;
    }
    while (measurement >= this.firstField.length) {
      this.firstField = growUint32(this.firstField, this.firstField.length * 2);
    }
    this.firstField[measurement] = field + 1;
  }

  /** Index of (field, type) in the batch's list, or -1 when it is not there yet. */
  batchIndex(field: number, code: number): number {
    const slot = field * codesPerField + code;
    return this.slotStamp[slot] === this.stamp ? this.slotIndex[slot]! : -1;
  }

  /** Adds (field, type) to the batch's list. `measurement` is the batch's index. */
  enterBatch(field: number, type: FieldType, measurement: number, firstRow: number): number {
    const slot = field * codesPerField + typeCode[type];
    const name = this.fieldName[field]!;
    const withEquals = this.names.bytes(name);
    const nameBytes = withEquals.subarray(0, withEquals.length - 1);
    this.slotStamp[slot] = this.stamp;
    const entry = { measurement, name: this.texts[name]!, type, nameBytes, firstRow };
    const index = this.batchFields.push(entry) - 1;
    this.slotIndex[slot] = index;
    this.batchSlots.push(slot);
    return index;
  }

  /** Takes back what a row that was not taken had added. */
  truncateBatch(size: number): void {
    for (const slot of this.batchSlots.splice(size)) this.slotStamp[slot] = 0;
    this.batchFields.length = size;
  }

  private grow(): void {
    const capacity = this.fieldName.length * 2;
    this.fieldName = growUint32(this.fieldName, capacity);
    this.fieldNext = growUint32(this.fieldNext, capacity);
    this.slotStamp = growUint32(this.slotStamp, capacity * codesPerField);
    this.slotIndex = growUint32(this.slotIndex, capacity * codesPerField);
  }
}

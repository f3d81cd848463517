/**
 * The series of one database in one shard replica.
 *
 * A series has a *slot*, dense in memory and given on first sight, and an *id*, small, durable and never
 * given twice, which files use. The id is given at the first flush, in order of keys, so that
 * neighbours by key are neighbours in files; until then it is 0.
 */

import { hash32 } from '../../base/hash.ts';
import { decodeText } from '../../base/text.ts';
import { measurementBytes } from '../../model/series-key.ts';
import { columnSeed, type ValueSieve } from '../value-sieve.ts';
import { ByteArena } from './byte-arena.ts';
import { ByteTable } from './byte-table.ts';
import { GrowableUint32 } from './growable.ts';
import { MeasurementIndex, type NoteTag } from './measurement-index.ts';

export class DatabaseIndex {
  readonly dbId: string;
  readonly measurements = new Map<string, MeasurementIndex>();
  liveCount = 0;
  private readonly arena = new ByteArena();
  private readonly table = new ByteTable(this.arena);
  private readonly names = new ByteTable(this.arena);
  private readonly byNumber: MeasurementIndex[] = [];
  private readonly numbers = new GrowableUint32();
  private readonly ordinals = new GrowableUint32();
  private readonly ids = new GrowableUint32();
  private readonly blocks = new GrowableUint32();
  /** Ids ascending and the slot of each. */
  private readonly sortedIds = new GrowableUint32();
  private readonly sortedSlots = new GrowableUint32();

  private readonly onTag: NoteTag | undefined;

  /** `sieve` learns every value of every tag. */
  constructor(dbId: string, sieve?: ValueSieve) {
    this.dbId = dbId;
    this.onTag =
      sieve &&
      ((measurement, tag) => {
        const seed = columnSeed(dbId, measurement, tag);
        return (value) => sieve.add(seed, value);
      });
  }

  /** Slots given so far. */
  get slotCount(): number {
    return this.ids.length;
  }

  /** -1 = unknown series. */
  find(key: Uint8Array): number {
    return this.table.find(key);
  }

  /** The slot of a series, made when it is new. */
  findOrAdd(key: Uint8Array): number {
    const hash = hash32(key);
    const found = this.table.find(key, hash);
    return found >= 0 ? found : this.add(key, hash);
  }

  private add(key: Uint8Array, hash: number): number {
    const slot = this.table.add(key, hash);
    const number = this.names.findOrAdd(measurementBytes(key));
    let measurement = this.byNumber[number];
    if (measurement === undefined) {
      measurement = new MeasurementIndex(decodeText(measurementBytes(key)), this.arena, this.onTag);
      this.byNumber.push(measurement);
      this.measurements.set(measurement.name, measurement);
    }
    this.numbers.push(number);
    this.ordinals.push(measurement.add(slot, key));
    this.ids.push(0);
    this.blocks.push(0);
    this.liveCount++;
    return slot;
  }

  /** A view, not a copy. */
  keyOf(slot: number): Uint8Array {
    return this.table.bytesOf(slot);
  }

  measurementOf(slot: number): MeasurementIndex {
    return this.byNumber[this.numbers.values[slot]!]!;
  }

  ordinalOf(slot: number): number {
    return this.ordinals.values[slot]!;
  }

  /** 0 = not given yet. */
  idOf(slot: number): number {
    return this.ids.values[slot]!;
  }

  /** Row of the catalog that holds the series; 0 = none yet. */
  blockOf(slot: number): number {
    return this.blocks.values[slot]!;
  }

  /** The catalog's row for the series is another one now. */
  setBlock(slot: number, block: number): void {
    this.blocks.values[slot] = block;
  }

  /** Its row left the catalog, but it has come back meanwhile: the next flush gives it a new id. */
  forgetId(slot: number): void {
    this.ids.values[slot] = 0;
    this.blocks.values[slot] = 0;
  }

  /** Ids must be given in ascending order. */
  giveId(slot: number, id: number, block: number): void {
    this.ids.values[slot] = id;
    this.blocks.values[slot] = block;
    this.sortedIds.push(id);
    this.sortedSlots.push(slot);
  }

  /** -1 = no such series. */
  slotOfId(id: number): number {
    const ids = this.sortedIds.values;
    let low = 0;
    let high = this.sortedIds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ids[middle]! < id) low = middle + 1;
      else high = middle;
    }
    if (low === this.sortedIds.length || ids[low] !== id) return -1;
    const slot = this.sortedSlots.values[low]!;
    return this.isLive(slot) && this.ids.values[slot] === id ? slot : -1;
  }

  isLive(slot: number): boolean {
    return this.measurementOf(slot).slots.values[this.ordinals.values[slot]!] === slot;
  }

  /** The series has no data left anywhere. Its slot and id are not given again. */
  remove(slot: number): void {
    if (!this.isLive(slot)) return;
    this.table.remove(slot);
    const measurement = this.measurementOf(slot);
    measurement.remove(this.ordinals.values[slot]!);
    this.liveCount--;
  }

  get memoryBytes(): number {
    let tags = 0;
    for (const measurement of this.byNumber) {
      tags += measurement.slots.memoryBytes;
      for (const column of measurement.tags.values()) tags += column.memoryBytes;
    }
    const perSlot = this.numbers.memoryBytes * 6;
    return this.arena.memoryBytes + this.table.memoryBytes + perSlot + tags;
  }
}

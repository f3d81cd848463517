/** The series of one measurement: an ordinal each, in order of arrival, and a column per tag key. */

import { decodeText } from '../../base/text.ts';
import {
  firstTag,
  nextTag,
  tagKeySize,
  tagKeyStart,
  tagValueSize,
  tagValueStart,
} from '../../model/series-key.ts';
import type { ByteArena } from './byte-arena.ts';
import { GrowableUint32 } from './growable.ts';
import { TagColumn } from './tag-column.ts';

/** In `slots`: the series has left. */
export const noSlot = 0xffffffff;

/** Told of each tag of a measurement; what it answers is told of the values. */
export type NoteTag = (measurement: string, tag: string) => (value: Uint8Array) => void;

export class MeasurementIndex {
  readonly name: string;
  readonly tags = new Map<string, TagColumn>();
  /** Ordinal -> slot of the series in its database, or `noSlot`. */
  readonly slots = new GrowableUint32();
  liveCount = 0;
  private readonly arena: ByteArena;
  private readonly onTag: NoteTag | undefined;

  constructor(name: string, arena: ByteArena, onTag?: NoteTag) {
    this.name = name;
    this.arena = arena;
    this.onTag = onTag;
  }

  /** Returns the ordinal of the new series. `key` is canonical. */
  add(slot: number, key: Uint8Array): number {
    const ordinal = this.slots.length;
    this.slots.push(slot);
    this.liveCount++;
    for (let at = firstTag(key); at < key.length; at = nextTag(key, at)) {
      const start = tagKeyStart(at);
      const name = decodeText(key.subarray(start, start + tagKeySize(key, at)));
      let column = this.tags.get(name);
      if (column === undefined) {
        column = new TagColumn(name, this.arena, this.onTag?.(this.name, name));
        this.tags.set(name, column);
      }
      const value = tagValueStart(key, at);
      column.set(ordinal, key.subarray(value, value + tagValueSize(key, at)));
    }
    return ordinal;
  }

  remove(ordinal: number): void {
    if (this.slots.values[ordinal] === noSlot) return;
    this.slots.values[ordinal] = noSlot;
    this.liveCount--;
    for (const column of this.tags.values()) column.clear(ordinal);
  }
}

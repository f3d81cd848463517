/**
 * Memtable: frames as they came, and per series a linked list of where in them its rows are.
 *
 * Applying a frame costs per series, not per cell. Nothing is sorted or merged here: reads and the
 * flush do that by stamp. One part per (database, retention policy); a part is append-only, so a view of
 * it is a count of segments.
 */

import type { PointsFrame } from '../../model/frame-decode.ts';
import { maxTime, minTime } from '../../model/time.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import { GrowableUint32 } from '../index/growable.ts';

/** One frame with the stamp of all its cells. */
export interface MemFrame {
  readonly points: PointsFrame;
  readonly hlc: number;
  /** Index into the store's table of origins. */
  readonly origin: number;
  readonly lsn: number;
  /** Column key of the frame -> number in the store's `FieldNames`. */
  readonly fields: Uint32Array;
}

/** Objects around a frame: views, header, column keys. */
const frameOverhead = 1024;
const segmentOverhead = 12;

export class MemtablePart {
  readonly dbId: string;
  readonly rpId: string;
  readonly index: DatabaseIndex;
  readonly frames: MemFrame[] = [];
  /** Slots with rows here, in order of arrival. */
  readonly slots = new GrowableUint32();
  private readonly heads = new GrowableUint32();
  private readonly frameOf = new GrowableUint32();
  private readonly seriesOf = new GrowableUint32();
  private readonly nextOf = new GrowableUint32();
  memoryBytes = 0;
  /** Bounds of all times here, ns. */
  minTime = maxTime;
  maxTime = minTime;

  constructor(dbId: string, rpId: string, index: DatabaseIndex) {
    this.dbId = dbId;
    this.rpId = rpId;
    this.index = index;
  }

  /** Segments so far: a view ignores those at or above the count it saw. */
  get segmentCount(): number {
    return this.frameOf.length;
  }

  add(frame: MemFrame): void {
    const { points } = frame;
    const number = this.frames.length;
    this.frames.push(frame);
    for (let series = 0; series < points.seriesCount; series++) {
      this.link(this.index.findOrAdd(points.key(series)), number, series);
    }
    if (points.header.minTime < this.minTime) this.minTime = points.header.minTime;
    if (points.header.maxTime > this.maxTime) this.maxTime = points.header.maxTime;
    this.memoryBytes +=
      points.bytes.byteLength + frameOverhead + points.seriesCount * segmentOverhead;
  }

  private link(slot: number, frame: number, series: number): void {
    this.heads.extend(slot + 1);
    const head = this.heads.values[slot]!;
    if (head === 0) this.slots.push(slot);
    this.nextOf.push(head);
    this.frameOf.push(frame);
    this.seriesOf.push(series);
    this.heads.values[slot] = this.frameOf.length;
  }

  /** Newest segment of the series below `limit`; -1 = none. */
  newest(slot: number, limit: number): number {
    if (slot >= this.heads.length) return -1;
    let segment = this.heads.values[slot]! - 1;
    while (segment >= limit) segment = this.nextOf.values[segment]! - 1;
    return segment;
  }

  /** The one before; -1 = none. */
  older(segment: number): number {
    return this.nextOf.values[segment]! - 1;
  }

  frame(segment: number): MemFrame {
    return this.frames[this.frameOf.values[segment]!]!;
  }

  /** Which series of its frame the segment is. */
  seriesInFrame(segment: number): number {
    return this.seriesOf.values[segment]!;
  }

  has(slot: number): boolean {
    return slot < this.heads.length && this.heads.values[slot]! !== 0;
  }

  /** Least stamp of the series here; Infinity = no row. */
  leastHlc(slot: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let s = this.newest(slot, this.segmentCount); s >= 0; s = this.older(s)) {
      least = Math.min(least, this.frame(s).hlc);
    }
    return least;
  }
}

export class Memtable {
  readonly parts = new Map<string, MemtablePart>();
  /** Greatest lsn applied; 0 = none. */
  lastLsn = 0;

  part(dbId: string, rpId: string, index: () => DatabaseIndex): MemtablePart {
    const key = `${dbId}/${rpId}`;
    let part = this.parts.get(key);
    if (part === undefined) {
      part = new MemtablePart(dbId, rpId, index());
      this.parts.set(key, part);
    }
    return part;
  }

  /** Rows of a database or policy that was dropped. */
  forget(dbId: string, rpId: string | undefined): void {
    for (const [key, part] of this.parts) {
      if (part.dbId === dbId && (rpId === undefined || part.rpId === rpId)) this.parts.delete(key);
    }
  }

  get memoryBytes(): number {
    let sum = 0;
    for (const part of this.parts.values()) sum += part.memoryBytes;
    return sum;
  }

  get isEmpty(): boolean {
    return this.parts.size === 0;
  }
}

/** Reducers that answer with several rows of a window, each at its own time: top, bottom, sample. */

import { readValue, type Value } from '../columns/column-builder.ts';
import type { Frame } from '../frame.ts';
import { frameSize } from '../limits/frame-size.ts';
import { compareValues } from './picking-reducers.ts';
import type { ReducedRow, Reducer } from './reducer.ts';

interface Candidate {
  readonly value: Value;
  readonly time: bigint;
  readonly frame: Frame;
  readonly row: number;
}

/** Rows kept beyond those asked for, at least, before the worse ones are dropped. */
const surplusMin = 1_024;
/** Of a row that is kept: its record and its places in lists. */
const candidateBytes = 120;

/** Frames stay as long as one row of them is kept. */
function sizeOfFrames(rows: Iterable<Candidate>): number {
  const frames = new Set<Frame>();
  for (const { frame } of rows) frames.add(frame);
  let size = 0;
  for (const frame of frames) size += frameSize(frame);
  return size;
}

/** Bytes of frames before it is worth looking which of them are still needed. */
const framesFirst = 1_048_576;

export interface BestRowsOptions {
  readonly count: number;
  /** Columns whose combinations count once, with their best row; undefined = every row counts. */
  readonly keys: readonly number[] | undefined;
  /** top, not bottom. */
  readonly greatest: boolean;
}

/** Ties go to the earlier time. Rows come out in ascending order, in descending queries too. */
export class BestRowsReducer implements Reducer {
  readonly #column: number;
  readonly #options: BestRowsOptions;
  #rows: Candidate[] = [];
  #bestOf = new Map<string, Candidate>();
  #frameBytes = 0;
  /** Frames are looked through again when they seem to hold more than this. */
  #frameBytesNext = framesFirst;

  constructor(column: number, options: BestRowsOptions) {
    this.#column = column;
    this.#options = options;
  }

  get heldBytes(): number {
    return (this.#rows.length + this.#bestOf.size) * candidateBytes + this.#frameBytes;
  }

  add(frame: Frame, from: number, until: number): void {
    for (let row = from; row < until; row++) {
      const value = readValue(frame.columns[this.#column], row);
      if (value === undefined) continue;
      const candidate = { value, time: frame.times[row]!, frame, row };
      if (this.#options.keys !== undefined) this.#addToKey(candidate, this.#options.keys);
      else this.#rows.push(candidate);
    }
    this.#frameBytes += frameSize(frame);
    const { count } = this.#options;
    if (this.#rows.length > count + Math.max(count, surplusMin)) this.#cut();
    if (this.#frameBytes > this.#frameBytesNext) this.#countFrames();
  }

  #countFrames(): void {
    const { keys } = this.#options;
    if (keys === undefined) this.#cut();
    this.#frameBytes = sizeOfFrames(keys === undefined ? this.#rows : this.#bestOf.values());
    this.#frameBytesNext = Math.max(framesFirst, this.#frameBytes * 2);
  }

  finish(): readonly ReducedRow[] {
    if (this.#options.keys !== undefined) this.#rows = [...this.#bestOf.values()];
    this.#cut();
    const rows = this.#rows;
    this.#rows = [];
    this.#bestOf = new Map();
    this.#frameBytes = 0;
    return rows.sort((a, b) => compareValues(a.time, b.time));
  }

  #addToKey(candidate: Candidate, keys: readonly number[]): void {
    const { frame, row } = candidate;
    const values = keys.map((key) => readValue(frame.columns[key], row));
    const key = JSON.stringify(values.map((value) => (value === undefined ? null : String(value))));
    const best = this.#bestOf.get(key);
    if (best === undefined || this.#compare(candidate, best) < 0) this.#bestOf.set(key, candidate);
  }

  /** The better row first. */
  readonly #compare = (a: Candidate, b: Candidate): number => {
    const order = compareValues(a.value, b.value);
    return (this.#options.greatest ? -order : order) || compareValues(a.time, b.time);
  };

  #cut(): void {
    this.#rows = this.#rows.sort(this.#compare).slice(0, this.#options.count);
  }
}

/** Every row is as likely to be taken as any other; the choice follows from their number alone. */
export class SampleReducer implements Reducer {
  readonly #column: number;
  readonly #count: number;
  #rows: Candidate[] = [];
  #seen = 0;
  #state = 1;
  #frameBytes = 0;
  #frameBytesNext = framesFirst;

  constructor(column: number, count: number) {
    this.#column = column;
    this.#count = count;
  }

  get heldBytes(): number {
    return this.#rows.length * candidateBytes + this.#frameBytes;
  }

  add(frame: Frame, from: number, until: number): void {
    for (let row = from; row < until; row++) {
      const value = readValue(frame.columns[this.#column], row);
      if (value === undefined) continue;
      this.#seen++;
      const place = this.#seen <= this.#count ? this.#seen - 1 : this.#below(this.#seen);
      if (place < this.#count) this.#rows[place] = { value, time: frame.times[row]!, frame, row };
    }
    this.#frameBytes += frameSize(frame);
    if (this.#frameBytes <= this.#frameBytesNext) return;
    this.#frameBytes = sizeOfFrames(this.#rows);
    this.#frameBytesNext = Math.max(framesFirst, this.#frameBytes * 2);
  }

  finish(): readonly ReducedRow[] {
    const rows = this.#rows;
    this.#rows = [];
    this.#seen = 0;
    this.#frameBytes = 0;
    return rows.sort((a, b) => compareValues(a.time, b.time));
  }

  /** Marsaglia's xorshift: a whole number below the limit. */
  #below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return Math.floor(((this.#state >>> 0) / 4_294_967_296) * limit);
  }
}

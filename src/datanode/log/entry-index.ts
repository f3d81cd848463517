/**
 * Where in the commit log the entries of one replica are, so that peers can be given what they lack.
 *
 * In memory only: filled when the log is read at open and as entries are logged. Per origin one run of
 * consecutive sequences, oldest first; segments ascend with them. 12 bytes per entry.
 *
 * Invariant: what the index names can be read from the log, or the log was damaged since.
 */

import type { EntryRange } from '../../replication/replica-events.ts';
import type { Versions } from '../../replication/version-vector.ts';

const capacityFirst = 16;

export interface EntryPlace {
  /** Segment number. */
  readonly segment: number;
  /** Of the record's header in the segment's file. */
  readonly offset: number;
  /** Of the payload. */
  readonly size: number;
}

export interface OriginEnd {
  readonly origin: string;
  readonly sequence: number;
}

class Run {
  /** Sequence of the entry at `#start`. */
  first: number;
  #start = 0;
  #end = 0;
  #segments = new Uint32Array(capacityFirst);
  #offsets = new Uint32Array(capacityFirst);
  #sizes = new Uint32Array(capacityFirst);

  constructor(first: number) {
    this.first = first;
  }

  /** Of the entry behind the last one. */
  get next(): number {
    return this.first + this.#end - this.#start;
  }

  push(segment: number, offset: number, size: number): void {
    if (this.#end === this.#segments.length) this.#makeRoom();
    this.#segments[this.#end] = segment;
    this.#offsets[this.#end] = offset;
    this.#sizes[this.#end] = size;
    this.#end++;
  }

  at(sequence: number): EntryPlace | undefined {
    if (sequence < this.first || sequence >= this.next) return undefined;
    const i = this.#start + sequence - this.first;
    return { segment: this.#segments[i]!, offset: this.#offsets[i]!, size: this.#sizes[i]! };
  }

  /** Of the entries from `sequence` on, headers not counted. */
  bytesFrom(sequence: number): number {
    let bytes = 0;
    const from = this.#start + Math.max(0, sequence - this.first);
    for (let i = from; i < this.#end; i++) bytes += this.#sizes[i]!;
    return bytes;
  }

  segmentOf(sequence: number): number {
    return this.#segments[this.#start + sequence - this.first]!;
  }

  /** Forgets everything below `sequence`. */
  dropBelow(sequence: number): void {
    const count = Math.min(sequence, this.next) - this.first;
    if (count <= 0) return;
    this.#start += count;
    this.first += count;
  }

  /** The first sequence that lies in this segment or a later one. */
  firstFrom(segment: number): number {
    let low = this.#start;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#segments[middle]! < segment) low = middle + 1;
      else high = middle;
    }
    return this.first + low - this.#start;
  }

  #makeRoom(): void {
    const count = this.#end - this.#start;
    const capacity = Math.max(capacityFirst, count * 2);
    const moved = (from: Uint32Array) => {
      const to = new Uint32Array(capacity);
      to.set(from.subarray(this.#start, this.#end));
      return to;
    };
    this.#segments = moved(this.#segments);
    this.#offsets = moved(this.#offsets);
    this.#sizes = moved(this.#sizes);
    this.#start = 0;
    this.#end = count;
  }
}

export class EntryIndex {
  readonly #runs = new Map<string, Run>();

  /** An entry already known is left as it is; one behind a gap begins the origin's run anew. */
  add(origin: string, sequence: number, place: EntryPlace): void {
    let run = this.#runs.get(origin);
    if (run !== undefined && sequence < run.next) return;
    if (run === undefined || sequence > run.next) {
      run = new Run(sequence);
      this.#runs.set(origin, run);
    }
    run.push(place.segment, place.offset, place.size);
  }

  find(origin: string, sequence: number): EntryPlace | undefined {
    return this.#runs.get(origin)?.at(sequence);
  }

  /** Of each origin that `versions` counts: up to which sequence its entries cannot be read (0 = all can). */
  missingOf(versions: Versions): OriginEnd[] {
    return Object.entries(versions).map(([origin, applied]) => {
      const run = this.#runs.get(origin);
      // What lies behind the run's end came by snapshot.
      const isWhole = run !== undefined && run.next > applied;
      return { origin, sequence: isWhole ? Math.min(applied, run.first - 1) : applied };
    });
  }

  /** The oldest segment with an entry that `versions` does not count; Infinity = none. */
  neededFrom(versions: Versions): number {
    let segment = Number.POSITIVE_INFINITY;
    for (const [origin, run] of this.#runs) {
      const wanted = Math.max(run.first, (versions[origin] ?? 0) + 1);
      if (wanted < run.next) segment = Math.min(segment, run.segmentOf(wanted));
    }
    return segment;
  }

  /** The sequences of an origin that can be read, [first, next); undefined = none. */
  runOf(origin: string): { readonly first: number; readonly next: number } | undefined {
    return this.#runs.get(origin);
  }

  /** Origins with entries that `versions` does not count, the one known for longest first. */
  originsAbove(versions: Versions): string[] {
    const origins: string[] = [];
    for (const [origin, run] of this.#runs) {
      if ((versions[origin] ?? 0) + 1 < run.next) origins.push(origin);
    }
    return origins;
  }

  /** The entries of an origin from a sequence on, and the bytes of their payloads. */
  measureFrom(origin: string, sequence: number): { entries: number; bytes: number } {
    const run = this.#runs.get(origin);
    if (run === undefined || sequence >= run.next) return { entries: 0, bytes: 0 };
    const from = Math.max(sequence, run.first);
    return { entries: run.next - from, bytes: run.bytesFrom(from) };
  }

  /** What can be read and `versions` does not count; an origin with a gap in between is left out. */
  rangesAbove(versions: Versions): EntryRange[] {
    const ranges: EntryRange[] = [];
    for (const [origin, run] of this.#runs) {
      const from = (versions[origin] ?? 0) + 1;
      if (from >= run.first && from < run.next) ranges.push({ origin, from, to: run.next - 1 });
    }
    return ranges;
  }

  /** Segments below this one are gone; resolves with what is no longer there, by origin. */
  dropBelow(segment: number): OriginEnd[] {
    const dropped: OriginEnd[] = [];
    for (const [origin, run] of this.#runs) {
      const first = run.firstFrom(segment);
      if (first === run.first) continue;
      this.#forget(origin, run, first);
      dropped.push({ origin, sequence: first - 1 });
    }
    return dropped;
  }

  /** This entry cannot be read: neither it nor those before it are offered any more. */
  dropThrough(origin: string, sequence: number): void {
    const run = this.#runs.get(origin);
    if (run !== undefined) this.#forget(origin, run, sequence + 1);
  }

  #forget(origin: string, run: Run, first: number): void {
    run.dropBelow(first);
    if (run.first === run.next) this.#runs.delete(origin);
  }
}

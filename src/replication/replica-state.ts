/**
 * One shard replica as a step function: events in, effects out, no I/O.
 *
 * Today it accepts writes and follows them to durability; pushes, pulls and promises are further events
 * of the same machine.
 *
 * Invariants
 *  - An entry is durable, then applied, then counted, then acknowledged, in the order of its lsn.
 *  - (origin, sequence) has one content for ever: after an append that failed the origin ends at its last
 *    durable sequence, and the next local write begins a new one.
 *  - A retry (same write id, same frame) gets the entry it made before: same stamp, same sequence.
 */

import { type CitadelError, type ErrorCode, invariant } from '../base/errors.ts';
import type { Entry, Hlc } from '../model/entry.ts';
import type { HybridClock } from './hybrid-clock.ts';
import { type Versions, VersionVector } from './version-vector.ts';
import { toWriteIdKey, WriteIdTable } from './write-id-table.ts';

export interface LocalWrite {
  /** The shell's name for the request; comes back in `answer` or `refuse`. */
  readonly request: number;
  readonly writeId: Uint8Array;
  /** Checked frame and the checksum in its header. */
  readonly frame: Uint8Array;
  readonly checksum: number;
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export type ReplicaEffect =
  /** Append to the commit log; effects of one replica come in the order of lsn. */
  | { readonly kind: 'append'; readonly entry: Entry }
  | { readonly kind: 'apply'; readonly entry: Entry }
  | {
      readonly kind: 'answer';
      readonly request: number;
      readonly origin: string;
      readonly sequence: number;
    }
  | {
      readonly kind: 'refuse';
      readonly request: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** The clock's reservation is used up: make more durable, then offer the write again. */
  | { readonly kind: 'reserve'; readonly write: LocalWrite };

interface PendingEntry {
  readonly entry: Entry;
  /** The request that made it and retries that came while it was on its way. */
  readonly requests: number[];
}

export interface ReplicaStart {
  readonly shard: number;
  readonly epoch: number;
  /** 16 hex digits, new at every open. */
  readonly origin: string;
  /** The highest lsn ever given to this replica. */
  readonly lsn: number;
  readonly versions: Versions;
  readonly clock: HybridClock;
}

export class ReplicaState {
  readonly shard: number;
  readonly #epoch: number;
  readonly #clock: HybridClock;
  readonly #versions: VersionVector;
  readonly #writeIds = new WriteIdTable();
  /** Entries on their way to the log, by ascending lsn. */
  #pending: PendingEntry[] = [];
  #origin: string;
  #sequence = 0;
  #lsn: number;

  constructor(start: ReplicaStart) {
    this.shard = start.shard;
    this.#epoch = start.epoch;
    this.#clock = start.clock;
    this.#origin = start.origin;
    this.#lsn = start.lsn;
    this.#versions = new VersionVector(start.versions);
  }

  /** The highest lsn given. */
  get lsn(): number {
    return this.#lsn;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Stamp of the oldest entry that is not applied yet. */
  get oldestPendingHlc(): Hlc | undefined {
    return this.#pending[0]?.entry.hlc;
  }

  get versions(): Versions {
    return this.#versions.toRecord();
  }

  /** An entry found in the log at open: apply it to the store if the store lacks it. */
  replayed(entry: Entry, checksum: number, monotonicMs: number): void {
    invariant(this.#pending.length === 0, 'replay comes before the first write');
    this.#clock.observe(entry.hlc);
    this.#lsn = Math.max(this.#lsn, entry.lsn);
    this.#versions.advance(entry.origin, entry.sequence);
    this.#remember(entry, checksum, monotonicMs);
  }

  write(write: LocalWrite): ReplicaEffect[] {
    const key = toWriteIdKey(write.writeId);
    const known = this.#writeIds.find(key, write.checksum, write.monotonicMs);
    if (known !== undefined) return this.#answerAgain(write.request, known);
    const hlc = this.#clock.next(write.wallMs);
    const entry: Entry = {
      shard: this.shard,
      origin: this.#origin,
      sequence: ++this.#sequence,
      hlc,
      epoch: this.#epoch,
      writeId: write.writeId,
      lsn: ++this.#lsn,
      frame: write.frame,
    };
    this.#pending.push({ entry, requests: [write.request] });
    this.#remember(entry, write.checksum, write.monotonicMs);
    return [{ kind: 'append', entry }];
  }

  /** Everything up to this lsn is as durable as acknowledgements need. */
  logged(lsn: number): ReplicaEffect[] {
    const effects: ReplicaEffect[] = [];
    let count = 0;
    for (const { entry, requests } of this.#pending) {
      if (entry.lsn > lsn) break;
      count++;
      effects.push({ kind: 'apply', entry });
      const counted = this.#versions.advance(entry.origin, entry.sequence);
      invariant(counted, 'local entries become durable in order');
      const { origin, sequence } = entry;
      for (const request of requests) effects.push({ kind: 'answer', request, origin, sequence });
    }
    this.#pending = this.#pending.slice(count);
    return effects;
  }

  /**
   * The log could not take what is pending. Whether it is on disk is unknown, so the origin ends;
   * the lsns were never seen by anyone and are given again.
   */
  appendFailed(error: CitadelError, newOrigin: string): ReplicaEffect[] {
    const { code, message } = error;
    const effects = this.#pending.flatMap(({ requests }) =>
      requests.map((request): ReplicaEffect => ({ kind: 'refuse', request, code, message })),
    );
    this.#lsn -= this.#pending.length;
    this.#pending = [];
    this.#writeIds.removeAbove(this.#lsn);
    this.#origin = newOrigin;
    this.#sequence = 0;
    return effects;
  }

  #remember(entry: Entry, checksum: number, acceptedMs: number): void {
    const { origin, sequence, hlc, lsn } = entry;
    const write = { checksum, origin, sequence, hlc, lsn, acceptedMs };
    this.#writeIds.add(toWriteIdKey(entry.writeId), write);
  }

  #answerAgain(
    request: number,
    known: { origin: string; sequence: number; lsn: number },
  ): ReplicaEffect[] {
    const pending = this.#pending.find(({ entry }) => entry.lsn === known.lsn);
    if (pending !== undefined) {
      pending.requests.push(request);
      return [];
    }
    return [{ kind: 'answer', request, origin: known.origin, sequence: known.sequence }];
  }
}

/**
 * One shard replica on its worker: the step function of `replication`, a store under it, a log beside it.
 *
 * This is the shell: it performs what the step function asks for and tells it what came of it.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Entry, Hlc } from '../../model/entry.ts';
import { openFrame } from '../../model/frame-decode.ts';
import type { ReplicaState } from '../../replication/replica-state.ts';
import type { TStore } from '../../tstore/tstore.ts';
import type { LogRecord } from '../log/log-layout.ts';
import type { LogPlace } from '../log/log-reader.ts';
import { type LogFault, unknownScope } from './log-faults.ts';

export interface FlushStamps {
  readonly hlcMax: Hlc;
  readonly stableHlc: Hlc;
}

export class ShardReplica {
  readonly shard: number;
  readonly replicaId: string;
  readonly store: TStore;
  readonly state: ReplicaState;
  faults: LogFault[] = [];
  /** Monotonic ms. */
  lastWriteMs = 0;
  /** Monotonic ms of the first write since the last flush began; undefined = none. */
  dirtySinceMs: number | undefined;
  /** Every lsn up to here is in the store's files. */
  replayFrom: number;
  /** The next lsn that replay must find. */
  #expectedLsn: number;
  #lastPlace: LogPlace | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(replicaId: string, store: TStore, state: ReplicaState) {
    this.shard = state.shard;
    this.replicaId = replicaId;
    this.store = store;
    this.state = state;
    this.replayFrom = store.positions.replayFrom;
    this.#expectedLsn = this.replayFrom + 1;
  }

  /** Where replay last saw a record of this replica. */
  get lastPlace(): LogPlace | undefined {
    return this.#lastPlace;
  }

  get hasUnflushed(): boolean {
    return this.state.lsn > this.replayFrom;
  }

  /** An entry found in the log at open. A missing one before it becomes a fault. */
  replay(entry: Entry, place: LogPlace, nowMs: number): void {
    this.#lastPlace = place;
    const { lsn } = entry;
    if (lsn > this.#expectedLsn) this.#noteGap(lsn - 1, place);
    this.#expectedLsn = Math.max(this.#expectedLsn, lsn + 1);
    const checksum = new DataView(entry.frame.buffer, entry.frame.byteOffset).getUint32(8, true);
    this.state.replayed(entry, checksum, nowMs);
    if (lsn <= this.replayFrom) return;
    this.store.apply(entry);
    this.noteWrite(nowMs);
  }

  /** A damaged record whose header is known: it was this replica's. */
  skipDamaged(fault: LogFault): void {
    if (fault.lsnFrom <= this.replayFrom) return;
    this.#expectedLsn = Math.max(this.#expectedLsn, fault.lsnTo + 1);
    this.faults.push(fault);
  }

  noteWrite(nowMs: number): void {
    this.lastWriteMs = nowMs;
    this.dirtySinceMs ??= nowMs;
  }

  #noteGap(lsnTo: number, place: LogPlace): void {
    const { shard, replicaId } = this;
    const lsnFrom = this.#expectedLsn;
    this.faults.push({ ...place, ...unknownScope, shard, replicaId, lsnFrom, lsnTo });
  }

  /** Flushes what is applied when its turn comes; `prepare` runs just before. */
  flush(prepare: () => Promise<FlushStamps>, signal?: AbortSignal): Promise<void> {
    return this.alone(async () => {
      this.dirtySinceMs = undefined;
      const stamps = await prepare();
      const { versions } = this.state;
      const positions = await this.store.flush({ versions, ...stamps, signal });
      this.replayFrom = positions.replayFrom;
    });
  }

  /** Work that changes the store's files runs one after the other; writes and reads go on. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }
}

/** What the log keeps of a record beside its entry, so that damage to the payload can be named. */
export function toLogRecord(entry: Entry, replicaId: string): LogRecord {
  const scope = new Uint8Array(32);
  scope.set(entry.frame.subarray(16, 32), 0);
  scope.set(entry.frame.subarray(72, 88), 16);
  return { ...entry, replicaId, scope };
}

/**
 * Everything a frame must be before it is logged: afterwards it can always be applied.
 * @throws CitadelError `corrupt`, `unsupported-version`, `invalid-argument`
 */
export function checkFrame(
  frame: Uint8Array,
  expected: { readonly shard: number; readonly shardCount: number },
): number {
  const checked = openFrame(frame);
  const { header } = checked.kind === 'points' ? checked.points : checked.delete;
  if (header.shard !== expected.shard || header.shardCount !== expected.shardCount) {
    throw new CitadelError(
      'invalid-argument',
      `cannot write a frame of shard ${header.shard} of ${header.shardCount} to shard ${expected.shard} of ${expected.shardCount}`,
    );
  }
  return new DataView(frame.buffer, frame.byteOffset).getUint32(8, true);
}

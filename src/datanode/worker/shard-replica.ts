/**
 * One shard replica on its worker: the step function of `replication`, a store under it, a log beside it.
 *
 * This is the shell: it performs what the step function asks for and tells it what came of it.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Entry, Hlc } from '../../model/entry.ts';
import { type FrameHeader, openFrame } from '../../model/frame-decode.ts';
import { openKvFrame } from '../../model/kv-frame.ts';
import type { HybridClock } from '../../replication/hybrid-clock.ts';
import type { ReplicaMachine } from '../../replication/replica-machine.ts';
import { EntryIndex } from '../log/entry-index.ts';
import type { LogRecord } from '../log/log-layout.ts';
import type { LogPlace } from '../log/log-reader.ts';
import { kindOfSlot, shardOfSlot } from '../slots.ts';
import { type LogFault, unknownScope } from './log-faults.ts';
import type { ReplicaFacts } from './replica-file.ts';
import type { ReplicaPeers } from './replica-peers.ts';
import type { ReplicaStore } from './replica-store.ts';
import { WriteRate } from './write-rate.ts';

export interface FlushStamps {
  readonly hlcMax: Hlc;
  readonly stableHlc: Hlc;
}

/** A replica's directory, opened. A replica that starts anew gets another one. */
export interface ReplicaHome {
  readonly replicaId: string;
  readonly directory: string;
  readonly store: ReplicaStore;
  /** As saved in it. */
  facts: ReplicaFacts;
}

export class ShardReplica {
  readonly shard: number;
  readonly state: ReplicaMachine;
  /** Of all replicas of the log. */
  readonly clock: HybridClock;
  /** Undefined on a node without peers. */
  readonly peers: ReplicaPeers | undefined;
  /** Where the log has its entries: for peers and for tails. */
  readonly index: EntryIndex;
  /** Of frames that were logged. */
  readonly writes = new WriteRate();
  home: ReplicaHome;
  faults: LogFault[] = [];
  /** Its files are on their way to the trash: nothing reaches it any more. */
  isRetired = false;
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
  #saves: Promise<void> = Promise.resolve();

  /** `makePeers`: is given the replica that is being made. */
  constructor(
    home: ReplicaHome,
    state: ReplicaMachine,
    clock: HybridClock,
    makePeers: (replica: ShardReplica) => ReplicaPeers | undefined,
  ) {
    this.shard = state.shard;
    this.home = home;
    this.state = state;
    this.clock = clock;
    this.replayFrom = home.store.positions.replayFrom;
    this.#expectedLsn = this.replayFrom + 1;
    this.peers = makePeers(this);
    this.index = this.peers?.index ?? new EntryIndex();
  }

  get replicaId(): string {
    return this.home.replicaId;
  }

  get store(): ReplicaStore {
    return this.home.store;
  }

  /** The old store is closed: from here on the new one is the replica's. */
  moveTo(home: ReplicaHome): void {
    this.home = home;
    this.replayFrom = home.store.positions.replayFrom;
    this.dirtySinceMs = undefined;
    this.faults = [];
  }

  /** Where replay last saw a record of this replica. */
  get lastPlace(): LogPlace | undefined {
    return this.#lastPlace;
  }

  get hasUnflushed(): boolean {
    return !this.isRetired && this.state.lsn > this.replayFrom;
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

  endReplay(): void {
    this.state.endReplay(this.store.endReplay());
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

  /** Saves of its state go one after the other. */
  saving(work: () => Promise<void>): Promise<void> {
    const turn = this.#saves.then(work);
    this.#saves = turn.catch(() => undefined);
    return turn;
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

function openHeader(frame: Uint8Array, slot: number): FrameHeader {
  if (kindOfSlot(slot) === 'kstore') return openKvFrame(frame).header;
  const checked = openFrame(frame);
  return checked.kind === 'points' ? checked.points.header : checked.delete.header;
}

/**
 * Everything a frame must be before it is logged: afterwards it can always be applied.
 * @throws CitadelError `corrupt`, `unsupported-version`, `invalid-argument`
 */
export function checkFrame(
  frame: Uint8Array,
  { slot, shardCount }: { readonly slot: number; readonly shardCount: number },
): number {
  const header = openHeader(frame, slot);
  const expected = { shard: shardOfSlot(slot), shardCount };
  if (header.shard !== expected.shard || header.shardCount !== expected.shardCount) {
    throw new CitadelError(
      'invalid-argument',
      `cannot write a frame of shard ${header.shard} of ${header.shardCount} to shard ${expected.shard} of ${expected.shardCount}`,
    );
  }
  return new DataView(frame.buffer, frame.byteOffset).getUint32(8, true);
}

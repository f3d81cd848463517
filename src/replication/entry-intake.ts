/**
 * Entries on their way to the log: local writes and what peers send. An entry is appended, durable, applied, counted,
 * acknowledged, in the order of its lsn; a local one leaves for the other replicas at the same time.
 *
 * (origin, sequence) has one content for ever: after an append that failed the origin ends, and the next local write
 * begins a new one. A retry (same write id, same frame) gets the entry that was made before, whoever made it.
 */

import { type CitadelError, type ErrorCode, invariant } from '../base/errors.ts';
import type { Entry, Hlc } from '../model/entry.ts';
import type { AckLevels, Waiter } from './ack-levels.ts';
import { Fifo } from './fifo.ts';
import type { PeerEntry, ReplicaMessage } from './peer-message.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { LocalWrite } from './replica-events.ts';
import { toWriteIdKey, WriteIdTable } from './write-id-table.ts';

interface PendingEntry {
  readonly entry: Entry;
  /** Who pushed it; undefined = local. */
  readonly from: string | undefined;
  /** The request that made it and retries that came while it was on its way. */
  waiters: Waiter[] | undefined;
}

export type Intake = 'taken' | 'known' | 'gap';

/** The checksum in a frame's header (frame-layout). */
function checksumOf(frame: Uint8Array): number {
  return (frame[8]! | (frame[9]! << 8) | (frame[10]! << 16) | (frame[11]! << 24)) >>> 0;
}

export class EntryIntake {
  readonly #core: ReplicaCore;
  readonly #levels: AckLevels;
  readonly writeIds = new WriteIdTable();
  readonly #pending = new Fifo<PendingEntry>();
  /** Of each origin, what replay found last without a gap; empty after the first write. */
  readonly #runs = new Map<string, { first: number; last: number }>();
  #sequence: number;
  #lsn: number;

  constructor(core: ReplicaCore, levels: AckLevels, lsn: number) {
    this.#core = core;
    this.#levels = levels;
    this.#lsn = lsn;
    this.#sequence = core.versions.get(core.origin);
  }

  get lsn(): number {
    return this.#lsn;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Stamp of the oldest entry that is not applied yet. */
  get oldestPendingHlc(): Hlc | undefined {
    return this.#pending.at(0)?.entry.hlc;
  }

  /** Least stamp of local entries that are not applied yet. */
  get oldestLocalHlc(): Hlc | undefined {
    for (let i = 0; i < this.#pending.length; i++) {
      const pending = this.#pending.at(i);
      if (pending !== undefined && pending.from === undefined) return pending.entry.hlc;
    }
    return undefined;
  }

  /** An entry found in the log at open. */
  replayed(entry: Entry, checksum: number, monotonicMs: number): void {
    invariant(this.#pending.length === 0, 'replay comes before the first write');
    const core = this.#core;
    const { origin, sequence } = entry;
    core.clock.observe(entry.hlc);
    core.lastEntryHlc = Math.max(core.lastEntryHlc, entry.hlc);
    this.#lsn = Math.max(this.#lsn, entry.lsn);
    core.versions.advance(origin, sequence);
    this.#noteRun(origin, sequence);
    if (origin === core.origin) this.#sequence = Math.max(this.#sequence, sequence);
    this.#remember(entry, checksum, monotonicMs);
  }

  /** New entries get lsns above it. */
  beginAbove(lsn: number): void {
    invariant(this.#pending.length === 0, 'lsns are given from the first write on');
    this.#lsn = Math.max(this.#lsn, lsn);
  }

  write(write: LocalWrite): void {
    const core = this.#core;
    const { request, level } = write;
    const refusal = this.#refusal(write.isFallback);
    if (refusal !== undefined) {
      core.effects.push({ kind: 'refuse', request, ...refusal });
      return;
    }
    const { wallMs, monotonicMs } = core.times;
    const key = toWriteIdKey(write.writeId);
    const known = this.writeIds.find(key, write.checksum, monotonicMs);
    if (known !== undefined) {
      const { origin, sequence, lsn } = known;
      this.#attach({ request, level, origin, sequence, sinceMs: monotonicMs, isGone: false }, lsn);
      return;
    }
    const hlc = core.clock.next(wallMs);
    const { origin, shard, epoch } = core;
    const sequence = ++this.#sequence;
    const { writeId, frame } = write;
    const entry: Entry = {
      shard,
      origin,
      sequence,
      hlc,
      epoch,
      writeId,
      lsn: ++this.#lsn,
      frame,
    };
    const waiter = { request, level, origin, sequence, sinceMs: monotonicMs, isGone: false };
    this.#pending.push({ entry, from: undefined, waiters: [waiter] });
    this.writeIds.add(key, this.#accepted(entry, write.checksum, monotonicMs));
    core.lastEntryMs = monotonicMs;
    core.lastEntryHlc = Math.max(core.lastEntryHlc, hlc);
    core.effects.push({ kind: 'append', entry });
    if (core.peers.size > 0) this.#push(entry);
  }

  /** An entry of a peer: appended if it is the next of its origin. */
  receive(from: string, sent: PeerEntry): Intake {
    const core = this.#core;
    const { origin, sequence, hlc, epoch, writeId, frame } = sent;
    const have = core.receivedOf(origin);
    if (sequence <= have) return 'known';
    if (sequence > have + 1) return 'gap';
    // Stamps given here later must win over what is stored here.
    core.clock.observe(hlc);
    core.received.set(origin, sequence);
    const { shard } = core;
    const entry: Entry = {
      shard,
      origin,
      sequence,
      hlc,
      epoch,
      writeId,
      lsn: ++this.#lsn,
      frame,
    };
    this.#pending.push({ entry, from, waiters: undefined });
    this.#remember(entry, checksumOf(frame), core.nowMs);
    core.lastEntryMs = core.nowMs;
    core.lastEntryHlc = Math.max(core.lastEntryHlc, hlc);
    core.effects.push({ kind: 'append', entry });
    return 'taken';
  }

  /** Everything up to this lsn is as durable as acknowledgements need. */
  logged(lsn: number): void {
    const core = this.#core;
    for (let head = this.#pending.at(0); head !== undefined; head = this.#pending.at(0)) {
      const { entry, from, waiters } = head;
      if (entry.lsn > lsn) break;
      this.#pending.shift();
      core.effects.push({ kind: 'apply', entry });
      const counted = core.versions.advance(entry.origin, entry.sequence);
      invariant(counted, 'entries of an origin become durable in order');
      if (from !== undefined) {
        core.peers.get(from)?.toAnswer.set(entry.origin, entry.sequence);
        if (core.received.get(entry.origin) === entry.sequence) core.received.delete(entry.origin);
      }
      if (waiters === undefined) continue;
      for (const waiter of waiters) {
        this.#levels.add(waiter, from === undefined && waiter === waiters[0]);
      }
    }
  }

  /** Whether any of it is on disk is unknown, so the origin ends; the lsns were never seen by anyone and are given again. */
  appendFailed(error: CitadelError, newOrigin: string): void {
    const { code, message } = error;
    for (const { waiters } of this.#pending.toArray()) {
      for (const { request, isGone } of waiters ?? []) {
        if (!isGone) this.#core.effects.push({ kind: 'refuse', request, code, message });
      }
    }
    this.#lsn -= this.#pending.length;
    this.writeIds.removeAbove(this.#lsn);
    this.#begin(newOrigin);
  }

  /** A new, empty store: nothing of the old one is known any more. */
  renew(origin: string, lsn: number): void {
    this.writeIds.removeAbove(-1);
    this.#lsn = lsn;
    this.#begin(origin);
  }

  forget(request: number): void {
    for (let i = 0; i < this.#pending.length; i++) {
      for (const waiter of this.#pending.at(i)?.waiters ?? []) {
        if (waiter.request === request) waiter.isGone = true;
      }
    }
    this.#levels.forget(request);
  }

  /** The log can serve an origin from where the last run without gaps begins, if that run reaches what is counted. */
  #noteRun(origin: string, sequence: number): void {
    const { logBase, versions } = this.#core;
    let run = this.#runs.get(origin);
    if (run === undefined || sequence > run.last + 1) {
      run = { first: sequence, last: sequence };
      this.#runs.set(origin, run);
    }
    run.last = Math.max(run.last, sequence);
    if (run.last >= versions.get(origin)) logBase.set(origin, run.first - 1);
  }

  #begin(origin: string): void {
    this.#pending.clear();
    this.#core.received.clear();
    this.#levels.endOrigin();
    this.#core.origin = origin;
    this.#core.settledSequence = 0;
    this.#sequence = 0;
    for (const peer of this.#core.peers.values()) peer.pushedFrom = Number.POSITIVE_INFINITY;
  }

  #refusal(isFallback: boolean): { code: ErrorCode; message: string } | undefined {
    const core = this.#core;
    const { record, shard } = core;
    const code = 'redirect';
    if (record === undefined || record.isNew) {
      return { code: 'unavailable', message: `cannot write to shard ${shard}: it is being made` };
    }
    if (core.isLeaving) return { code, message: `cannot write to shard ${shard} on this node` };
    if (!core.isComplete) {
      return {
        code,
        message: `cannot write to this replica of shard ${shard}: it is ${core.phase}`,
      };
    }
    if (!core.isPrimary && !isFallback) {
      return { code, message: `cannot write to this replica of shard ${shard}: not the primary` };
    }
    if (core.isWaking) {
      const why = 'it stood still, and has not heard from the others yet';
      return { code, message: `cannot write to this replica of shard ${shard}: ${why}` };
    }
    if (core.hasTrustedClock) return undefined;
    const message = 'cannot accept writes: the clock of this machine is off those of the others';
    return { code: 'unavailable', message };
  }

  /** A retry: it waits for the entry that its write id already made. */
  #attach(waiter: Waiter, lsn: number): void {
    const first = this.#pending.at(0);
    const pending = first === undefined ? undefined : this.#pending.at(lsn - first.entry.lsn);
    if (first !== undefined && lsn >= first.entry.lsn && pending !== undefined) {
      pending.waiters = [...(pending.waiters ?? []), waiter];
      return;
    }
    this.#levels.add(waiter, false);
    this.#levels.judge();
  }

  #push(entry: Entry): void {
    const core = this.#core;
    const body = { kind: 'push', entry } as const;
    let shared: ReplicaMessage | undefined;
    for (const peer of core.peers.values()) {
      if (!peer.isComplete || peer.link === 'refused' || peer.link === 'silent') {
        peer.pushedFrom = Number.POSITIVE_INFINITY;
        continue;
      }
      peer.pushedFrom = Math.min(peer.pushedFrom, entry.sequence);
      const isCurrent = peer.recordVersion >= (core.record?.version ?? 0);
      const message = (isCurrent ? shared : undefined) ?? core.message(peer.node, body);
      if (isCurrent) shared = message;
      core.effects.push({ kind: 'send', to: peer.node, message });
    }
  }

  #remember(entry: Entry, checksum: number, acceptedMs: number): void {
    this.writeIds.add(toWriteIdKey(entry.writeId), this.#accepted(entry, checksum, acceptedMs));
  }

  #accepted(entry: Entry, checksum: number, acceptedMs: number) {
    const { origin, sequence, hlc, lsn } = entry;
    return { checksum, origin, sequence, hlc, lsn, acceptedMs };
  }
}

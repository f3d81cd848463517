/**
 * Levels: when a write may be acknowledged.
 *
 * An answer of a replica counts if, when it was given, that replica had promised no epoch above this one's record and was
 * neither leaving nor without complete data. `quorum` needs a majority of the configured replicas with the primary among them,
 * `all` every one. Judged anew whenever an answer or the record changes. `auto` never fails for lost redundancy: it
 * falls back to what is durable here, and says so.
 */

import { Fifo } from './fifo.ts';
import type { ReplicaCore } from './replica-core.ts';
import type { WriteLevel } from './replica-events.ts';

/** How long `auto` waits for the other one of two replicas, or for a majority when too few are heard. */
export const autoPatienceMs = 500;
/** How long it waits for a majority that could still come together (a promotion takes less). */
export const autoPatienceMaxMs = 5_000;

/** A request that waits for its entry to be as safe as it asked. */
export interface Waiter {
  readonly request: number;
  readonly level: WriteLevel;
  readonly origin: string;
  readonly sequence: number;
  readonly sinceMs: number;
  isGone: boolean;
}

function isSingle(level: WriteLevel): boolean {
  return level === 'one' || level === 'any';
}

export class AckLevels {
  readonly #core: ReplicaCore;
  /** Of the current origin, by ascending sequence. */
  readonly #quorum = new Fifo<Waiter>();
  readonly #all = new Fifo<Waiter>();
  readonly #auto = new Fifo<Waiter>();
  /** Retries, and entries of earlier origins. */
  #others: Waiter[] = [];

  constructor(core: ReplicaCore) {
    this.#core = core;
  }

  /** The entry is durable here. `isInOrder`: its sequence is the highest yet of the current origin. */
  add(waiter: Waiter, isInOrder: boolean): void {
    if (waiter.isGone) return;
    if (isSingle(waiter.level) || this.#core.isAlone) this.#settle(waiter);
    else if (!isInOrder) this.#others.push(waiter);
    else if (waiter.level === 'quorum') this.#quorum.push(waiter);
    else if (waiter.level === 'all') this.#all.push(waiter);
    else this.#auto.push(waiter);
  }

  /** The origin has ended: its waiters are judged one by one. */
  endOrigin(): void {
    for (const fifo of [this.#quorum, this.#all, this.#auto]) {
      this.#others.push(...fifo.toArray());
      fifo.clear();
    }
  }

  forget(request: number): void {
    for (const fifo of [this.#quorum, this.#all, this.#auto]) {
      for (let i = 0; i < fifo.length; i++) {
        const waiter = fifo.at(i);
        if (waiter?.request === request) waiter.isGone = true;
      }
    }
    this.#others = this.#others.filter((waiter) => waiter.request !== request);
  }

  refuseAll(message: string): void {
    this.endOrigin();
    for (const { request, isGone } of this.#others) {
      if (!isGone)
        this.#core.effects.push({ kind: 'refuse', request, code: 'unavailable', message });
    }
    this.#others = [];
  }

  /** Answers what is safe enough now. */
  judge(): void {
    const { origin } = this.#core;
    if (this.#quorum.length > 0) this.#drain(this.#quorum, this.#reached(origin, false));
    if (this.#all.length > 0) this.#drain(this.#all, this.#reached(origin, true));
    if (this.#auto.length > 0) this.#judgeAuto(origin);
    if (this.#others.length > 0) this.#judgeOthers();
  }

  #judgeAuto(origin: string): void {
    const auto = this.#auto;
    this.#drain(auto, this.#reached(origin, this.#needsAll()));
    for (let head = auto.at(0); head !== undefined; head = auto.at(0)) {
      if (!head.isGone && !this.#mayDegrade(head)) return;
      auto.shift();
      this.#answer(head, 'one');
    }
  }

  #judgeOthers(): void {
    const left: Waiter[] = [];
    for (const waiter of this.#others) {
      const needsAll = waiter.level === 'all' || (waiter.level === 'auto' && this.#needsAll());
      if (waiter.sequence <= this.#reached(waiter.origin, needsAll)) this.#settle(waiter);
      else if (waiter.level === 'auto' && this.#mayDegrade(waiter)) this.#answer(waiter, 'one');
      else left.push(waiter);
    }
    this.#others = left;
  }

  #drain(fifo: Fifo<Waiter>, reached: number): void {
    for (let head = fifo.at(0); head !== undefined; head = fifo.at(0)) {
      if (!head.isGone && head.sequence > reached) return;
      fifo.shift();
      this.#settle(head);
    }
  }

  /** `auto` with two replicas means both. */
  #needsAll(): boolean {
    return this.#core.record?.replicas.length === 2;
  }

  /** Sequence of an origin up to which entries are on enough replicas. */
  #reached(origin: string, needsAll: boolean): number {
    const { record } = this.#core;
    if (record === undefined || !this.#core.isMember) return 0;
    const sequences = record.replicas.map((node) => this.#countedOn(node, origin));
    sequences.sort((a, b) => b - a);
    if (needsAll) return sequences.at(-1) ?? 0;
    const byMajority = sequences[this.#core.majority - 1] ?? 0;
    return Math.min(byMajority, this.#countedOn(record.primary, origin));
  }

  #countedOn(node: string, origin: string): number {
    const core = this.#core;
    if (node !== core.self) return core.peers.get(node)?.counted.get(origin) ?? 0;
    const counts = core.isComplete && !core.isLeaving && this.#promisedHere <= core.epoch;
    return counts ? core.versions.get(origin) : 0;
  }

  get #promisedHere(): number {
    return this.#core.faults.forgetsPromises ? 0 : this.#core.promised;
  }

  #mayDegrade(waiter: Waiter): boolean {
    const core = this.#core;
    const { nowMs } = core;
    if (!core.isMember) return false;
    const waitedMs = nowMs - waiter.sinceMs;
    let upCount = 1;
    for (const peer of core.members()) if (!peer.isDown(nowMs) && peer.isComplete) upCount++;
    if (this.#needsAll()) return upCount === 1 || waitedMs >= autoPatienceMs;
    if (upCount < core.majority) return waitedMs >= autoPatienceMs;
    return waitedMs >= autoPatienceMaxMs;
  }

  #settle(waiter: Waiter): void {
    const { level } = waiter;
    if (level !== 'auto') this.#answer(waiter, level);
    else if (this.#core.isAlone) this.#answer(waiter, 'one');
    else this.#answer(waiter, this.#needsAll() ? 'all' : 'quorum');
  }

  #answer(waiter: Waiter, levelReached: WriteLevel): void {
    if (waiter.isGone) return;
    const { request, origin, sequence } = waiter;
    const copies = this.#copies(origin, sequence);
    this.#core.effects.push({ kind: 'answer', request, origin, sequence, copies, levelReached });
  }

  #copies(origin: string, sequence: number): number {
    let count = 1;
    if (this.#core.isAlone) return count;
    for (const peer of this.#core.members()) {
      if (!peer.isLeaving && peer.counted.get(origin) >= sequence) count++;
    }
    return count;
  }
}

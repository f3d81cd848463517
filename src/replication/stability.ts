/**
 * Causal stability: up to which stamp nothing can arrive any more. Every holder reports now and then; three things
 * must have been reported, one after the other, under one record version and with the same origins:
 *
 *  1. Floors. A floor: every later stamp of that node is greater, durably, and nothing at or below it is on its way to its
 *     log. F = the least of them.
 *  2. Fences. Each has seen the reports of step 1 and still has a floor >= F. From then on it drops pushes that their
 *     sender itself no longer counts (it crashed, or could not append): a message may be that late. L = join of the versions.
 *  3. Cover. Each has everything in L.
 *
 * Then whatever has a stamp <= F is in L, and everyone has L. A holder that is down holds this back; it is never guessed.
 * The learner takes part: it may become a member, and give stamps, before this replica hears of it.
 */

import { holdersOf } from '../model/cluster.ts';
import type { Hlc } from '../model/entry.ts';
import type { EntryIntake } from './entry-intake.ts';
import type { PeerEntry, StabilityReport } from './peer-message.ts';
import type { PeerView } from './peer-view.ts';
import type { ReplicaCore } from './replica-core.ts';
import { type Versions, VersionVector } from './version-vector.ts';

/** Between reports of a replica, and between sending all of them to the same peer. */
const reportMs = 1_000;

/** Nothing with a stamp at or below `hlc` can arrive any more; all of it is counted by `versions`. */
export interface StableHorizon {
  readonly hlc: Hlc;
  readonly versions: Versions;
}

interface Round {
  readonly recordVersion: number;
  readonly origins: string;
  readonly floor: Hlc;
  /** Of the reports that the floor comes from, by node. */
  readonly counts: ReadonlyMap<string, number>;
  /** Undefined until all have put up their fences. */
  join: VersionVector | undefined;
}

export class Stability {
  readonly #core: ReplicaCore;
  readonly #intake: EntryIntake;
  readonly #reports = new Map<string, StabilityReport>();
  #round: Round | undefined;
  #horizon: StableHorizon = { hlc: 0, versions: {} };
  #reportedMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(core: ReplicaCore, intake: EntryIntake) {
    this.#core = core;
    this.#intake = intake;
  }

  get horizon(): StableHorizon {
    const core = this.#core;
    if (!core.isAlone) return this.#horizon;
    return { hlc: this.#aloneHlc, versions: core.versions.toRecord() };
  }

  get hlc(): Hlc {
    return this.#core.isAlone ? this.#aloneHlc : this.#horizon.hlc;
  }

  get #aloneHlc(): Hlc {
    const oldest = this.#intake.oldestPendingHlc;
    return oldest === undefined ? this.#core.clock.last : oldest - 1;
  }

  tick(): void {
    const core = this.#core;
    if (core.peers.size === 0 || !core.isComplete) return;
    if (core.nowMs - this.#reportedMs < reportMs || !this.#isReportDue()) return;
    this.#reportedMs = core.nowMs;
    this.#report();
    this.#judge();
  }

  take(reports: readonly StabilityReport[]): void {
    if (reports.length === 0) return;
    for (const report of reports) {
      if (report.node === this.#core.self) continue;
      const known = this.#reports.get(report.node);
      if (known === undefined || report.count > known.count) this.#reports.set(report.node, report);
    }
    this.#judge();
  }

  /**
   * A push that came so late that its sender, by its own report, neither has the entry nor will make one with such a
   * stamp: it was lost there, and was never acknowledged. Dropping it is like losing the message.
   */
  isLost(from: string, { origin, sequence, hlc }: PeerEntry): boolean {
    const report = this.#reports.get(from);
    if (report === undefined || hlc > report.floor) return false;
    return sequence > (report.versions[origin] ?? 0);
  }

  /** All that are known, now and then. */
  reportsFor(peer: PeerView): readonly StabilityReport[] {
    const { nowMs } = this.#core;
    if (nowMs - peer.reportsSentMs < reportMs) return [];
    peer.reportsSentMs = nowMs;
    return [...this.#reports.values()];
  }

  /** A new store knows nothing of what was stable in the old one. */
  reset(): void {
    this.#round = undefined;
    this.#reports.clear();
    this.#horizon = { hlc: 0, versions: {} };
  }

  /** A quiet shard falls silent when everyone knows that all of it is stable. */
  #isReportDue(): boolean {
    if (this.#isWaiting) return true;
    const seen = this.#reports.get(this.#core.self)?.seen ?? {};
    for (const { node, count, isWaiting } of this.#reports.values()) {
      if (node !== this.#core.self && isWaiting && (seen[node] ?? 0) < count) return true;
    }
    return false;
  }

  get #isWaiting(): boolean {
    return this.#horizon.hlc < this.#core.lastEntryHlc;
  }

  #report(): void {
    const core = this.#core;
    const { clock, self, origin, record } = core;
    if (clock.wantedReservation(core.times.wallMs) !== undefined) {
      core.effects.push({ kind: 'extend-reserve' });
    }
    const pending = this.#intake.oldestPendingHlc;
    const { reservedTo } = clock;
    const floor = pending === undefined ? reservedTo : Math.min(reservedTo, pending - 1);
    this.#count = Math.max(this.#count + 1, clock.last);
    const versions = core.versions.toRecord();
    const recordVersion = record?.version ?? 0;
    const count = this.#count;
    const seen: Record<string, number> = {};
    for (const [node, report] of this.#reports) if (node !== self) seen[node] = report.count;
    this.#reports.set(self, {
      node: self,
      origin,
      count,
      versions,
      floor,
      recordVersion,
      seen,
      isWaiting: this.#isWaiting,
    });
  }

  #judge(): void {
    const { record } = this.#core;
    if (record === undefined) return;
    const reports: StabilityReport[] = [];
    for (const node of holdersOf(record)) {
      const report = this.#reports.get(node);
      if (report === undefined || report.recordVersion !== record.version) return;
      reports.push(report);
    }
    const origins = reports.map(({ origin }) => origin).join();
    const round = this.#round;
    if (round?.recordVersion !== record.version || round.origins !== origins) {
      this.#round = this.#open(reports, record.version, origins);
      return;
    }
    round.join ??= joinFenced(round, reports);
    const { join } = round;
    if (join === undefined) return;
    if (!reports.every(({ versions }) => new VersionVector(versions).covers(join))) return;
    this.#round = this.#open(reports, record.version, origins);
    if (round.floor <= this.#horizon.hlc || !this.#core.versions.covers(join)) return;
    this.#horizon = { hlc: round.floor, versions: join.toRecord() };
  }

  #open(reports: readonly StabilityReport[], recordVersion: number, origins: string): Round {
    const counts = new Map(reports.map(({ node, count }) => [node, count]));
    const floor = Math.min(...reports.map((report) => report.floor));
    return { recordVersion, origins, floor, counts, join: undefined };
  }
}

/** Undefined when somebody has not yet seen what the floor comes from. */
function joinFenced(round: Round, reports: readonly StabilityReport[]): VersionVector | undefined {
  const join = new VersionVector();
  for (const { node, floor, seen, versions } of reports) {
    if (floor < round.floor) return undefined;
    for (const [other, count] of round.counts) {
      if (other !== node && (seen[other] ?? 0) < count) return undefined;
    }
    join.joinAll(versions);
  }
  return join;
}

/**
 * Causal stability: up to which stamp nothing can arrive any more, found in two rounds of reports.
 *
 * Round 1: of every holder its versions and a floor (every later stamp of that node is greater, durably): L = join of the
 * versions, F = least floor. Round 2: every holder reports versions >= L, with the same origin and record version. Then
 * whatever has a stamp <= F is in L, and everyone has L. A holder that is down holds this back; it is never guessed.
 *
 * The learner takes part: it may become a member, and give stamps, before this replica hears of it.
 */

import { holdersOf } from '../model/cluster.ts';
import type { Hlc } from '../model/entry.ts';
import type { EntryIntake } from './entry-intake.ts';
import type { StabilityReport } from './peer-message.ts';
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
  readonly join: VersionVector;
  readonly floor: Hlc;
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
    if (core.nowMs - this.#reportedMs < reportMs) return;
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

  #report(): void {
    const core = this.#core;
    const { clock, self, origin, record } = core;
    if (clock.wantedReservation(core.times.wallMs) !== undefined) {
      core.effects.push({ kind: 'extend-reserve' });
    }
    const pending = this.#intake.oldestLocalHlc;
    const { reservedTo } = clock;
    const floor = pending === undefined ? reservedTo : Math.min(reservedTo, pending - 1);
    this.#count = Math.max(this.#count + 1, clock.last);
    const versions = core.versions.toRecord();
    const recordVersion = record?.version ?? 0;
    const count = this.#count;
    this.#reports.set(self, { node: self, origin, count, versions, floor, recordVersion });
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
    if (!reports.every(({ versions }) => new VersionVector(versions).covers(round.join))) return;
    this.#round = this.#open(reports, record.version, origins);
    if (round.floor <= this.#horizon.hlc || !this.#core.versions.covers(round.join)) return;
    this.#horizon = { hlc: round.floor, versions: round.join.toRecord() };
  }

  #open(reports: readonly StabilityReport[], recordVersion: number, origins: string): Round {
    const join = new VersionVector();
    let floor = Number.POSITIVE_INFINITY;
    for (const report of reports) {
      join.joinAll(report.versions);
      floor = Math.min(floor, report.floor);
    }
    return { recordVersion, origins, join, floor };
  }
}

/**
 * Compares the copies that this node holds with the others', by itself: shards that changed more often than those that did
 * not, one at a time, with long pauses. It must find nothing; what differs is an alarm, and the copy here takes over
 * what the others have. Their nodes do the same.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Reading } from '../../base/reading.ts';
import type { StoreKind } from '../../model/cluster.ts';
import type { ShardDigest } from '../../rpc/data-node-api.ts';
import { pause, type RouteParts } from '../route/route-parts.ts';
import { verifyBelow, verifyShard } from './verify-replicas.ts';

/** After a comparison that took n ms comes a pause of 9 n: a tenth of the time at most. */
const pausePerComparison = 9;
const pauseMsMax = 600_000;
const pauseMsMin = 50;
/** Between looks for something to compare. */
const lookMsMax = 10_000;
/** A shard that has not changed is compared this many times less often. */
const coldFactor = 24;
/** After a difference the shard is compared again so soon, once the copy has taken over what others have. */
const againMs = 10_000;

export interface AuditRules {
  /** Between two comparisons of a shard that changes; 0 = none. */
  readonly compareIntervalMs: number;
}

interface Audited {
  /** Monotonic ms at which it is due, if it changed and if not. */
  hotMs: number;
  coldMs: number;
  versions: string;
}

export interface AuditParts {
  readonly route: RouteParts;
  readonly rules: AuditRules;
  /** The copy here shall take over what the others have. */
  readonly repair: (kind: StoreKind, shard: number) => void;
}

function describeVersions({ versions }: ShardDigest): string {
  return JSON.stringify(Object.entries(versions).sort());
}

export class ReplicaAudit {
  readonly #parts: AuditParts;
  readonly #audited = new Map<string, Audited>();
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #comparisons = 0;
  #undecided = 0;
  #differences = 0;

  constructor(parts: AuditParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  readings(): readonly Reading[] {
    const counter = (name: string, help: string, value: number): Reading => {
      return { kind: 'counter', name, help, labelNames: [], values: [{ labels: {}, value }] };
    };
    return [
      counter('copies_compared', 'Comparisons of a copy here with the others', this.#comparisons),
      counter('copies_undecided', 'Those in which copies kept changing', this.#undecided),
      counter('copies_different', 'Those that found a difference', this.#differences),
    ];
  }

  describe() {
    return {
      compared: this.#comparisons,
      undecided: this.#undecided,
      different: this.#differences,
    };
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { rules, route } = this.#parts;
    const { signal } = this.#abort;
    if (rules.compareIntervalMs === 0) return;
    const { clock, timers, log } = route.env;
    const lookMs = Math.min(lookMsMax, rules.compareIntervalMs);
    while (!signal.aborted) {
      await pause(timers, lookMs, signal);
      for (const [kind, shard] of this.#listDue()) {
        if (signal.aborted) return;
        const startMs = clock.monotonicMs();
        try {
          await this.#audit(kind, shard);
        } catch (error) {
          if (!(error instanceof CitadelError)) throw error;
          log.debug('cannot compare a shard now', { kind, shard, error: error.message });
        }
        const tookMs = clock.monotonicMs() - startMs;
        const restMs = Math.min(pauseMsMax, Math.max(pauseMsMin, tookMs * pausePerComparison));
        await pause(timers, restMs, signal);
      }
    }
  }

  /** Shards with a copy here and others elsewhere, all of them alive. New ones wait for their first turn. */
  #listDue(): [StoreKind, number][] {
    const { map, self } = this.#parts.route.cluster;
    const { rules } = this.#parts;
    const nowMs = this.#parts.route.env.clock.monotonicMs();
    const due: [StoreKind, number][] = [];
    for (const kind of Object.keys(map.shards) as StoreKind[]) {
      for (const { shard, replicas, leaving } of map.shards[kind]) {
        const isShared = replicas.length > 1 && replicas.includes(self) && leaving === undefined;
        if (!isShared || !replicas.every((node) => map.nodes.has(node))) continue;
        const audited = this.#audited.get(`${kind}/${shard}`);
        if (audited === undefined) {
          const { compareIntervalMs } = rules;
          this.#audited.set(`${kind}/${shard}`, {
            hotMs: nowMs + compareIntervalMs,
            coldMs: nowMs + compareIntervalMs,
            versions: '',
          });
        } else if (nowMs >= audited.hotMs) due.push([kind, shard]);
      }
    }
    return due;
  }

  async #audit(kind: StoreKind, shard: number): Promise<void> {
    const { route, rules } = this.#parts;
    const { signal } = this.#abort;
    const { clock, log } = route.env;
    const audited = this.#audited.get(`${kind}/${shard}`)!;
    audited.hotMs = clock.monotonicMs() + rules.compareIntervalMs;
    const versions = await this.#versionsOf(kind, shard);
    if (versions === audited.versions && clock.monotonicMs() < audited.coldMs) return;
    let found = await verifyShard(route, kind, shard, signal);
    if (found.verdict === 'behind') found = await verifyBelow(route, kind, shard, signal);
    this.#comparisons++;
    if (found.verdict === 'behind' || found.verdict === 'incomplete') this.#undecided++;
    if (found.verdict === 'equal') {
      audited.versions = versions;
      audited.coldMs = clock.monotonicMs() + rules.compareIntervalMs * coldFactor;
    }
    if (found.verdict !== 'different') return;
    this.#differences++;
    audited.hotMs = clock.monotonicMs() + Math.min(againMs, rules.compareIntervalMs);
    const { differences } = found;
    log.error('copies of a shard differ', { kind, shard, differences: differences.join(' ') });
    this.#parts.repair(kind, shard);
  }

  /** Of the copy here. '' = not known. */
  async #versionsOf(kind: StoreKind, shard: number): Promise<string> {
    const { cluster, dataNode } = this.#parts.route;
    const status = await dataNode(cluster.self)?.status();
    const found = status?.shards.find(
      (one) => one.shard === shard && (one.kind ?? 'tstore') === kind,
    );
    const versions = found?.replication?.versions;
    return versions === undefined ? '' : describeVersions({ shard, versions, parts: [] });
  }
}

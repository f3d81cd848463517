/** What the broker works with, and its limits. */

import type { MemoryLimits } from '../base/memory-budget.ts';
import type { Env } from '../env/env.ts';
import type { Catalog } from '../metadata/catalog-view.ts';
import type { ConsistencyLevel, DataNodeApi } from '../rpc/data-node-api.ts';
import type { RouteParts } from './route/route-parts.ts';

export interface BrokerLimits {
  /** 0 = none, each. */
  readonly queryTimeoutMs: number;
  readonly maxSelectPoint: number;
  readonly maxSelectSeries: number;
  readonly maxSelectBuckets: number;
  readonly maxConcurrentQueries: number;
  /** What queries may hold where their answers are made; undefined = no limit. */
  readonly memory?: MemoryLimits | undefined;
}

export interface BuildFacts {
  readonly version: string;
  /** Wall clock. */
  readonly startedMs: number;
}

export interface BrokerParts {
  readonly env: Pick<Env, 'clock' | 'timers' | 'rng' | 'log' | 'host'>;
  readonly catalog: Catalog;
  /** This node's own. */
  readonly dataNode: DataNodeApi;
  /** Where shards are, and who answers for them. */
  readonly route: RouteParts;
  /** Of writes whose client names none. */
  readonly defaultLevel: ConsistencyLevel;
  readonly limits: BrokerLimits;
  /** Makes the shard map of keys, once, with the first write of a key; undefined = there always is one. */
  readonly setUpKeys?: (() => Promise<void>) | undefined;
  readonly build: BuildFacts;
  /** As InfluxDB does, with a warning; else statements that change something are refused by GET. */
  readonly allowChangesByGet: boolean;
}

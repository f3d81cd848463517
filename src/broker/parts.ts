/** What the broker works with, and its limits. */

import type { MemoryLimits } from '../base/memory-budget.ts';
import type { Env } from '../env/env.ts';
import type { Catalog } from '../metadata/catalog-view.ts';
import type { ShardRecord } from '../model/cluster.ts';
import type { DataNodeApi } from '../rpc/data-node-api.ts';

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
  readonly dataNode: DataNodeApi;
  /** Index = shard. */
  readonly shards: readonly ShardRecord[];
  readonly mapVersion: number;
  readonly limits: BrokerLimits;
  readonly build: BuildFacts;
}

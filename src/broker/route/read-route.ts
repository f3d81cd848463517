/**
 * Spreads scans over replicas: every shard is read from one of them, chosen at random. Shards with the
 * same replicas go together, so that a stream that breaks has one other node to go on with.
 *
 * An answer is whole or an error: a shard that no replica can answer for fails the query.
 */

import { CitadelError, type ErrorCode } from '../../base/errors.ts';
import type { ShardRecord } from '../../model/cluster.ts';
import type { ScanBlock, SchemaBlock, SchemaPlan, ShardPlan } from '../../model/plan.ts';
import { ResumeFilter } from '../../query/merge/resume.ts';
import type { DataNodeApi, ReadLevel, ReadOptions } from '../../rpc/data-node-api.ts';
import { readOrder } from './replica-choice.ts';
import { pause, type RouteParts, recordOf, refreshMap, shardsOf } from './route-parts.ts';
import { SchemaFilter } from './schema-filter.ts';

/** A query waits so long for some replica to answer for its shards. */
const patienceMs = 10_000;
const roundPauseMs = 100;

const reroutable: ReadonlySet<ErrorCode> = new Set([
  'redirect',
  'unavailable',
  'timeout',
  'corrupt',
]);

/** Shards of one lane (worker thread) whose replicas are the same nodes. */
interface Leg {
  readonly shards: readonly number[];
}

/** Leaves out of a stream that starts anew what was delivered before. */
export interface Filter<B> {
  restart(): void;
  take(block: B): B | undefined;
}

type OpenStream<B> = (
  node: string,
  shards: readonly number[],
  options: ReadOptions,
  signal: AbortSignal,
) => readonly AsyncIterable<B>[];

export class ReadRoute {
  readonly #parts: RouteParts;
  readonly #level: ReadLevel;

  constructor(parts: RouteParts, level: ReadLevel = 'one') {
    this.#parts = parts;
    this.#level = level;
  }

  scan(plan: ShardPlan, signal: AbortSignal): readonly AsyncIterable<ScanBlock>[] {
    return this.streams<ScanBlock>(
      (node, shards, options, stop) => this.nodeOf(node).scan(shards, plan, stop, options),
      () => new ResumeFilter(plan.descending),
      signal,
    );
  }

  schema(plan: SchemaPlan, signal: AbortSignal): readonly AsyncIterable<SchemaBlock>[] {
    return this.streams<SchemaBlock>(
      (node, shards, options, stop) => this.nodeOf(node).schema(shards, plan, stop, options),
      () => new SchemaFilter(),
      signal,
    );
  }

  /**
   * Whatever a node answers in streams. `filter`: made for each leg, leaves out of a stream that starts anew what was
   * delivered before. `wanted`: only these shards; undefined = all.
   */
  streams<B>(
    open: OpenStream<B>,
    filter: () => Filter<B>,
    signal: AbortSignal,
    wanted?: ReadonlySet<number>,
  ): readonly AsyncIterable<B>[] {
    const { map, self } = this.#parts.cluster;
    const records = shardsOf(this.#parts).filter(({ shard }) => wanted?.has(shard) ?? true);
    // Alone there is nobody else to ask.
    const isAlone = map.nodes.size <= 1 && records.every((one) => one.primary === self);
    if (isAlone) {
      const shards = records.map(({ shard }) => shard);
      return open(self, shards, this.#options(shards), signal);
    }
    return this.#legs(records).map((leg) => this.#follow(leg, open, filter(), signal));
  }

  /** @throws CitadelError `unavailable` */
  nodeOf(uuid: string): DataNodeApi {
    const node = this.#parts.dataNode(uuid);
    if (node === undefined) throw new CitadelError('unavailable', `cannot reach node ${uuid}`);
    return node;
  }

  #options(shards: readonly number[]): ReadOptions {
    const { cluster, marks } = this.#parts;
    return { level: this.#level, mapVersion: cluster.map.version, marks: marks.of(shards) };
  }

  #legs(records: readonly ShardRecord[]): readonly Leg[] {
    const { map } = this.#parts.cluster;
    const lanes = Math.max(1, ...[...map.nodes.values()].map(({ workers }) => workers));
    const legs = new Map<string, number[]>();
    for (const { shard, replicas, primary } of records) {
      const nodes = this.#level === 'one' ? [...replicas].sort() : [primary];
      const key = `${shard % lanes}/${nodes.join('/')}`;
      const leg = legs.get(key);
      if (leg === undefined) legs.set(key, [shard]);
      else leg.push(shard);
    }
    return [...legs.values()].map((shards) => ({ shards }));
  }

  /** Nodes that may answer for the leg, best first. */
  #candidates({ shards }: Leg): string[] {
    const { cluster, env } = this.#parts;
    const record = recordOf(this.#parts, shards[0]!);
    if (this.#level !== 'one') return [record.primary];
    return readOrder(record, cluster.map, env.rng);
  }

  async *#follow<B>(
    leg: Leg,
    open: OpenStream<B>,
    filter: Filter<B>,
    signal: AbortSignal,
  ): AsyncGenerator<B> {
    const { clock, timers } = this.#parts.env;
    const deadlineMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      let failure: unknown;
      for (const node of this.#candidates(leg)) {
        try {
          yield* this.#read(leg, node, open, filter, signal);
          return;
        } catch (error) {
          if (!this.#mayRetry(error, signal)) throw error;
          failure = error;
          filter.restart();
        }
      }
      if (clock.monotonicMs() > deadlineMs) throw unanswered(leg, failure);
      await refreshMap(this.#parts, signal);
      await pause(timers, roundPauseMs, signal);
    }
  }

  async *#read<B>(
    { shards }: Leg,
    node: string,
    open: OpenStream<B>,
    filter: Filter<B>,
    signal: AbortSignal,
  ): AsyncGenerator<B> {
    const streams = open(node, shards, this.#options(shards), signal);
    if (streams.length !== 1) {
      throw new CitadelError('internal', `internal error: ${streams.length} streams for one lane`);
    }
    for await (const block of streams[0]!) {
      const rest = filter.take(block);
      if (rest !== undefined) yield rest;
    }
  }

  #mayRetry(error: unknown, signal: AbortSignal): boolean {
    return !signal.aborted && error instanceof CitadelError && reroutable.has(error.code);
  }
}

function unanswered({ shards }: Leg, cause: unknown): CitadelError {
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  const list = shards.join(', ');
  return new CitadelError('unavailable', `cannot read shard ${list}: no replica answers${reason}`, {
    cause,
  });
}

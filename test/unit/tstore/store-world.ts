/** A store in a temporary directory, and short ways to write to it and read from it, for tests. */

import type { Log } from '../../../src/env/env.ts';
import { createThreadEnv } from '../../../src/env/node/thread-env.ts';
import type { Column } from '../../../src/model/column.ts';
import type { FieldType } from '../../../src/model/field-type.ts';
import {
  encodeDeleteFrame,
  encodePointsFrame,
  type FrameSeriesInput,
  type FrameValues,
} from '../../../src/model/frame-encode.ts';
import type {
  AggregateBlock,
  DeletePredicate,
  RawBlock,
  SchemaPlan,
  ShardPlan,
} from '../../../src/model/plan.ts';
import { encodeSeriesKey, type SeriesName } from '../../../src/model/series-key.ts';
import { allTime } from '../../../src/model/time.ts';
import { createInThreadWriter } from '../../../src/sqlite/in-thread-writer.ts';
import { createReaderPool } from '../../../src/sqlite/reader-pool.ts';
import type { SqliteReaders, SqliteWriter } from '../../../src/sqlite/sqlite.ts';
import type { StampRule } from '../../../src/tstore/flush/stamp-rule.ts';
import { ReadCache } from '../../../src/tstore/read-cache.ts';
import {
  openTStore,
  type StorePolicy,
  scanStores,
  schemaStores,
  type TStore,
} from '../../../src/tstore/tstore.ts';

export const db = 'aaaaaaaaaaaaaaaa';
export const rp = 'bbbbbbbbbbbbbbbb';
export const origins = ['1111111111111111', '2222222222222222', '3333333333333333'] as const;

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => quiet,
};
export const env = createThreadEnv(quiet);

export type Value = number | bigint | string | boolean;

export interface Point {
  readonly name: SeriesName;
  readonly time: bigint;
  readonly fields: Readonly<Record<string, { readonly type: FieldType; readonly value: Value }>>;
}

function packValues(type: FieldType, cells: readonly (Value | undefined)[]): FrameValues {
  switch (type) {
    case 'float':
      return Float64Array.from(cells, (value) => (value as number | undefined) ?? 0);
    case 'integer':
      return BigInt64Array.from(cells, (value) => BigInt((value as bigint | undefined) ?? 0n));
    case 'unsigned':
      return BigUint64Array.from(cells, (value) => BigInt((value as bigint | undefined) ?? 0n));
    case 'boolean':
      return Uint8Array.from(cells, (value) => (value === true ? 1 : 0));
    case 'string':
      return cells.map((value) => (value as string | undefined) ?? '');
  }
}

function packSeries(points: readonly Point[]): FrameSeriesInput {
  /** Time -> type and name -> value: a field of two types is two columns. */
  const byTime = new Map<bigint, Map<string, Value>>();
  const columns = new Map<string, { name: string; type: FieldType }>();
  for (const { time, fields } of points) {
    const row = byTime.get(time) ?? new Map<string, Value>();
    byTime.set(time, row);
    for (const [name, { type, value }] of Object.entries(fields)) {
      row.set(`${type}/${name}`, value);
      columns.set(`${type}/${name}`, { name, type });
    }
  }
  const times = [...byTime.keys()].sort((a, b) => (a < b ? -1 : 1));
  return {
    key: encodeSeriesKey(points[0]!.name),
    times: BigInt64Array.from(times),
    columns: [...columns].map(([id, { name, type }]) => {
      const cells = times.map((time) => byTime.get(time)!.get(id));
      const valid = Uint8Array.from(cells, (value) => (value === undefined ? 0 : 1));
      const isFull = valid.every((one) => one === 1);
      const base = { name, type, values: packValues(type, cells) };
      return isFull ? base : { ...base, valid };
    }),
  };
}

/** Points of one frame: the later of two for the same cell wins, as the broker sees to. */
export function pointsFrame(points: readonly Point[], rpId = rp, dbId = db): Uint8Array {
  const bySeries = new Map<string, Point[]>();
  for (const point of points) {
    const key = JSON.stringify(point.name);
    bySeries.set(key, [...(bySeries.get(key) ?? []), point]);
  }
  const target = { dbId, rpId, shardCount: 1, shard: 0 };
  return encodePointsFrame(target, [...bySeries.values()].map(packSeries));
}

export function deleteFrame(predicate: Partial<DeletePredicate>): Uint8Array {
  return encodeDeleteFrame(
    { dbId: db, shardCount: 1, shard: 0 },
    { rpId: undefined, measurements: undefined, where: undefined, range: allTime, ...predicate },
  );
}

export interface WorldOptions {
  readonly root: string;
  readonly policies?: readonly StorePolicy[];
  readonly rule?: StampRule;
  readonly cacheBytes?: number;
  readonly shardCount?: number;
  /** Stands between the store and the real writer, to fail on purpose. */
  readonly wrapWriter?: (writer: SqliteWriter) => SqliteWriter;
}

export class World {
  readonly store: TStore;
  readonly readers: SqliteReaders;
  readonly writer: SqliteWriter;
  lsn: number;
  hlc = 1000;

  constructor(store: TStore, readers: SqliteReaders, writer: SqliteWriter) {
    this.store = store;
    this.readers = readers;
    this.writer = writer;
    this.lsn = store.positions.replayFrom;
  }

  /** Applies a frame with the next stamp, or the given one. */
  apply(frame: Uint8Array, stamp: { hlc?: number; origin?: string; lsn?: number } = {}): void {
    const lsn = stamp.lsn ?? ++this.lsn;
    const hlc = stamp.hlc ?? ++this.hlc;
    this.store.apply({
      shard: 0,
      origin: stamp.origin ?? origins[0],
      sequence: lsn,
      hlc,
      epoch: 1,
      writeId: new Uint8Array(16),
      lsn,
      frame,
    });
  }

  async flush(stableHlc = this.hlc): Promise<void> {
    await this.store.flush({ versions: {}, hlcMax: this.hlc, stableHlc });
  }

  /** Closes files, keeps memory: what a crash leaves on disk stays. */
  async close(): Promise<void> {
    await this.store.close();
    this.readers.close();
    await this.writer.close();
  }
}

export async function openWorld(options: WorldOptions): Promise<World> {
  const { root, rule } = options;
  const real = createInThreadWriter(root);
  const writer = options.wrapWriter?.(real) ?? real;
  const readers = createReaderPool(root, 8);
  const store = await openTStore({
    env,
    disk: env.openDisk(root),
    directory: 'shard-0000',
    shard: 0,
    shardCount: options.shardCount ?? 1,
    writer,
    readers,
    cache: new ReadCache(options.cacheBytes ?? 8 * 1024 * 1024),
    policies: options.policies ?? [],
    rule,
  });
  return new World(store, readers, writer);
}

export function control(signal: AbortSignal = new AbortController().signal) {
  return { signal, env };
}

function cellOf(column: Column | undefined, row: number): Value | undefined {
  if (column === undefined || column.valid?.[row] === 0) return undefined;
  if (column.type === 'string') return column.dictionary[column.codes[row]!]!;
  if (column.type === 'boolean') return column.values[row] === 1;
  if (column.type === 'float') return column.values[row]!;
  return BigInt(column.values[row]!);
}

export type FieldRef = readonly [name: string, type: FieldType];

export function rawPlan(
  measurement: string,
  fields: readonly FieldRef[],
  more: Partial<ShardPlan> & { rowLimit?: number } = {},
): ShardPlan {
  const { rowLimit = 0, ...rest } = more;
  return {
    dbId: db,
    rpId: rp,
    measurement,
    range: allTime,
    where: undefined,
    dimensions: [],
    descending: false,
    output: {
      kind: 'raw',
      columns: fields.map(([name, type]) => ({ source: 'field', name, type })),
      rowLimit,
    },
    ...rest,
  };
}

/** `series time field=value ...`, one text per row, in the order of the answer. */
export async function readRows(
  stores: readonly TStore[],
  plan: ShardPlan,
): Promise<readonly string[]> {
  const rows: string[] = [];
  for await (const block of scanStores(stores, plan, control())) {
    const raw = block as RawBlock;
    for (let i = 0; i < raw.times.length; i++) {
      const cells = raw.columns.map((column) => {
        const value = cellOf(column, i);
        return value === undefined ? '-' : `${typeof value === 'bigint' ? `${value}i` : value}`;
      });
      rows.push(`${raw.series[raw.seriesOfRow[i]!]} ${raw.times[i]} ${cells.join(' ')}`);
    }
  }
  return rows;
}

export async function readAggregates(
  stores: readonly TStore[],
  plan: ShardPlan,
): Promise<AggregateBlock[]> {
  const blocks: AggregateBlock[] = [];
  for await (const block of scanStores(stores, plan, control()))
    blocks.push(block as AggregateBlock);
  return blocks;
}

/** `measurement key value`, sorted. */
export async function readSchema(
  stores: readonly TStore[],
  plan: Partial<SchemaPlan> & Pick<SchemaPlan, 'ask'>,
): Promise<readonly string[]> {
  const full: SchemaPlan = {
    dbId: db,
    rpId: undefined,
    measurements: undefined,
    where: undefined,
    range: undefined,
    ...plan,
  };
  const rows: string[] = [];
  for await (const { measurement, keys, values, count } of schemaStores(stores, full, control())) {
    if (full.ask.kind === 'series-count') rows.push(`${measurement} ${count}`);
    else if (full.ask.kind === 'measurements') rows.push(measurement);
    else
      keys.forEach((key, i) => {
        rows.push([measurement, key, values[i]].filter((x) => x !== undefined).join(' '));
      });
  }
  return rows.sort();
}

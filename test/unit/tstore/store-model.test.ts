/**
 * Goal: whatever is written, deleted, flushed, compacted, dropped, expired or cut short by a crash, a scan
 * gives what a plain map of cells gives.
 *
 * Method: random commands run against a store and against the map; after each, rows in both directions,
 * counts and schema are compared. A crash lets a random number of write jobs through, then opens the
 * files again and replays the entries that the positions ask for.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FieldType } from '../../../src/model/field-type.ts';
import { formatSeriesName, type SeriesName } from '../../../src/model/series-key.ts';
import type { SqliteWriter } from '../../../src/sqlite/sqlite.ts';
import { boundsFor } from '../../../src/tstore/partition/partition-bounds.ts';
import type { StorePolicy } from '../../../src/tstore/tstore.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import {
  db,
  deleteFrame,
  type FieldRef,
  openWorld,
  type Point,
  pointsFrame,
  rawPlan,
  readAggregates,
  readRows,
  readSchema,
  type Value,
  type World,
} from './store-world.ts';

const hour = 3_600_000_000_000n;
const start = 1_600_000_000_000_000_000n;
const policies: StorePolicy[] = ['bb00000000000001', 'bb00000000000002'].map((rpId, i) => ({
  dbId: db,
  rpId,
  durationNs: 48n * hour,
  shardGroupDurationNs: i === 0 ? hour : 24n * hour,
}));
const fields: readonly FieldRef[] = [
  ['f', 'float'],
  ['i', 'integer'],
  ['u', 'unsigned'],
  ['s', 'string'],
  ['b', 'boolean'],
  ['x', 'float'],
  ['x', 'integer'],
];
const names: readonly SeriesName[] = [
  { measurement: 'cpu', tags: [] },
  { measurement: 'cpu', tags: [['host', 'a']] },
  {
    measurement: 'cpu',
    tags: [
      ['host', 'b'],
      ['rack', 'ü,='],
    ],
  },
  { measurement: 'mem', tags: [['host', 'a']] },
];

const valuesOf: Readonly<Record<FieldType, fc.Arbitrary<Value>>> = {
  float: fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -3, max: 3 })),
  integer: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-2n, 2n)),
  unsigned: fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n)),
  string: fc.oneof(fc.constantFrom('', 'a', 'b'), fc.string({ maxLength: 40 })),
  boolean: fc.boolean(),
};

const cellsOf = fc
  .uniqueArray(fc.nat({ max: fields.length - 1 }), {
    minLength: 1,
    maxLength: 4,
    selector: (index) => fields[index]![0],
  })
  .chain((indexes) =>
    fc
      .tuple(...indexes.map((index) => valuesOf[fields[index]![1]]))
      .map((values) =>
        Object.fromEntries(
          indexes.map((index, i) => [
            fields[index]![0],
            { type: fields[index]![1], value: values[i]! },
          ]),
        ),
      ),
  );

const pointOf: fc.Arbitrary<Point> = fc.record({
  name: fc.constantFrom(...names),
  // Few distinct times, so that cells meet; partitions of one hour and of a day.
  time: fc.nat({ max: 14 }).map((n) => start + BigInt(n) * (hour / 2n)),
  fields: cellsOf,
});

type Command =
  | { readonly kind: 'write'; readonly policy: number; readonly points: readonly Point[] }
  | {
      readonly kind: 'burst';
      readonly policy: number;
      readonly count: number;
      readonly seed: number;
    }
  | {
      readonly kind: 'delete';
      readonly policy: number | undefined;
      readonly measurement: string | undefined;
      readonly host: string | undefined;
      readonly from: number;
      readonly length: number;
    }
  | { readonly kind: 'flush' | 'crash' }
  | { readonly kind: 'compact'; readonly steps: number }
  | { readonly kind: 'flush-and-crash' | 'compact-and-crash'; readonly jobs: number }
  | { readonly kind: 'expire'; readonly hours: number; readonly jobs: number }
  | { readonly kind: 'drop'; readonly jobs: number };

const jobs = fc.nat({ max: 5 });
const policyOf = fc.nat({ max: 1 });
const commandOf: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      policy: policyOf,
      points: fc.array(pointOf, { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('burst' as const),
      policy: policyOf,
      count: fc.integer({ min: 1, max: 6000 }),
      seed: fc.nat({ max: 100 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      policy: fc.option(policyOf, { nil: undefined }),
      measurement: fc.constantFrom('cpu', 'mem', undefined),
      host: fc.constantFrom('a', 'b', undefined),
      from: fc.nat({ max: 14 }),
      length: fc.constantFrom(0, 1, 3, 30),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('compact' as const),
      steps: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('flush-and-crash' as const, 'compact-and-crash' as const),
      jobs,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('expire' as const),
      hours: fc.integer({ min: 40, max: 60 }),
      jobs,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), jobs }) },
);

/** The reference: policy -> series text -> time -> field index -> value. */
type Cells = Map<number, Map<string, Map<bigint, Map<number, Value>>>>;

function fieldIndex(name: string, type: FieldType): number {
  return fields.findIndex(([n, t]) => n === name && t === type);
}

interface Logged {
  readonly lsn: number;
  readonly hlc: number;
  readonly frame: Uint8Array;
}

class Pair {
  private readonly root = makeTempDir('model');
  private readonly cells: Cells = new Map([
    [0, new Map()],
    [1, new Map()],
  ]);
  private readonly seriesNames = new Map<string, SeriesName>();
  private readonly log: Logged[] = [];
  private readonly dropped = new Set<number>();
  private jobsLeft = Number.POSITIVE_INFINITY;
  private hlc = 1;
  private world!: World;

  async open(): Promise<void> {
    this.jobsLeft = Number.POSITIVE_INFINITY;
    const wrapWriter = (writer: SqliteWriter): SqliteWriter => ({
      run: (job) =>
        this.jobsLeft-- > 0 ? writer.run(job) : Promise.reject(new Error('the process has ended')),
      close: () => writer.close(),
    });
    const { root } = this;
    // A small cache, so that eviction happens too.
    this.world = await openWorld({ root, policies, wrapWriter, cacheBytes: 20_000 });
    const { replayFrom } = this.world.store.positions;
    for (const { lsn, hlc, frame } of this.log) {
      if (lsn > replayFrom) this.world.apply(frame.slice(), { lsn, hlc });
    }
  }

  async close(): Promise<void> {
    await this.world.close();
    removeTempDir(this.root);
  }

  private accept(frame: Uint8Array): void {
    this.hlc++;
    const entry = { lsn: this.log.length + 1, hlc: this.hlc, frame };
    this.log.push(entry);
    this.world.apply(frame.slice(), entry);
  }

  private put(policy: number, points: readonly Point[]): void {
    if (this.dropped.has(policy)) return;
    this.accept(pointsFrame(points, policies[policy]!.rpId));
    for (const { name, time, fields: values } of points) {
      const key = formatSeriesName(name);
      this.seriesNames.set(key, name);
      const ofPolicy = this.cells.get(policy)!;
      const series = ofPolicy.get(key) ?? new Map<bigint, Map<number, Value>>();
      ofPolicy.set(key, series);
      const row = series.get(time) ?? new Map<number, Value>();
      series.set(time, row);
      for (const [field, { type, value }] of Object.entries(values)) {
        row.set(fieldIndex(field, type), value);
      }
    }
  }

  private forget(isGone: (policy: number, name: SeriesName, time: bigint) => boolean): void {
    for (const [policy, ofPolicy] of this.cells) {
      for (const [key, series] of ofPolicy) {
        const name = this.seriesNames.get(key)!;
        for (const time of [...series.keys()]) if (isGone(policy, name, time)) series.delete(time);
        if (series.size === 0) ofPolicy.delete(key);
      }
    }
  }

  private delete(command: Extract<Command, { kind: 'delete' }>): void {
    const { policy, measurement, host, from, length } = command;
    const min = start + BigInt(from) * (hour / 2n);
    const range = length === 0 ? undefined : { min, max: min + BigInt(length) * (hour / 2n) - 1n };
    this.accept(
      deleteFrame({
        rpId: policy === undefined ? undefined : policies[policy]!.rpId,
        measurements: measurement === undefined ? undefined : [measurement],
        where:
          host === undefined
            ? undefined
            : {
                kind: 'binary',
                op: '=',
                left: { kind: 'tag', name: 'host' },
                right: { kind: 'string', value: host },
              },
        ...(range === undefined ? {} : { range }),
      }),
    );
    this.forget((p, name, time) => {
      if (policy !== undefined && p !== policy) return false;
      if (measurement !== undefined && name.measurement !== measurement) return false;
      const own = name.tags.find(([key]) => key === 'host')?.[1];
      if (host !== undefined && own !== host) return false;
      return range === undefined || (time >= range.min && time <= range.max);
    });
  }

  private async compact(steps: number): Promise<void> {
    const { signal } = new AbortController();
    for (let i = 0; i < steps; i++) {
      if (!(await this.world.store.compactStep(this.hlc, signal))) return;
    }
  }

  private flush(): Promise<void> {
    return this.world.flush(this.hlc);
  }

  private async crash(work?: () => Promise<unknown>, jobsLeft = 0): Promise<void> {
    this.jobsLeft = jobsLeft;
    await work?.().catch(() => undefined);
    await this.world.close();
    await this.open();
  }

  private async expire(hours: number, jobsLeft: number): Promise<void> {
    await this.flush();
    const now = start + BigInt(hours) * hour;
    await this.crash(() => this.world.store.expire(now), jobsLeft);
    await this.world.store.expire(now);
    this.forget((policy, _, time) => {
      const { durationNs, shardGroupDurationNs } = policies[policy]!;
      return boundsFor(time, shardGroupDurationNs, []).end + durationNs < now;
    });
  }

  private async drop(jobsLeft: number): Promise<void> {
    const { rpId } = policies[1]!;
    await this.crash(() => this.world.store.dropData(db, rpId), jobsLeft);
    await this.world.store.dropData(db, rpId);
    this.dropped.add(1);
    this.cells.get(1)!.clear();
  }

  async run(command: Command): Promise<void> {
    switch (command.kind) {
      case 'write':
        return this.put(command.policy, command.points);
      case 'burst':
        return this.put(command.policy, burst(command.count, command.seed));
      case 'delete':
        return this.delete(command);
      case 'flush':
        return this.flush();
      case 'crash':
        return this.crash();
      case 'compact':
        return this.compact(command.steps);
      case 'flush-and-crash':
        return this.crash(() => this.flush(), command.jobs);
      case 'compact-and-crash':
        return this.crash(() => this.compact(8), command.jobs);
      case 'expire':
        return this.expire(command.hours, command.jobs);
      case 'drop':
        return this.drop(command.jobs);
    }
  }

  private expectedRows(policy: number, measurement: string, sign: number): string[] {
    const rows: { key: string; time: bigint; text: string }[] = [];
    for (const [key, series] of this.cells.get(policy)!) {
      if (this.seriesNames.get(key)!.measurement !== measurement) continue;
      for (const [time, row] of series) {
        const cells = fields.map((_, i) => {
          const value = row.get(i);
          if (value === undefined) return '-';
          return typeof value === 'bigint' ? `${value}i` : `${value}`;
        });
        rows.push({ key, time, text: `${key} ${time} ${cells.join(' ')}` });
      }
    }
    rows.sort((a, b) => {
      if (a.time !== b.time) return (a.time < b.time ? -1 : 1) * sign;
      return (a.key < b.key ? -1 : 1) * sign;
    });
    return rows.map(({ text }) => text);
  }

  async check(): Promise<void> {
    const stores = [this.world.store];
    for (const policy of [0, 1]) {
      const { rpId } = policies[policy]!;
      for (const measurement of ['cpu', 'mem']) {
        const plan = rawPlan(measurement, fields, { rpId });
        const rows = this.expectedRows(policy, measurement, 1);
        expect(await readRows(stores, plan)).toEqual(rows);
        expect(await readRows(stores, { ...plan, descending: true })).toEqual(
          this.expectedRows(policy, measurement, -1),
        );
        await this.checkCounts(policy, measurement);
      }
    }
    await this.checkSchema();
  }

  /** Through summaries of whole chunks where they may be used. */
  private async checkCounts(policy: number, measurement: string): Promise<void> {
    const [block] = await readAggregates([this.world.store], {
      ...rawPlan(measurement, [], { rpId: policies[policy]!.rpId }),
      output: {
        kind: 'aggregate',
        aggregates: fields.map(([field, type]) => ({ fn: 'count', field, type })),
        intervalNs: 0n,
        offsetNs: 0n,
        extras: [],
        bucketLimit: 0,
      },
    });
    fields.forEach((_, i) => {
      let expected = 0;
      for (const [key, series] of this.cells.get(policy)!) {
        if (this.seriesNames.get(key)!.measurement !== measurement) continue;
        for (const row of series.values()) if (row.has(i)) expected++;
      }
      expect(block?.partials[i]?.counts[0] ?? 0).toBe(expected);
    });
  }

  /** A chunk hidden in part may make a series show too long, but one with data always shows. */
  private async checkSchema(): Promise<void> {
    const shown = await readSchema([this.world.store], { ask: { kind: 'series' } });
    for (const ofPolicy of this.cells.values()) {
      for (const key of ofPolicy.keys()) {
        expect(shown).toContain(`${this.seriesNames.get(key)!.measurement} ${key}`);
      }
    }
  }

  /** After everything is applied, only what has data is left. */
  async checkSettled(): Promise<void> {
    await this.flush();
    const { signal } = new AbortController();
    let steps = 0;
    while (await this.world.store.compactStep(this.hlc, signal)) {
      expect(steps++).toBeLessThan(500);
    }
    await this.check();
    const live = new Set<string>();
    for (const ofPolicy of this.cells.values()) {
      for (const key of ofPolicy.keys()) {
        live.add(`${this.seriesNames.get(key)!.measurement} ${key}`);
      }
    }
    const shown = await readSchema([this.world.store], { ask: { kind: 'series' } });
    expect(shown).toEqual([...live].sort());
    expect(this.world.store.status.tombstoneCount).toBe(0);
    expect(this.world.store.status.faults).toEqual([]);
    expect(await this.world.store.verify(signal)).toEqual([]);
  }
}

function burst(count: number, seed: number): Point[] {
  const step = hour / 4000n;
  return Array.from({ length: count }, (_, i) => ({
    name: names[1]!,
    time: start + BigInt(i) * step + BigInt(seed % 7),
    fields: { f: { type: 'float' as const, value: (i * (seed + 1)) % 100 } },
  }));
}

test('a store gives what a plain map gives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(commandOf, { minLength: 1, maxLength: 40 }), async (commands) => {
      const pair = new Pair();
      await pair.open();
      try {
        for (const command of commands) {
          await pair.run(command);
          await pair.check();
        }
        await pair.checkSettled();
      } finally {
        await pair.close();
      }
    }),
    { numRuns: 20 },
  );
}, 180_000);

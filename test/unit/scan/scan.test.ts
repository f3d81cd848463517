/**
 * Goal: whatever the batches, their order of series and the way the rows are split over shards, a
 * scan answers as a slow list of rows would.
 * Method: random series with gaps, all field types and windows before and after 1970, against a model
 * that holds one object per row and BigInt for every integer.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column, ColumnBatch } from '../../../src/model/column.ts';
import type { FieldType } from '../../../src/model/field-type.ts';
import type {
  AggregateBlock,
  AggregateOutput,
  ColumnRef,
  Partial,
  PushdownFn,
  RawBlock,
  RowExpr,
  ShardPlan,
} from '../../../src/model/plan.ts';
import type { SeriesName } from '../../../src/model/series-key.ts';
import { mergeAggregateBlocks } from '../../../src/scan/merge-blocks.ts';
import { createShardScan, type SeriesBinding } from '../../../src/scan/scan.ts';
import { compareText } from '../../../src/scan/text-order.ts';

type Value = number | bigint | string | boolean;

interface Row {
  readonly time: bigint;
  readonly cells: Readonly<Record<string, Value | undefined>>;
}

interface TestSeries {
  readonly name: SeriesName;
  readonly key: string;
  readonly rows: readonly Row[];
}

const fieldTypes: Readonly<Record<string, FieldType>> = {
  f: 'float',
  i: 'integer',
  u: 'unsigned',
  s: 'string',
  b: 'boolean',
};

const values: Readonly<Record<FieldType, fc.Arbitrary<Value>>> = {
  float: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0.5, -2.25, 1e100, 2 ** 60)),
  integer: fc.oneof(
    fc.bigInt({ min: -3n, max: 3n }),
    fc.constantFrom(2n ** 53n - 1n, -(2n ** 53n) + 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)),
  ),
  unsigned: fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.constantFrom(2n ** 64n - 1n, 2n ** 53n)),
  string: fc.constantFrom('', 'a', 'b', '\uffee', '😀'),
  boolean: fc.boolean(),
};

const row: fc.Arbitrary<Row> = fc.record({
  time: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -40, max: 60 }).map(BigInt) },
    { weight: 1, arbitrary: fc.constantFrom(-(2n ** 62n), 2n ** 62n, 10n ** 15n) },
  ),
  cells: fc.record(
    {
      f: values.float,
      i: values.integer,
      u: values.unsigned,
      s: values.string,
      b: values.boolean,
    },
    { requiredKeys: [] },
  ),
});

/** Integers of some data sets stay small or just safe, so that the paths for doubles are taken. */
const rowsOf = (limit: bigint) =>
  fc.uniqueArray(row, { selector: (r) => r.time, maxLength: 12 }).map((rows) =>
    rows
      .sort((a, b) => (a.time < b.time ? -1 : 1))
      .map(({ time, cells }) => {
        const narrow = (v: Value | undefined) => (typeof v === 'bigint' ? v % limit : v);
        return { time, cells: { ...cells, i: narrow(cells.i), u: narrow(cells.u) } };
      }),
  );

const dataSet: fc.Arbitrary<TestSeries[]> = fc
  .constantFrom(1000n, 2n ** 53n, 2n ** 64n)
  .chain((limit) =>
    fc
      .uniqueArray(
        fc.tuple(fc.constantFrom('', 'x', 'y'), fc.constantFrom('', 'p', 'q'), rowsOf(limit)),
        { selector: ([h, r]) => `${h},${r}`, maxLength: 5 },
      )
      .map((list) =>
        list.map(([host, region, rows]) => {
          const tags = [
            ['host', host],
            ['region', region],
          ].filter((tag) => tag[1] !== '') as [string, string][];
          const key = ['m', ...tags.map(([k, v]) => `${k}=${v}`)].join(',');
          return { name: { measurement: 'm', tags }, key, rows };
        }),
      ),
  );

function columnOf(type: FieldType, cells: readonly (Value | undefined)[]): Column | undefined {
  if (cells.every((cell) => cell === undefined)) return undefined;
  const valid = cells.includes(undefined)
    ? Uint8Array.from(cells, (cell) => (cell === undefined ? 0 : 1))
    : undefined;
  const whole = cells.map((cell) => (typeof cell === 'bigint' ? cell : 0n));
  const safe = whole.every((v) => Number.isSafeInteger(Number(v)));
  switch (type) {
    case 'float':
      return { type, values: Float64Array.from(cells, (v) => Number(v ?? 0)), valid };
    case 'integer':
      return {
        type,
        values: safe ? Float64Array.from(whole, Number) : BigInt64Array.from(whole),
        valid,
      };
    case 'unsigned':
      return {
        type,
        values: safe ? Float64Array.from(whole, Number) : BigUint64Array.from(whole),
        valid,
      };
    case 'boolean':
      return { type, values: Uint8Array.from(cells, (v) => (v ? 1 : 0)), valid };
    case 'string': {
      const dictionary = ['unused', ...new Set(cells.map((v) => String(v ?? '')))];
      const codes = Uint32Array.from(cells, (v) => dictionary.indexOf(String(v ?? ''), 1));
      return { type, codes, dictionary, valid };
    }
  }
}

/** Rows as batches; rows far apart, and every `cut` rows, start a new one. */
function batchesOf(
  rows: readonly Row[],
  fields: readonly { name: string; type: FieldType }[],
  cut: number,
): ColumnBatch[] {
  const batches: ColumnBatch[] = [];
  let part: Row[] = [];
  const flush = () => {
    if (part.length === 0) return;
    const base = part[0]!.time - 7n;
    const columns = fields.map(({ name, type }) =>
      columnOf(
        type,
        part.map((r) => r.cells[name]),
      ),
    );
    const offsets = Float64Array.from(part, (r) => Number(r.time - base));
    batches.push({ rowCount: part.length, base, offsets, columns });
    part = [];
  };
  for (const r of rows) {
    if (part.length > 0 && (part.length >= cut || r.time - part[0]!.time > 2n ** 50n)) flush();
    part.push(r);
  }
  flush();
  return batches;
}

function makePlan(parts: { [K in keyof ShardPlan]?: ShardPlan[K] }): ShardPlan {
  return {
    dbId: '0000000000000001',
    rpId: '0000000000000002',
    measurement: 'm',
    range: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
    where: undefined,
    dimensions: [],
    descending: false,
    output: { kind: 'raw', columns: [], rowLimit: 0 },
    ...parts,
  };
}

/** Groups in order, series of a group in the given order. */
function bindAll(
  scan: ReturnType<typeof createShardScan>,
  data: readonly TestSeries[],
): Map<string, { binding: SeriesBinding; series: TestSeries }[]> {
  const groups = new Map<string, { binding: SeriesBinding; series: TestSeries }[]>();
  for (const series of data) {
    const binding = scan.bindSeries(series.name, series.key);
    if (!binding) continue;
    const list = groups.get(binding.groupKey) ?? [];
    list.push({ binding, series });
    groups.set(binding.groupKey, list);
  }
  return groups;
}

function scanAggregates(plan: ShardPlan, data: readonly TestSeries[], cut: number) {
  const scan = createShardScan(plan);
  const answer = new Map<string, AggregateBlock>();
  for (const [key, members] of bindAll(scan, data)) {
    const group = scan.openGroup(members[0]!.binding.group);
    for (const { binding, series } of members) {
      for (const batch of batchesOf(series.rows, scan.fields, cut)) group.addBatch(binding, batch);
    }
    const blocks = group.finish();
    expect(blocks.length).toBeLessThanOrEqual(1);
    if (blocks[0]?.kind === 'aggregate') answer.set(key, blocks[0]);
  }
  return answer;
}

function cellOf(column: Column | undefined, at: number): Value | undefined {
  if (!column || (column.valid && !column.valid[at])) return undefined;
  if (column.type === 'string') return column.dictionary[column.codes[at]!];
  if (column.type === 'boolean') return column.values[at] === 1;
  const value = column.values[at]!;
  return column.type === 'float' ? Number(value) : BigInt(value);
}

interface Seen {
  readonly time: bigint;
  readonly value: Value;
  readonly series: TestSeries;
  readonly row: Row;
}

function compareValues(a: Value | undefined, b: Value | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  return a < b ? -1 : a > b ? 1 : 0;
}

function tagOf(series: TestSeries, key: string): string {
  return series.name.tags.find((tag) => tag[0] === key)?.[1] ?? '';
}

function extraOf(ref: ColumnRef, seen: Seen): Value | undefined {
  return ref.source === 'tag' ? tagOf(seen.series, ref.name) : seen.row.cells[ref.name];
}

function compareExtras(extras: readonly ColumnRef[], a: Seen, b: Seen): number {
  for (const ref of extras) {
    const order = compareValues(extraOf(ref, a), extraOf(ref, b));
    if (order !== 0) return order;
  }
  return 0;
}

/** The selected cell, by the letter of the tie rules. */
function select(fn: string, seen: readonly Seen[], extras: readonly ColumnRef[]): Seen {
  const byTime = (a: Seen, b: Seen) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0);
  const isBoolean = typeof seen[0]!.value === 'boolean';
  return [...seen].sort((a, b) => {
    const value = compareValues(a.value, b.value);
    const time = byTime(a, b);
    const order = {
      first: time || (isBoolean ? value : -value),
      last: -time || -value,
      min: value || time,
      max: -value || time,
    }[fn]!;
    return order || compareExtras(extras, a, b);
  })[0]!;
}

function addAll(list: readonly Value[]): Value {
  return list.reduce((a, b) => (typeof a === 'bigint' ? a + BigInt(b) : Number(a) + Number(b)));
}

function wrap(type: FieldType, value: Value): Value {
  if (type === 'integer') return BigInt.asIntN(64, BigInt(value));
  return type === 'unsigned' ? BigInt.asUintN(64, BigInt(value)) : value;
}

/** Compares one window of a partial with the cells that fell into it. */
function checkPartial(
  partial: Partial,
  at: number,
  type: FieldType,
  seen: readonly Seen[],
  extras: readonly ColumnRef[],
): void {
  expect(partial.counts[at]).toBe(seen.length);
  if (seen.length === 0) return;
  const cells = seen.map((s) => s.value);
  switch (partial.fn) {
    case 'count':
      return;
    case 'sum':
    case 'mean': {
      const sum = cellOf(partial.sums, at)!;
      const most = Math.max(1, ...cells.map((v) => Math.abs(Number(v))));
      if (type === 'float') {
        expect(Math.abs(Number(sum) - Number(addAll(cells)))).toBeLessThanOrEqual(1e-9 * most);
      } else expect(sum).toBe(wrap(type, addAll(cells)));
      return;
    }
    case 'spread':
      expect(cellOf(partial.mins, at)).toBe(select('min', seen, []).value);
      expect(cellOf(partial.maxs, at)).toBe(select('max', seen, []).value);
      return;
    case 'stddev': {
      const numbers = cells.map(Number);
      const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
      const m2 = numbers.reduce((a, b) => a + (b - mean) ** 2, 0);
      const most = Math.max(1, ...numbers.map(Math.abs));
      expect(Math.abs(partial.means[at]! - mean)).toBeLessThanOrEqual(1e-9 * most);
      expect(Math.abs(partial.m2[at]! - m2)).toBeLessThanOrEqual(1e-9 * most * most);
      return;
    }
    case 'distinct': {
      const firsts = new Map<Value, bigint>();
      for (const { value, time } of seen) {
        const known = firsts.get(value);
        if (known === undefined || time < known) firsts.set(value, time);
      }
      const expected = [...firsts].sort((a, b) =>
        a[1] === b[1] ? compareValues(a[0], b[0]) : a[1] < b[1] ? -1 : 1,
      );
      const from = partial.starts[at]!;
      const found = expected.map((_, i) => [
        cellOf(partial.values, from + i),
        partial.firstTimes[from + i],
      ]);
      expect(found).toEqual(expected);
      expect(partial.starts[at + 1]).toBe(from + expected.length);
      return;
    }
    default: {
      const best = select(partial.fn, seen, extras);
      expect(cellOf(partial.values, at)).toBe(best.value);
      expect(partial.times[at]).toBe(best.time);
      expect(extras.map((_, i) => cellOf(partial.extras[i], at))).toEqual(
        extras.map((ref) => extraOf(ref, best)),
      );
    }
  }
}

function windowOf(time: bigint, output: AggregateOutput): bigint {
  if (output.intervalNs === 0n) return 0n;
  const { intervalNs: size, offsetNs } = output;
  return time - ((((time - offsetNs) % size) + size) % size);
}

function checkBlocks(
  blocks: ReadonlyMap<string, AggregateBlock>,
  plan: ShardPlan & { output: AggregateOutput },
  data: readonly TestSeries[],
): void {
  const { output } = plan;
  const expected = new Map<string, Map<bigint, Seen[][]>>();
  for (const series of data) {
    const key = plan.dimensions.map((tag) => tagOf(series, tag)).join('\0');
    for (const r of series.rows) {
      output.aggregates.forEach(({ field }, i) => {
        const value = r.cells[field];
        if (value === undefined) return;
        const windows = expected.get(key) ?? new Map<bigint, Seen[][]>();
        expected.set(key, windows);
        const window = windowOf(r.time, output);
        const lists = windows.get(window) ?? output.aggregates.map(() => []);
        windows.set(window, lists);
        lists[i]!.push({ time: r.time, value, series, row: r });
      });
    }
  }
  expect([...blocks.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [key, windows] of expected) {
    const block = blocks.get(key)!;
    expect(block.group.join('\0')).toBe(key);
    const starts = [...windows.keys()].sort((a, b) => (a < b ? -1 : 1));
    if (output.intervalNs > 0n) expect([...block.windows]).toEqual(starts);
    expect(block.windows.length).toBe(starts.length);
    starts.forEach((start, at) => {
      block.partials.forEach((partial, i) => {
        const { type } = output.aggregates[i]!;
        checkPartial(partial, at, type, windows.get(start)![i]!, output.extras);
      });
    });
  }
}

const anyFn: readonly PushdownFn[] = ['count', 'first', 'last', 'distinct'];
const numericFn: readonly PushdownFn[] = ['sum', 'mean', 'spread', 'stddev'];

const aggregate = fc.constantFrom(...Object.keys(fieldTypes)).chain((field) => {
  const type = fieldTypes[field]!;
  const fns: PushdownFn[] = [...anyFn];
  if (type !== 'string') fns.push('min', 'max');
  if (type !== 'string' && type !== 'boolean') fns.push(...numericFn);
  return fc.constantFrom(...fns).map((fn) => ({ fn, field, type }));
});

const window = fc.record({
  intervalNs: fc.constantFrom(0n, 1n, 7n, 10n, 1000n, 2n ** 62n),
  offsetNs: fc.constantFrom(0n, 3n, -4n, 1_000_000n),
});

const dimensions = fc.subarray(['host', 'region']);

test('aggregates answer as a list of rows would, in one piece or merged from several', async () => {
  const extras = fc.subarray<ColumnRef>([
    { source: 'field', name: 'f', type: 'float' },
    { source: 'field', name: 's', type: 'string' },
    { source: 'field', name: 'i', type: 'integer' },
    { source: 'tag', name: 'host', type: 'string' },
    { source: 'tag', name: 'nosuch', type: 'string' },
  ]);
  const plain = fc.record({
    aggregates: fc.array(aggregate, { minLength: 1, maxLength: 6 }),
    extras: fc.constant([] as ColumnRef[]),
  });
  const selector = fc.record({
    aggregates: fc.tuple(
      aggregate.filter(({ fn }) => ['first', 'last', 'min', 'max'].includes(fn)),
    ),
    extras,
  });
  const cut = fc.integer({ min: 1, max: 13 });
  await fc.assert(
    fc.property(
      dataSet,
      fc.oneof(plain, selector),
      window,
      dimensions,
      cut,
      fc.array(fc.nat(2), { minLength: 80, maxLength: 80 }),
      (data, spec, grid, dims, rowsPerBatch, shardOfRow) => {
        const output: AggregateOutput = { kind: 'aggregate', ...spec, ...grid, bucketLimit: 0 };
        const plan = { ...makePlan({ dimensions: dims }), output };
        checkBlocks(scanAggregates(plan, data, rowsPerBatch), plan, data);
        // The same rows spread over three streams, row by row.
        let at = 0;
        const shards: TestSeries[][] = [[], [], []];
        for (const series of data) {
          const parts: Row[][] = [[], [], []];
          for (const r of series.rows) parts[shardOfRow[at++ % shardOfRow.length]!]!.push(r);
          parts.forEach((rows, i) => {
            shards[i]!.push({ ...series, rows });
          });
        }
        const answers = shards.map((shard) => scanAggregates(plan, shard, rowsPerBatch));
        const merged = new Map<string, AggregateBlock>();
        for (const key of new Set(answers.flatMap((blocks) => [...blocks.keys()]))) {
          const blocks = answers.flatMap((b) => b.get(key) ?? []);
          merged.set(key, mergeAggregateBlocks(output, blocks)!);
        }
        checkBlocks(merged, plan, data);
      },
    ),
    { numRuns: 600 },
  );
});

test('an integer sum far beyond 64 bits wraps', () => {
  const rows = Array.from({ length: 5000 }, (_, i) => ({
    time: BigInt(i),
    cells: { i: 2n ** 53n - 1n, u: 2n ** 64n - 1n },
  }));
  const data: TestSeries[] = [{ name: { measurement: 'm', tags: [] }, key: 'm', rows }];
  const output: AggregateOutput = {
    kind: 'aggregate',
    aggregates: [
      { fn: 'sum', field: 'i', type: 'integer' },
      { fn: 'mean', field: 'u', type: 'unsigned' },
    ],
    intervalNs: 0n,
    offsetNs: 0n,
    extras: [],
    bucketLimit: 0,
  };
  const plan = { ...makePlan({}), output };
  checkBlocks(scanAggregates(plan, data, 4096), plan, data);
});

test('more windows than the limit end the query, counted over all groups', () => {
  const rows = Array.from({ length: 6 }, (_, i) => ({ time: BigInt(i * 10), cells: { f: 1 } }));
  const data: TestSeries[] = ['x', 'y'].map((host) => ({
    name: { measurement: 'm', tags: [['host', host]] },
    key: `m,host=${host}`,
    rows,
  }));
  const output: AggregateOutput = {
    kind: 'aggregate',
    aggregates: [{ fn: 'count', field: 'f', type: 'float' }],
    intervalNs: 10n,
    offsetNs: 0n,
    extras: [],
    bucketLimit: 11,
  };
  const plan = makePlan({ output, dimensions: ['host'] });
  expect(() => scanAggregates(plan, data, 100)).toThrow(
    'max-select-buckets limit exceeded: (12/11)',
  );
  const enough = makePlan({ output: { ...output, bucketLimit: 12 }, dimensions: ['host'] });
  expect(scanAggregates(enough, data, 100).size).toBe(2);
});

function scanRaw(plan: ShardPlan, data: readonly TestSeries[], cut: number, drainEvery: bigint) {
  const scan = createShardScan(plan);
  const rows: { group: string; time: bigint; series: string; cells: (Value | undefined)[] }[] = [];
  const collect = (blocks: readonly RawBlock[]) => {
    for (const block of blocks) {
      expect(block.series).toEqual([...block.series].sort(compareText));
      block.times.forEach((time, i) => {
        rows.push({
          group: block.group.join('\0'),
          time,
          series: block.series[block.seriesOfRow[i]!]!,
          cells: block.columns.map((column) => cellOf(column, i)),
        });
      });
    }
  };
  const sign = plan.descending ? -1 : 1;
  const groups = [...bindAll(scan, data)].sort((a, b) => compareText(a[0], b[0]) * sign);
  for (const [, members] of groups) {
    const group = scan.openGroup(members[0]!.binding.group);
    const slices = new Set(
      members.flatMap(({ series }) => series.rows.map((r) => windowFloor(r.time, drainEvery))),
    );
    for (const slice of [...slices].sort((a, b) => (a < b ? -sign : sign))) {
      if (group.isFull) break;
      for (const { binding, series } of members) {
        const part = series.rows.filter((r) => windowFloor(r.time, drainEvery) === slice);
        const batches = batchesOf(part, scan.fields, cut);
        if (plan.descending) batches.reverse();
        for (const batch of batches) group.addBatch(binding, batch);
      }
      collect(group.drain() as RawBlock[]);
    }
    collect(group.finish() as RawBlock[]);
  }
  return rows;
}

function windowFloor(time: bigint, size: bigint): bigint {
  return time - (((time % size) + size) % size);
}

test('raw rows come in order, with a value in some field, cut to the limit', async () => {
  const refs: ColumnRef[] = [
    ...Object.entries(fieldTypes).map(
      ([name, type]): ColumnRef => ({ source: 'field', name, type }),
    ),
    { source: 'tag', name: 'host', type: 'string' },
    { source: 'tag', name: 'nosuch', type: 'string' },
  ];
  await fc.assert(
    fc.property(
      dataSet,
      fc.subarray(refs, { minLength: 1 }),
      dimensions,
      fc.boolean(),
      fc.constantFrom(0, 1, 3, 100),
      fc.integer({ min: 1, max: 13 }),
      fc.constantFrom(20n, 1000n, 2n ** 62n),
      (data, columns, dims, descending, rowLimit, cut, drainEvery) => {
        const plan = makePlan({
          dimensions: dims,
          descending,
          output: { kind: 'raw', columns, rowLimit },
        });
        const sign = descending ? -1 : 1;
        const groupOf = (series: TestSeries) => dims.map((tag) => tagOf(series, tag)).join('\0');
        const all = data
          .flatMap((series) =>
            series.rows.map((r) => ({
              group: groupOf(series),
              time: r.time,
              series: series.key,
              cells: columns.map((ref) => extraOf(ref, { series, row: r, time: r.time, value: 0 })),
            })),
          )
          .filter((r) => r.cells.some((c, i) => c !== undefined && columns[i]!.source === 'field'))
          .sort(
            (a, b) =>
              compareText(a.group, b.group) * sign ||
              (a.time === b.time ? 0 : a.time < b.time ? -sign : sign) ||
              compareText(a.series, b.series) * sign,
          );
        const counts = new Map<string, number>();
        const expected = all.filter((r) => {
          const count = (counts.get(r.group) ?? 0) + 1;
          counts.set(r.group, count);
          return rowLimit === 0 || count <= rowLimit;
        });
        expect(scanRaw(plan, data, cut, drainEvery)).toEqual(expected);
      },
    ),
    { numRuns: 300 },
  );
});

const isX: RowExpr = {
  kind: 'binary',
  op: '=',
  left: { kind: 'tag', name: 'host' },
  right: { kind: 'string', value: 'x' },
};

test('a series whose tags fail the condition is not bound, and no summary helps where rows are filtered', () => {
  const above: RowExpr = {
    kind: 'binary',
    op: '>',
    left: { kind: 'field', name: 'f', type: 'float' },
    right: { kind: 'float', value: 1 },
  };
  const output: AggregateOutput = {
    kind: 'aggregate',
    aggregates: [{ fn: 'count', field: 'f', type: 'float' }],
    intervalNs: 0n,
    offsetNs: 0n,
    extras: [],
    bucketLimit: 0,
  };
  const name = (host: string): SeriesName => ({ measurement: 'm', tags: [['host', host]] });
  const byTag = createShardScan(makePlan({ where: isX, output }));
  expect(byTag.bindSeries(name('y'), 'm,host=y')).toBeUndefined();
  expect(byTag.summariesUseful(byTag.bindSeries(name('x'), 'm,host=x')!)).toBe(true);
  const both: RowExpr = { kind: 'binary', op: 'and', left: isX, right: above };
  const byField = createShardScan(makePlan({ where: both, output }));
  expect(byField.bindSeries(name('y'), 'm,host=y')).toBeUndefined();
  expect(byField.summariesUseful(byField.bindSeries(name('x'), 'm,host=x')!)).toBe(false);
});

/**
 * The scan path without files: 100 hosts, 10 fields, one day of a row every 10 s (TSBS cpu-only) as
 * chunks in memory; then the mean of every field by host and hour (double-groupby-all), best of
 * several rounds. Run: npm run bench -- scan [integer|float] [rows per chunk] [function]
 */

import { performance } from 'node:perf_hooks';
import type { FieldType } from '../src/model/field-type.ts';
import type { PushdownFn, ShardPlan } from '../src/model/plan.ts';
import { createShardScan } from '../src/scan/scan.ts';
import {
  chunkRowsMax,
  decodeColumn,
  decodeTimes,
  encodeChunk,
  openChunk,
} from '../src/tstore/chunk/chunk.ts';

const type = (process.argv[2] ?? 'integer') as FieldType & ('integer' | 'float');
const rowsPerChunk = Number(process.argv[3] ?? chunkRowsMax);
const fn = (process.argv[4] ?? 'mean') as PushdownFn;
const hostCount = 100;
const fieldCount = 10;
const rowCount = 8640;
const stepNs = 10e9;
const hourNs = 3_600_000_000_000n;
const base = 1_700_006_400_000_000_000n;

let seed = 1;
function uniform(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

function walk(): Float64Array {
  let value = uniform() * 100;
  return Float64Array.from({ length: rowCount }, () => {
    value = Math.min(100, Math.max(0, value + normal()));
    return type === 'float' ? Math.round(value * 100) / 100 : Math.trunc(value);
  });
}

const offsets = Float64Array.from({ length: rowCount }, (_, i) => i * stepNs);

function encodeRows(columns: readonly Float64Array[], from: number, until: number): Uint8Array {
  return encodeChunk({
    offsets: offsets.subarray(from, until),
    stableHlc: 1,
    origins: [],
    columns: columns.map((values, field) => ({
      field,
      column: { type, values: values.subarray(from, until), valid: undefined },
      stamps: undefined,
    })),
  });
}

const valueCount = hostCount * fieldCount * rowCount;
const hosts = Array.from({ length: hostCount }, () => Array.from({ length: fieldCount }, walk));

function encodeAll(): Uint8Array[][] {
  return hosts.map((columns) => {
    const chunks: Uint8Array[] = [];
    for (let from = 0; from < rowCount; from += rowsPerChunk) {
      chunks.push(encodeRows(columns, from, Math.min(rowCount, from + rowsPerChunk)));
    }
    return chunks;
  });
}

const plan: ShardPlan = {
  dbId: '0000000000000001',
  rpId: '0000000000000001',
  measurement: 'cpu',
  range: { min: base, max: base + 24n * hourNs - 1n },
  where: undefined,
  dimensions: ['hostname'],
  descending: false,
  output: {
    kind: 'aggregate',
    aggregates: Array.from({ length: fieldCount }, (_, i) => ({ fn, field: `usage_${i}`, type })),
    intervalNs: hourNs,
    offsetNs: 0n,
    extras: [],
    bucketLimit: 0,
  },
};

function scanAll(chunks: readonly (readonly Uint8Array[])[]): { decodeMs: number; addMs: number } {
  const scan = createShardScan(plan);
  let decodeMs = 0;
  let addMs = 0;
  chunks.forEach((list, host) => {
    const name = `host_${host}`;
    const series = scan.bindSeries({ measurement: 'cpu', tags: [['hostname', name]] }, name)!;
    const group = scan.openGroup(series.group);
    for (const bytes of list) {
      const start = performance.now();
      const view = openChunk(bytes);
      const times = decodeTimes(view);
      const columns = view.columns.map((_, i) => decodeColumn(view, i));
      const decoded = performance.now();
      group.addBatch(series, { rowCount: view.rowCount, base, offsets: times, columns });
      decodeMs += decoded - start;
      addMs += performance.now() - decoded;
    }
    group.finish();
  });
  return { decodeMs, addMs };
}

function best<T>(run: () => T, msOf: (answer: T, wall: number) => number): number {
  let least = Infinity;
  for (let round = 0; round < 12; round++) {
    const start = performance.now();
    const answer = run();
    least = Math.min(least, msOf(answer, performance.now() - start));
  }
  return least;
}

const chunks = encodeAll();
const size = chunks.flat().reduce((sum, chunk) => sum + chunk.length, 0);
const perValue = (ms: number) => `${((ms * 1e6) / valueCount).toFixed(1)} ns`;
const encodeMs = best(encodeAll, (_, wall) => wall);
const decodeMs = best(
  () => scanAll(chunks),
  (answer) => answer.decodeMs,
);
const addMs = best(
  () => scanAll(chunks),
  (answer) => answer.addMs,
);
const scanMs = best(
  () => scanAll(chunks),
  (_, wall) => wall,
);
console.log(`${type}, ${rowsPerChunk} rows per chunk, ${fn} by host and hour, per value:`);
console.log(`  size ${(size / valueCount).toFixed(3)} bytes, encode ${perValue(encodeMs)}`);
console.log(`  open and decode ${perValue(decodeMs)}, aggregate ${perValue(addMs)}`);
console.log(
  `  scan ${scanMs.toFixed(0)} ms, ${(valueCount / scanMs / 1000).toFixed(0)} M values/s`,
);

/** What a scan sees while the store changes under it, and how scans end. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RawBlock, ScanBlock } from '../../../src/model/plan.ts';
import { scanStores } from '../../../src/tstore/tstore.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import {
  control,
  db,
  env,
  openWorld,
  type Point,
  pointsFrame,
  rawPlan,
  readAggregates,
  readRows,
  readSchema,
  rp,
  type World,
} from './store-world.ts';

const second = 1_000_000_000n;
const start = 1_600_000_000n * second;
const plan = rawPlan('cpu', [['v', 'float']]);
const signal = new AbortController().signal;
let root: string;
let world: World;

beforeEach(async () => {
  root = makeTempDir('views');
  world = await openWorld({ root });
});

afterEach(async () => {
  await world.close();
  removeTempDir(root);
});

function points(host: string, from: number, count: number): Point[] {
  return Array.from({ length: count }, (_, i) => ({
    name: { measurement: 'cpu', tags: [['host', host]] },
    time: start + BigInt(from + i) * second,
    fields: { v: { type: 'float' as const, value: from + i } },
  }));
}

async function drain(scan: AsyncGenerator<ScanBlock>): Promise<number> {
  let rows = 0;
  for await (const block of scan) rows += (block as RawBlock).times.length;
  return rows;
}

/** Starts a scan by groups and stops after the first block, so that the rest is read later. */
async function openScan(): Promise<{ scan: AsyncGenerator<ScanBlock>; rows: number }> {
  const scan = scanStores([world.store], { ...plan, dimensions: ['host'] }, control());
  const first = await scan.next();
  return { scan, rows: (first.value as RawBlock).times.length };
}

async function compactAll(): Promise<void> {
  while (await world.store.compactStep(world.hlc, signal));
}

test('a scan goes on over rows that a compaction replaces', async () => {
  for (let i = 0; i < 6; i++) {
    world.apply(pointsFrame([...points('a', i * 10, 10), ...points('b', i * 10, 10)]));
    await world.flush();
  }
  const { scan, rows } = await openScan();
  await compactAll();
  expect(rows + (await drain(scan))).toBe(120);
  // Only now the replaced rows may go.
  await compactAll();
  expect(await readRows([world.store], plan)).toHaveLength(120);
  expect(await world.store.verify(signal)).toEqual([]);
});

test('a scan goes on over a file that is dropped, which then leaves', async () => {
  world.apply(pointsFrame([...points('a', 0, 10), ...points('b', 0, 10)]));
  await world.flush();
  const { scan, rows } = await openScan();
  await world.store.dropData(db, rp);
  expect(await readRows([world.store], plan)).toEqual([]);
  expect(rows + (await drain(scan))).toBe(20);
  await world.store.purgeTrash(-1000);
  expect(world.store.status.fileCount).toBe(0);
  expect(readdirSync(join(root, 'shard-0000', '0', db, rp))).toEqual([]);
  expect(readdirSync(join(root, 'shard-0000', 'trash'))).toEqual([]);
  world.apply(pointsFrame(points('a', 0, 1)));
  expect(await readRows([world.store], plan)).toEqual([]);
  await compactAll();
  expect(await readSchema([world.store], { ask: { kind: 'series' } })).toEqual([]);
});

test('a scan does not see rows that came after it began', async () => {
  world.apply(pointsFrame([...points('a', 0, 5), ...points('b', 0, 5)]));
  const { scan, rows } = await openScan();
  world.apply(pointsFrame(points('b', 100, 7)));
  await world.flush();
  expect(rows + (await drain(scan))).toBe(10);
  expect(await readRows([world.store], plan)).toHaveLength(17);
});

test('a cancelled scan ends with cancelled, soon', async () => {
  for (let host = 0; host < 50; host++) world.apply(pointsFrame(points(`h${host}`, 0, 4000)));
  await world.flush();
  const abort = new AbortController();
  const scan = scanStores([world.store], plan, control(abort.signal));
  await scan.next();
  const began = env.clock.monotonicMs();
  abort.abort();
  await expect(drain(scan)).rejects.toThrow('cancelled');
  expect(env.clock.monotonicMs() - began).toBeLessThan(1000);
});

test('a scan that is left lets go of its view', async () => {
  world.apply(pointsFrame([...points('a', 0, 5), ...points('b', 0, 5)]));
  await world.flush();
  const { scan } = await openScan();
  await scan.return(undefined);
  await world.store.dropData(db, rp);
  expect(readdirSync(join(root, 'shard-0000', 'trash'))).toHaveLength(1);
});

test('the series of several stores are one set', async () => {
  const otherRoot = makeTempDir('views');
  const other = await openWorld({ root: otherRoot });
  world.apply(pointsFrame(points('a', 0, 3)));
  other.apply(pointsFrame(points('b', 1, 3)));
  await other.flush();
  const times = (await readRows([world.store, other.store], plan)).map((row) => row.split(' ')[0]);
  expect(times.join()).toBe('cpu,host=a,cpu,host=a,cpu,host=b,cpu,host=a,cpu,host=b,cpu,host=b');
  const blocks = await readAggregates([world.store, other.store], {
    ...plan,
    output: {
      kind: 'aggregate',
      aggregates: [{ fn: 'count', field: 'v', type: 'float' }],
      intervalNs: 0n,
      offsetNs: 0n,
      extras: [],
      bucketLimit: 0,
    },
  });
  expect(blocks.map((block) => block.partials[0]!.counts[0])).toEqual([6]);
  const ask = { kind: 'tag-keys' } as const;
  expect(await readSchema([world.store, other.store], { ask })).toEqual(['cpu host']);
  await other.close();
  removeTempDir(otherRoot);
});

test('a row limit is met from the right end without reading everything', async () => {
  for (let i = 0; i < 20; i++) world.apply(pointsFrame(points('a', i * 1000, 1000)));
  await world.flush();
  const limited = rawPlan('cpu', [['v', 'float']], { rowLimit: 3, descending: true });
  const rows = await readRows([world.store], limited);
  expect(rows.slice(0, 3).map((row) => row.split(' ')[2])).toEqual(['19999', '19998', '19997']);
  expect(rows.length).toBeLessThan(2000);
});

test('a full disk leaves everything readable, and the next flush takes it', async () => {
  await world.close();
  let full = false;
  world = await openWorld({
    root,
    wrapWriter: (writer) => ({
      run: (job) => (full ? Promise.reject(new Error('no room')) : writer.run(job)),
      close: () => writer.close(),
    }),
  });
  world.apply(pointsFrame(points('a', 0, 5)));
  full = true;
  await expect(world.flush()).rejects.toThrow('no room');
  world.apply(pointsFrame(points('a', 5, 5)));
  expect(await readRows([world.store], plan)).toHaveLength(10);
  full = false;
  await world.flush();
  expect(world.store.memoryBytes).toBe(0);
  expect(world.store.positions.replayFrom).toBe(2);
  expect(await readRows([world.store], plan)).toHaveLength(10);
});

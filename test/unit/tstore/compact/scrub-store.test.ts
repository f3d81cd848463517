/** Goal: a scrub finds what is damaged and nothing else, while the store is written to, at the pace it was given. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { makeTempDir, removeTempDir } from '../../../support/temp-dir.ts';
import { cpuPoint, day, signal, start } from '../snapshot/snapshot-world.ts';
import { openWorld, pointsFrame, rawPlan, readRows, type World } from '../store-world.ts';

const plan = rawPlan('cpu', [['v', 'float']]);
const fast = { signal, bytesPerSecond: 1e9 };
const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) removeTempDir(root);
});

function makeRoot(): string {
  const root = makeTempDir('scrub');
  roots.push(root);
  return root;
}

function write(world: World, week: number, from: number): void {
  const points = [];
  for (let i = 0; i < 300; i++) {
    const time = start + BigInt(week) * 7n * day + BigInt(from + i);
    points.push(cpuPoint(`h${i % 3}`, time, { v: i * 1.37 }));
  }
  world.apply(pointsFrame(points));
}

function partitions(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => /-\d+\.db$/.test(name))
    .map((name) => join(root, name))
    .sort();
}

test('a store that is written to meanwhile has no faults', async () => {
  const world = await openWorld({ root: makeRoot() });
  write(world, 0, 0);
  await world.flush();
  const scrubbing = world.store.scrub({ signal, bytesPerSecond: 50_000 });
  for (let i = 1; i < 6; i++) {
    write(world, i % 2, i * 100);
    await world.flush();
    await world.store.compactStep(world.hlc, signal);
  }
  expect(await scrubbing).toEqual([]);
  expect(world.store.status.faults).toEqual([]);
  expect(await world.store.scrub(fast)).toEqual([]);
  await world.close();
});

test('a row that changed by itself is found, its file is set aside, the others serve', async () => {
  const root = makeRoot();
  const first = await openWorld({ root });
  for (const week of [0, 1]) write(first, week, 0);
  await first.flush();
  await first.close();
  const [damagedFile] = partitions(root);
  const database = new Database(damagedFile!);
  database.exec('UPDATE data SET bytes = zeroblob(length(bytes))');
  database.close();

  const world = await openWorld({ root });
  expect(world.store.status.faults).toEqual([]);
  const found = await world.store.scrub(fast);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(damagedFile!.slice(root.length + 1));
  expect(world.store.status.faults).toEqual(found);
  const week1 = { min: start + 7n * day, max: start + 14n * day };
  expect(await readRows([world.store], { ...plan, range: week1 })).toHaveLength(300);
  await world.close();
});

test('a scrub keeps to its budget and ends when told', async () => {
  const world = await openWorld({ root: makeRoot() });
  write(world, 0, 0);
  await world.flush();
  const controller = new AbortController();
  const slow = world.store.scrub({ signal: controller.signal, bytesPerSecond: 1 });
  setImmediate(() => controller.abort());
  await expect(slow).rejects.toMatchObject({ code: 'cancelled' });
  await world.flush();
  await world.close();
});

test('a store whose catalog is damaged does not open, says where, and leaves everything as it is', async () => {
  const root = makeRoot();
  const first = await openWorld({ root });
  write(first, 0, 0);
  await first.flush();
  await first.close();
  const catalog = join(root, 'shard-0000', 'catalog.db');
  const database = new Database(catalog);
  database.exec("UPDATE series SET body = x'00'");
  database.close();
  const before = readFileSync(catalog);
  await expect(openWorld({ root })).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining('catalog.db at series 1'),
  });
  expect(readFileSync(catalog).equals(before)).toBe(true);
  expect(partitions(root)).toHaveLength(1);
});

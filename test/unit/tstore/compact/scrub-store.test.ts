/** Goal: a scrub finds what is damaged and nothing else, while the store is written to, at the pace it was given. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { Database } from '../../../../src/sqlite/driver.ts';
import { makeTempDir, removeTempDir } from '../../../support/temp-dir.ts';
import { cpuPoint, day, signal, start } from '../snapshot/snapshot-world.ts';
import { openWorld, pointsFrame, rawPlan, readRows, type World } from '../store-world.ts';

const plan = rawPlan('cpu', [['v', 'float']]);
const fast = { signal, spend: async () => undefined };
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
  // Every stretch waits, so that changes come in between.
  const spend = () => sleep(5);
  const scrubbing = world.store.scrub({ signal, spend });
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

test('a scrub pays for what it reads and ends when told', async () => {
  const world = await openWorld({ root: makeRoot() });
  write(world, 0, 0);
  await world.flush();
  let paid = 0;
  const spend = async (bytes: number) => {
    paid += bytes;
  };
  await world.store.scrub({ signal, spend });
  expect(paid).toBeGreaterThan(1_000);
  const ended = async () => {
    throw new CitadelError('cancelled', 'the scrub was ended');
  };
  const slow = world.store.scrub({ signal, spend: ended });
  await expect(slow).rejects.toMatchObject({ code: 'cancelled' });
  await world.flush();
  await world.close();
});

test('a catalog that is damaged while the store is open is written anew from memory', async () => {
  const root = makeRoot();
  const world = await openWorld({ root });
  for (const week of [0, 1]) write(world, week, 0);
  await world.flush();
  const rows = await readRows([world.store], plan);
  const database = new Database(join(root, 'shard-0000', 'catalog.db'));
  database.exec("UPDATE series SET body = x'00'");
  database.close();
  const found = await world.store.scrub(fast);
  expect(found[0]).toContain('catalog.db at series 1');
  expect(world.store.status.faults).toEqual([]);
  expect(await world.store.scrub(fast)).toEqual([]);
  write(world, 2, 0);
  await world.flush();
  await world.close();

  const again = await openWorld({ root });
  expect(await again.store.scrub(fast)).toEqual([]);
  expect(
    await readRows([again.store], { ...plan, range: { min: start, max: start + 14n * day - 1n } }),
  ).toEqual(rows);
  await again.close();
});

test('a directory of rows that lost one is found', async () => {
  const root = makeRoot();
  const world = await openWorld({ root });
  for (const week of [0, 1]) write(world, week, 0);
  await world.flush();
  const [damagedFile] = partitions(root);
  const database = new Database(damagedFile!);
  database.exec('DELETE FROM rows WHERE no = (SELECT max(no) FROM rows)');
  database.close();
  expect(await world.store.scrub(fast)).toHaveLength(1);
  expect(world.store.hasDamagedFiles).toBe(true);
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

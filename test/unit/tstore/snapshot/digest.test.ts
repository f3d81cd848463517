/**
 * Goal: digests are equal exactly when two stores answer alike.
 *
 * Method: random points and deletes go to two stores in different batches, with flushes, compactions and
 * partition lengths of their own; then one cell is changed in every way that a cell can differ.
 */

import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { makeTempDir, removeTempDir } from '../../../support/temp-dir.ts';
import {
  db,
  deleteFrame,
  openWorld,
  type Point,
  pointsFrame,
  rp,
  type World,
} from '../store-world.ts';
import { compactAll, cpuPoint, day, digestOf, second, signal, start } from './snapshot-world.ts';

const roots: string[] = [];
const worlds: World[] = [];

async function open(shardGroupDurationNs: bigint): Promise<World> {
  const root = makeTempDir('digest');
  roots.push(root);
  const policies = [{ dbId: db, rpId: rp, durationNs: 0n, shardGroupDurationNs }];
  const world = await openWorld({ root, policies });
  worlds.push(world);
  return world;
}

async function closeAll(): Promise<void> {
  for (const world of worlds.splice(0)) await world.close();
  for (const root of roots.splice(0)) removeTempDir(root);
}

afterEach(closeAll);

const value = fc.oneof(
  fc.double({ noNaN: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -10n, max: 10n }),
  fc.string({ maxLength: 5 }),
  fc.boolean(),
);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      host: fc.constantFrom('a', 'b', 'ü'),
      at: fc.integer({ min: 0, max: 20 }),
      field: fc.constantFrom('f', 'g'),
      value,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      at: fc.integer({ min: 0, max: 20 }),
      length: fc.integer({ min: 0, max: 4 }),
    }),
  },
);

/** Some hours apart, across the start of a week. */
const timeOf = (at: number) => start + BigInt(at) * 7n * 3600n * second;

test('stores with the same cells have the same digests, whatever their files look like', async () => {
  const upkeep = fc.array(fc.constantFrom('none', 'flush', 'compact'), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      upkeep,
      upkeep,
      async (steps, first, second_) => {
        const stores = [await open(day), await open(9n * day)];
        for (const [s, world] of stores.entries()) {
          const own = s === 0 ? first : second_;
          for (const [i, one] of steps.entries()) {
            const frame =
              one.kind === 'write'
                ? pointsFrame([cpuPoint(one.host, timeOf(one.at), { [one.field]: one.value })])
                : deleteFrame({
                    range: { min: timeOf(one.at), max: timeOf(one.at + one.length) },
                  });
            world.apply(frame);
            const next = own[i % own.length];
            if (next !== 'none') await world.flush(s === 0 ? world.hlc : 0);
            if (next === 'compact') await world.store.compactStep(world.hlc, signal);
          }
        }
        const [a, b] = stores as [World, World];
        expect(await digestOf(a.store)).toBe(await digestOf(b.store));
        await closeAll();
      },
    ),
    { numRuns: 15 },
  );
});

const base: Point[] = [
  cpuPoint('a', start, { f: 1, n: 5n, t: 'x', b: true }),
  cpuPoint('a', start + second, { f: 2, n: 6n, t: 'y', b: false }),
  cpuPoint('b', start, { f: 1 }),
];

test('every difference of a cell changes the digest of its part, and only that', async () => {
  const changes: Point[] = [
    cpuPoint('a', start, { f: 1.0000000000000002 }),
    cpuPoint('a', start, { f: -1 }),
    cpuPoint('a', start, { n: 5n + 2n ** 32n }),
    cpuPoint('a', start, { n: -5n }),
    cpuPoint('a', start, { t: 'y' }),
    cpuPoint('a', start, { b: false }),
    cpuPoint('a', start + 1n, { f: 1 }),
    cpuPoint('a', start - 2n ** 32n, { f: 1 }),
    cpuPoint('a', start, { g: 1 }),
    cpuPoint('a', start, { f: 1n }),
    cpuPoint('c', start, { f: 1 }),
  ];
  const seen = new Set<string>();
  for (const change of [undefined, ...changes]) {
    const world = await open(day);
    world.apply(pointsFrame(base));
    if (change !== undefined) world.apply(pointsFrame([change]));
    world.apply(pointsFrame([cpuPoint('far', start + 30n * day, { f: 1 })]));
    const digest = await digestOf(world.store);
    expect(digest.split('\n').length).toBeGreaterThan(1);
    expect(seen.has(digest)).toBe(false);
    seen.add(digest);
  }
  const ends = new Set([...seen].map((digest) => digest.split('\n').at(-1)));
  expect(ends.size).toBe(1);
});

test('swapped values, and cells twice or not at all, are seen', async () => {
  const digests = new Set<string>();
  const pairs = [
    [1, 2],
    [2, 1],
    [1, 1],
    [2, 2],
  ];
  for (const [a, b] of pairs) {
    const world = await open(day);
    world.apply(
      pointsFrame([cpuPoint('h', start, { f: a! }), cpuPoint('h', start + 1n, { f: b! })]),
    );
    digests.add(await digestOf(world.store));
  }
  expect(digests.size).toBe(pairs.length);
});

test('a horizon leaves newer cells out, wherever they are', async () => {
  const older = await open(day);
  older.apply(pointsFrame(base), { hlc: 10 });
  const wanted = await digestOf(older.store);
  const newer = pointsFrame([cpuPoint('z', start, { f: 1 })]);
  older.apply(newer, { hlc: 20 });
  expect(await digestOf(older.store)).not.toBe(wanted);
  expect(await digestOf(older.store, 15)).toBe(wanted);
  await older.flush(5);
  expect(await digestOf(older.store, 15)).toBe(wanted);
  await older.flush(15);
  await compactAll(older.store, 15);
  expect(await digestOf(older.store, 15)).toBe(wanted);
});

test('the digest of known cells is what it always was', async () => {
  const world = await open(day);
  world.apply(pointsFrame(base));
  expect(await digestOf(world.store)).toMatchInlineSnapshot(`
    "aaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbb/1599696000000000000/3 ad180aa8744ea5cc556e71249d8fef9c 8
    aaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbb/1599696000000000000/4 801d1a1dbdfa37080af3200aac66adc8 1"
  `);
});

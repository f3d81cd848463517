/** Goal: a snapshot that is merged brings every cell and delete, to any store, and a broken one brings nothing wrong. */

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { pieceSizeMax } from '../../../../src/model/snapshot-pieces.ts';
import type { SnapshotMerge } from '../../../../src/model/store-snapshot.ts';
import { quarantine } from '../../../../src/tstore/store/damage.ts';
import type { StoreState } from '../../../../src/tstore/store/store-state.ts';
import { makeTempDir, removeTempDir } from '../../../support/temp-dir.ts';
import {
  db,
  deleteFrame,
  openWorld,
  pointsFrame,
  rawPlan,
  readRows,
  readSchema,
  rp,
  type World,
  type WorldOptions,
} from '../store-world.ts';
import {
  compactAll,
  cpuPoint,
  day,
  digestOf,
  mergePieces,
  noFacts,
  second,
  signal,
  start,
  takePieces,
} from './snapshot-world.ts';

const plan = rawPlan('cpu', [
  ['v', 'float'],
  ['n', 'integer'],
  ['text', 'string'],
  ['on', 'boolean'],
]);
const roots: string[] = [];
const worlds: World[] = [];

async function open(options: Partial<WorldOptions> = {}): Promise<World> {
  const root = options.root ?? makeTempDir('snapshot');
  if (options.root === undefined) roots.push(root);
  const world = await openWorld({ ...options, root });
  worlds.push(world);
  return world;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
  for (const root of roots.splice(0)) removeTempDir(root);
});

/** Rows of three weeks: some in files, some deleted, some in memory. */
async function fill(world: World): Promise<void> {
  for (let week = 0; week < 3; week++) {
    const points = [];
    for (let i = 0; i < 200; i++) {
      const time = start + BigInt(week) * 7n * day + BigInt(i) * second;
      const host = `h${i % 5}`;
      points.push(cpuPoint(host, time, { v: i / 4, n: 2n ** 60n + BigInt(i), text: `t${i % 9}` }));
    }
    world.apply(pointsFrame(points));
    if (week < 2) await world.flush();
  }
  world.apply(deleteFrame({ range: { min: start + 10n * second, max: start + 30n * second } }));
  world.apply(pointsFrame([cpuPoint('h1', start + 11n * second, { on: true })]));
}

test('rows in files, in memory, and deletes arrive; positions follow, and stay', async () => {
  const from = await open();
  await fill(from);
  const root = makeTempDir('snapshot');
  roots.push(root);
  const to = await open({ root });
  const facts = { versions: { '1111111111111111': 7 }, gcVersions: {}, hlcMax: from.hlc };
  const pieces = await takePieces(from.store, facts);
  expect(await mergePieces(to.store, pieces)).toEqual(facts);
  const rows = await readRows([from.store], plan);
  expect(await readRows([to.store], plan)).toEqual(rows);
  expect(await digestOf(to.store)).toBe(await digestOf(from.store));
  expect(to.store.positions).toEqual({ replayFrom: 0, ...facts });
  expect(await readSchema([to.store], { ask: { kind: 'series' } })).toEqual(
    await readSchema([from.store], { ask: { kind: 'series' } }),
  );
  await to.close();
  worlds.pop();

  const again = await open({ root });
  expect(again.store.positions).toEqual({ replayFrom: 0, ...facts });
  expect(await readRows([again.store], plan)).toEqual(rows);
  expect(await again.store.verify(signal)).toEqual([]);
  await again.flush();
  expect(again.store.positions.versions).toEqual(facts.versions);
});

test('a store with other fields, other files and newer cells keeps what is newer', async () => {
  const from = await open();
  await fill(from);
  await from.flush();
  const to = await open();
  to.hlc = 5000;
  // Field numbers come in another order, and one cell is newer than its rival.
  to.apply(pointsFrame([cpuPoint('h0', start, { other: 1, on: false, text: 'newer' })]));
  await to.flush();
  await mergePieces(to.store, await takePieces(from.store));
  const rows = await readRows([from.store], plan);
  const first = rows.findIndex((row) => row.startsWith(`cpu,host=h0 ${start} `));
  const wanted = [...rows];
  wanted[first] = `cpu,host=h0 ${start} 0 ${2n ** 60n}i newer false`;
  expect(await readRows([to.store], plan)).toEqual(wanted);
  await compactAll(to.store, 10_000);
  expect(await readRows([to.store], plan)).toEqual(wanted);
  expect(await to.store.verify(signal)).toEqual([]);
});

test('files that begin and end elsewhere take the same rows', async () => {
  const from = await open();
  await fill(from);
  await from.flush();
  const shards = { dbId: db, rpId: rp, durationNs: 0n };
  const to = await open({ policies: [{ ...shards, shardGroupDurationNs: day / 600n }] });
  // Makes files of 144 s, so that every chunk lies in several.
  to.apply(pointsFrame([cpuPoint('z', start + 70n * second, { v: 1 })]));
  to.apply(pointsFrame([cpuPoint('z', start + 7n * day, { v: 1 })]));
  await to.flush();
  to.apply(
    deleteFrame({
      measurements: ['cpu'],
      where: undefined,
      range: { min: start + 70n * second, max: start + 70n * second },
    }),
    { hlc: 1 },
  );
  await mergePieces(to.store, await takePieces(from.store));
  await mergePieces(from.store, await takePieces(to.store));
  expect(await readRows([to.store], plan)).toEqual(await readRows([from.store], plan));
  expect(await digestOf(to.store)).toBe(await digestOf(from.store));
  await compactAll(to.store, 10_000);
  await compactAll(from.store, 10_000);
  expect(await digestOf(to.store)).toBe(await digestOf(from.store));
  expect(to.store.status.fileCount).toBeGreaterThan(4);
});

test('where nothing is in the way, files get the bounds of the sender', async () => {
  const from = await open();
  await fill(from);
  await from.flush();
  const shards = { dbId: db, rpId: rp, durationNs: 0n };
  const to = await open({ policies: [{ ...shards, shardGroupDurationNs: day }] });
  await mergePieces(to.store, await takePieces(from.store));
  expect(to.store.status.partitions).toEqual(from.store.status.partitions);
});

test('a file from before a merge is noticed', async () => {
  const from = await open();
  await fill(from);
  const root = makeTempDir('snapshot');
  roots.push(root);
  const before = await open({ root });
  before.apply(pointsFrame([cpuPoint('z', start, { v: 1 })]));
  await before.flush();
  const isPartition = (name: string) => name.endsWith('-1.db');
  const name = readdirSync(root, { recursive: true, encoding: 'utf8' }).find(isPartition)!;
  const old = readFileSync(join(root, name));
  await mergePieces(before.store, await takePieces(from.store));
  await before.close();
  worlds.pop();
  writeFileSync(join(root, name), old);
  const world = await open({ root });
  expect(world.store.status.faults).toEqual([expect.stringContaining('older than the catalog')]);
});

function sizeOf(root: string): number {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(root, name)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

test('the same snapshot merged again and again does not grow the store', async () => {
  const from = await open();
  await fill(from);
  await from.flush();
  const pieces = await takePieces(from.store);
  const root = makeTempDir('snapshot');
  roots.push(root);
  const to = await open({ root });
  await mergePieces(to.store, pieces);
  await mergePieces(to.store, pieces);
  expect(to.store.status.tombstoneCount).toBe(1);
  await compactAll(to.store, 10_000);
  const size = sizeOf(root);
  const digest = await digestOf(to.store);
  for (let i = 0; i < 6; i++) {
    await mergePieces(to.store, pieces);
    await compactAll(to.store, 10_000);
  }
  expect(await digestOf(to.store)).toBe(digest);
  expect(sizeOf(root)).toBeLessThan(size * 1.5);
});

test('a long record lies across pieces, none of which is too long', async () => {
  const from = await open();
  const long = 'x'.repeat(60_000);
  const points = [];
  for (let i = 0; i < 60; i++) {
    points.push(cpuPoint('h', start + BigInt(i), { text: `${long}${i}` }));
  }
  from.apply(pointsFrame(points));
  const pieces = await takePieces(from.store);
  expect(pieces.length).toBeGreaterThan(3);
  expect(Math.max(...pieces.map(({ length }) => length))).toBe(pieceSizeMax);
  const to = await open();
  await mergePieces(to.store, pieces);
  expect(await digestOf(to.store)).toBe(await digestOf(from.store));
});

test('a stream that is cut, changed, mixed or of another shard is refused', async () => {
  const from = await open();
  await fill(from);
  const big = cpuPoint('h', start, { text: 'y'.repeat(64_000) });
  for (let i = 0; i < 40; i++) from.apply(pointsFrame([{ ...big, time: start - BigInt(i) }]));
  const pieces = await takePieces(from.store);
  expect(pieces.length).toBeGreaterThan(2);
  const others = await takePieces(from.store, { ...noFacts, hlcMax: 1 });
  const to = await open();
  const refused = async (given: readonly Uint8Array[], code: string) => {
    await expect(mergePieces(to.store, given)).rejects.toMatchObject({ code });
  };
  await refused(pieces.slice(0, -1), 'corrupt');
  await refused(pieces.slice(1), 'corrupt');
  await refused([pieces[0]!, ...pieces.slice(2)], 'corrupt');
  await refused([pieces[0]!, pieces[0]!], 'corrupt');
  await refused([...others.slice(0, 1), ...pieces.slice(1)], 'corrupt');
  await refused([...pieces, pieces[pieces.length - 1]!], 'corrupt');
  for (let at = 0; at < 400; at += 7) {
    const flipped = pieces[0]!.slice();
    flipped[at]! ^= 0x10;
    const merge = await to.store.openMerge({});
    await expect(merge.add(flipped)).rejects.toMatchObject({
      code: at >= 4 && at < 8 ? 'unsupported-version' : 'corrupt',
    });
    await expect(merge.add(pieces[0]!)).rejects.toMatchObject({ code: 'conflict' });
  }
  const other = await open({ shardCount: 2 });
  await expect(mergePieces(other.store, pieces)).rejects.toMatchObject({ code: 'conflict' });
  expect(to.store.positions.versions).toEqual({});
  await mergePieces(to.store, pieces);
});

test('a snapshot shows what was there at the call, whatever happens meanwhile', async () => {
  const from = await open();
  await fill(from);
  const rows = await readRows([from.store], plan);
  const stream = from.store.snapshot(noFacts, signal);
  // All of it goes from memory to files, all files are rewritten, and a later delete takes most of it.
  await from.flush();
  from.apply(deleteFrame({ range: { min: start, max: start + 6n * day } }));
  await from.flush();
  await compactAll(from.store, from.hlc);
  expect(from.store.status.tombstoneCount).toBe(2);
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  const to = await open();
  await mergePieces(to.store, pieces);
  // What was deleted since is deleted here too: the snapshot has more than it promises, not less.
  const left = rows.filter((row) => BigInt(row.split(' ')[1]!) > start + 6n * day);
  expect(await readRows([to.store], plan)).toEqual(left);
  await compactAll(from.store, from.hlc);
  expect(from.store.status.tombstoneCount).toBe(0);
});

test('no tombstone goes while a merge may bring rows that it hides', async () => {
  const late = await open();
  const row = pointsFrame([cpuPoint('h', start, { v: 1 })]);
  late.apply(row, { hlc: 10 });
  await late.flush(5);
  const pieces = await takePieces(late.store);

  const world = await open();
  world.apply(row, { hlc: 10 });
  world.apply(deleteFrame({}), { hlc: 20 });
  // The file stays, and compaction finds it clean of what the delete hides.
  world.apply(pointsFrame([cpuPoint('other', start, { v: 2 })]), { hlc: 25 });
  await world.flush(30);
  const merge = await world.store.openMerge({});
  await compactAll(world.store, 30);
  expect(world.store.status.tombstoneCount).toBe(1);
  for (const piece of pieces) await merge.add(piece);
  await merge.finish();
  const rows = [`cpu,host=other ${start} 2 - - -`];
  expect(await readRows([world.store], plan)).toEqual(rows);
  await compactAll(world.store, 30);
  expect(await readRows([world.store], plan)).toEqual(rows);
  expect(world.store.status.tombstoneCount).toBe(0);
  expect(world.store.status.seriesCount).toBe(1);
});

test('collected garbage is remembered, and a store that may hold some of it is not merged into', async () => {
  const from = await open();
  from.apply(pointsFrame([cpuPoint('h', start, { v: 1 })]));
  from.apply(deleteFrame({}));
  from.apply(pointsFrame([cpuPoint('h', start + second, { v: 2 })]));
  await from.flush();
  const versions = { '1111111111111111': 2 };
  for (let i = 0; i < 4; i++) await from.store.compactStep(from.hlc, signal, versions);
  expect(from.store.positions.gcVersions).toEqual(versions);
  const pieces = await takePieces(from.store);

  const stale = await open();
  stale.apply(pointsFrame([cpuPoint('h', start, { v: 1 })]));
  await expect(mergePieces(stale.store, pieces)).rejects.toMatchObject({ code: 'conflict' });
  const merge = await stale.store.openMerge({ '1111111111111111': 2 });
  for (const piece of pieces) await merge.add(piece);
  await merge.finish();
  const empty = await open();
  expect((await mergePieces(empty.store, pieces)).gcVersions).toEqual(versions);
  expect(empty.store.positions.gcVersions).toEqual(versions);
  expect(await readRows([empty.store], plan)).toHaveLength(1);
});

test('a stream that nobody reads lets go when it is returned, or when its signal fires', async () => {
  const world = await open();
  await fill(world);
  await world.flush();
  const controller = new AbortController();
  const unread = world.store.snapshot(noFacts, controller.signal);
  const begun = world.store.snapshot(noFacts, controller.signal);
  await begun.next();
  const returned = world.store.snapshot(noFacts, signal);
  await returned.return(undefined);
  await compactAll(world.store, world.hlc);
  expect(world.store.status.tombstoneCount).toBe(1);
  controller.abort();
  await expect(begun.next()).rejects.toMatchObject({ code: 'cancelled' });
  await expect(unread.next()).rejects.toMatchObject({ code: 'cancelled' });
  await compactAll(world.store, world.hlc);
  expect(world.store.status.tombstoneCount).toBe(0);
});

test('a merge takes the place of damaged files when it brings all that they held', async () => {
  const from = await open();
  await fill(from);
  const rows = await readRows([from.store], plan);
  const taken = (count: number) =>
    takePieces(from.store, {
      versions: { '1111111111111111': count },
      gcVersions: {},
      hlcMax: 1,
    });
  const root = makeTempDir('snapshot');
  roots.push(root);
  const before = await open({ root });
  await fill(before);
  const versions = { '1111111111111111': 10 };
  await before.store.flush({ versions, hlcMax: before.hlc, stableHlc: before.hlc });
  await before.close();
  worlds.pop();
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const partition = files.find((name) => name.endsWith('-1.db'))!;
  writeFileSync(join(root, partition), 'no database');

  const world = await open({ root });
  expect(world.store.status.faults).toHaveLength(1);
  await expect(readRows([world.store], plan)).rejects.toMatchObject({ code: 'corrupt' });
  // Later entries are in memory: what the files held is all that counts.
  const mergeOf = () => world.store.openMerge({ '1111111111111111': 11 });
  const partial = await mergeOf();
  for (const piece of await taken(9)) await partial.add(piece);
  await partial.finish();
  await expect(readRows([world.store], plan)).rejects.toMatchObject({ code: 'corrupt' });
  expect(world.store.hasDamagedFiles).toBe(true);
  const merge = await mergeOf();
  for (const piece of await taken(10)) await merge.add(piece);
  await merge.finish();
  expect(await readRows([world.store], plan)).toEqual(rows);
  expect(world.store.status.faults).toEqual([]);
  await world.close();
  worlds.pop();
  const again = await open({ root });
  expect(again.store.status.faults).toEqual([]);
  expect(await readRows([again.store], plan)).toEqual(rows);
});

test('rows that are flushed while their file is found damaged outlive its end', async () => {
  const from = await open();
  const old = cpuPoint('a', start, { v: 1 });
  from.apply(pointsFrame([old]));
  const pieces = await takePieces(from.store, { ...noFacts, versions: { '1111111111111111': 1 } });
  let meanwhile = () => Promise.resolve();
  const world = await open({
    wrapWriter: (real) => ({
      run: async (job) => {
        if (job.kind === 'write' && !job.file.endsWith('catalog.db')) await meanwhile();
        await real.run(job);
      },
      close: () => real.close(),
    }),
  });
  const flush = (count: number) => {
    const versions = { '1111111111111111': count };
    return world.store.flush({ versions, hlcMax: world.hlc, stableHlc: 0 });
  };
  world.apply(pointsFrame([old]));
  await flush(1);
  let merge: SnapshotMerge | undefined;
  meanwhile = async () => {
    meanwhile = () => Promise.resolve();
    const state = Reflect.get(world.store, 'state') as StoreState;
    const [file] = state.files();
    quarantine(state, file!, new CitadelError('corrupt', 'a row is damaged'));
    merge = await world.store.openMerge({ '1111111111111111': 1 });
  };
  world.apply(pointsFrame([cpuPoint('a', start + second, { v: 2 })]));
  await flush(2);
  for (const piece of pieces) await merge!.add(piece);
  await merge!.finish();
  expect(world.store.hasDamagedFiles).toBe(false);
  expect(await readRows([world.store], plan)).toHaveLength(2);
});

test('rows of a dropped database are not brought back', async () => {
  const from = await open();
  await fill(from);
  const pieces = await takePieces(from.store);
  const to = await open();
  await to.store.dropData(db, undefined);
  await mergePieces(to.store, pieces);
  expect(await readRows([to.store], plan)).toEqual([]);
  expect(to.store.status).toMatchObject({ fileCount: 0, seriesCount: 0, tombstoneCount: 0 });
});

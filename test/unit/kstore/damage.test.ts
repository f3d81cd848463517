/**
 * Goal: a damaged byte never gives a wrong answer: what cannot be trusted fails with the file's name, what is sound stays
 * readable, new writes go on in a successor, and a snapshot of a peer heals the store.
 * Method: rows and pages changed behind the store's back.
 */

import {
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { Database } from '../../../src/sqlite/driver.ts';
import type { SqliteWriter } from '../../../src/sqlite/sqlite.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import { directory, never, openWorld, origins, type Pair, type World } from './kstore-world.ts';

const fixture = fileURLToPath(new URL('../../fixtures/formats/kstore-v1.db', import.meta.url));
let root: string;
const opened: World[] = [];

beforeEach(() => {
  root = makeTempDir('kdamage');
});
afterEach(async () => {
  for (const world of opened.splice(0)) await world.close();
  removeTempDir(root);
});

async function open(wrapWriter?: (writer: SqliteWriter) => SqliteWriter): Promise<World> {
  const world = await openWorld(wrapWriter === undefined ? { root } : { root, wrapWriter });
  opened.push(world);
  return world;
}

async function reopen(world: World): Promise<World> {
  opened.splice(opened.indexOf(world), 1);
  await world.close();
  return open();
}

const file = (no = 1) => join(root, directory, `kv-000${no}.db`);

function change(sql: string, ...parameters: unknown[]): void {
  const database = new Database(file());
  database.prepare(sql).run(...parameters);
  database.close();
}

const pairs = (count: number): Pair[] =>
  Array.from({ length: count }, (_, i) => [`key${String(i).padStart(4, '0')}`, `value${i}`]);

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
    expect(error.message).toContain('kv-0001.db');
    return error.code;
  }
  return 'none';
}

const flips = [
  [
    'its value',
    "UPDATE rows SET body = CAST(substr(body, 1, 30) || x'00' || substr(body, 32) AS BLOB)",
  ],
  ['its stamp', "UPDATE rows SET body = CAST(x'00000000000001' || substr(body, 8) AS BLOB)"],
  [
    'its flags',
    "UPDATE rows SET body = CAST(substr(body, 1, 15) || x'01' || substr(body, 17) AS BLOB)",
  ],
  ['its size', 'UPDATE rows SET body = substr(body, 1, 29)'],
  ['its key', "UPDATE rows SET k = CAST(k || x'00' AS BLOB)"],
  ['another body', 'UPDATE rows SET body = (SELECT body FROM rows ORDER BY k DESC LIMIT 1)'],
] as const;

test.each(flips)('a row with %s changed is never an answer', async (_, sql) => {
  let world = await open();
  world.put('t', pairs(20));
  await world.flush();
  world = await reopen(world);
  change(`${sql} WHERE k = (SELECT k FROM rows ORDER BY k LIMIT 1)`);
  expect(await codeOf(world.list('t'))).toBe('corrupt');
  const got = await codeOf(world.get('t', ['key0000']));
  // Under another key the row is not found; the list has seen it.
  expect(['corrupt', 'none']).toContain(got);
  if (got === 'none') expect(await world.get('t', ['key0000'])).toEqual([undefined]);
  expect(world.store.status.faults.length).toBeGreaterThan(0);
  expect(await world.store.verify(never)).not.toEqual([]);
  // Another group of keys is sound.
  expect(await world.get('t', ['key0007'])).toEqual(['value7']);
});

test('writes go on in a successor, what is sound stays, a snapshot heals', async () => {
  let world = await open();
  world.put('t', pairs(50));
  await world.flush({ [origins[0]]: 1 });
  change(
    "UPDATE rows SET body = CAST(substr(body, 1, 30) || x'00' || substr(body, 32) AS BLOB) WHERE k = (SELECT k FROM rows ORDER BY k LIMIT 1)",
  );
  expect(await codeOf(world.get('t', ['key0000']))).toBe('corrupt');
  world.put('t', [
    ['key0001', undefined],
    ['new', 'x'],
  ]);
  await world.flush({ [origins[0]]: 2 });
  world = await reopen(world);
  expect(world.store.positions.replayFrom).toBe(2);
  expect(world.store.status.faults).not.toEqual([]);
  expect(await world.get('t', ['key0001', 'key0030', 'new'])).toEqual([undefined, 'value30', 'x']);
  expect(await codeOf(world.list('t'))).toBe('corrupt');
  // No delete is collected while a file that may hold an older value is set aside.
  expect(await world.store.compactStep(Number.MAX_SAFE_INTEGER - 1, never)).toBe(false);

  const otherRoot = makeTempDir('kpeer');
  const peer = await openWorld({ root: otherRoot });
  try {
    peer.put('t', pairs(50), { hlc: 1001 });
    peer.put('t', [
      ['key0001', undefined],
      ['new', 'x'],
    ]);
    const merge = await world.store.openMerge({ [origins[0]]: 2 });
    const facts = { versions: { [origins[0]]: 2 }, gcVersions: {}, hlcMax: 2000 };
    for await (const piece of peer.store.snapshot(facts, never)) await merge.add(piece);
    await merge.finish();
    expect(await world.list('t')).toEqual(await peer.list('t'));
    expect(await world.get('t', ['key0000'])).toEqual(['value0']);
    expect(world.store.status.faults).toEqual([]);
  } finally {
    await peer.close();
    removeTempDir(otherRoot);
  }
  world = await reopen(world);
  expect(await world.get('t', ['key0000', 'new'])).toEqual(['value0', 'x']);
  expect(await world.store.verify(never)).toEqual([]);
  await world.store.purgeTrash(-1);
});

test('torn pages are found, whatever they were', async () => {
  let world = await open();
  world.put('t', pairs(3000));
  await world.flush();
  world = await reopen(world);
  await world.close();
  opened.length = 0;
  const whole = readFileSync(file());
  const expected = new Set(pairs(3000).map(([key, value]) => `${key}=${value}`));
  for (let page = 1; page * 4096 < whole.length; page += 3) {
    const handle = openSync(file(), 'r+');
    writeSync(handle, new Uint8Array(512).fill(0xa5), 0, 512, page * 4096 + 100);
    try {
      const damaged = await open();
      for (const one of await damaged.list('t')) expect(expected.has(one)).toBe(true);
    } catch (error) {
      expect(error).toMatchObject({ code: 'corrupt' });
    }
    for (const one of opened.splice(0)) await one.close();
    rmSync(`${file()}-wal`, { force: true });
    writeFileSync(file(), whole);
  }
});

test('a flush that finds no room keeps everything in memory, and the next one stores it', async () => {
  let isFull = true;
  const world = await open((writer) => ({
    run: (job) =>
      isFull && job.kind === 'write' && job.batches.length > 1
        ? Promise.reject(new CitadelError('disk-full', 'no space'))
        : writer.run(job),
    close: () => writer.close(),
  }));
  world.put('t', pairs(10));
  await expect(world.flush()).rejects.toMatchObject({ code: 'disk-full' });
  world.put('t', [['key0003', 'later']]);
  expect(await world.get('t', ['key0002', 'key0003'])).toEqual(['value2', 'later']);
  isFull = false;
  await world.flush();
  expect(world.store.memoryBytes).toBe(0);
  expect(await world.get('t', ['key0002', 'key0003'])).toEqual(['value2', 'later']);
});

test('a file of another shard or of a later version is refused', async () => {
  const world = await open();
  await world.close();
  opened.length = 0;
  const set = (pragma: string) => {
    const database = new Database(file());
    database.pragma(pragma);
    database.close();
  };
  set('application_id = 1');
  await expect(openWorld({ root })).rejects.toMatchObject({ code: 'corrupt' });
  set('application_id = 0x43544b56');
  set('user_version = 2');
  // The meta row, which has a checksum, says that it is of this version.
  await expect(openWorld({ root })).rejects.toMatchObject({ code: 'corrupt' });
  set('user_version = 1');
  await (await openWorld({ root })).close();
});

test('a kept file still reads', async () => {
  mkdirSync(join(root, directory), { recursive: true });
  copyFileSync(fixture, file());
  const world = await open();
  expect(world.store.positions).toEqual({
    replayFrom: 2,
    versions: { [origins[0]]: 2 },
    hlcMax: 1002,
    gcVersions: {},
  });
  expect(await world.list('bücher')).toEqual(['a=1', 'c=3']);
  expect(await world.get('bücher', ['b'])).toEqual([undefined]);
  expect(await world.store.verify(never)).toEqual([]);
});

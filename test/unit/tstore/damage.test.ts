/**
 * Goal: a flipped byte anywhere in a SQLite file of a store never gives a wrong answer: the answer is right,
 * or an error names the file.
 *
 * Method: a store with several files is made once; for each flip its directory is copied, one byte is
 * changed, and everything is opened, read, verified and written to again.
 */

import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import {
  deleteFrame,
  openWorld,
  type Point,
  pointsFrame,
  rawPlan,
  readRows,
  readSchema,
  type World,
} from './store-world.ts';

const day = 86_400_000_000_000n;
const start = 1_600_000_000_000_000_000n;
const flipsPerFile = 40;
/** Bytes of SQLite's header that mean something: versions, sizes, schema, identity. */
const headerPlaces = [
  0, 16, 17, 18, 19, 20, 21, 24, 28, 31, 40, 44, 47, 52, 56, 59, 60, 63, 68, 71, 92, 96,
];
const plan = rawPlan('cpu', [
  ['v', 'float'],
  ['s', 'string'],
]);
let origin: string;
let rows: readonly string[];
let series: readonly string[];

function point(host: number, at: number): Point {
  return {
    name: { measurement: 'cpu', tags: [['host', `h${host}`]] },
    time: start + (BigInt(at) * day) / 10n,
    fields: {
      v: { type: 'float', value: host * 1000 + at },
      s: { type: 'string', value: `text ${at % 7}` },
    },
  };
}

beforeAll(async () => {
  origin = makeTempDir('damage');
  const world = await openWorld({ root: origin });
  for (let round = 0; round < 4; round++) {
    const points: Point[] = [];
    for (let host = 0; host < 30; host++) {
      for (let i = 0; i < 30; i++) points.push(point(host, round * 25 + i));
    }
    world.apply(pointsFrame(points));
    if (round === 2) world.apply(deleteFrame({ range: { min: start, max: start + day } }));
    await world.flush();
  }
  await world.store.compactStep(world.hlc, new AbortController().signal);
  rows = await readRows([world.store], plan);
  series = await readSchema([world.store], { ask: { kind: 'series' } });
  await world.close();
});

afterAll(() => removeTempDir(origin));

function databaseFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.db'))
    .sort();
}

function nextRandom(state: { seed: number }): number {
  state.seed = (Math.imul(state.seed, 1_664_525) + 1_013_904_223) >>> 0;
  return state.seed / 4294967296;
}

/** The error must be one that says what is damaged. */
function checkError(error: unknown, file: string): void {
  expect(error).toBeInstanceOf(CitadelError);
  const { code, message } = error as CitadelError;
  expect(`${code}: ${message}`).toContain('corrupt: ');
  expect(message).toContain(file);
}

async function readAll(world: World, file: string): Promise<'right' | 'refused'> {
  try {
    expect(await readRows([world.store], plan)).toEqual(rows);
    expect(await readSchema([world.store], { ask: { kind: 'series' } })).toEqual(series);
    return 'right';
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
    checkError(error, file);
    return 'refused';
  }
}

/** New rows find a home even when the file for their time is damaged; old ones stay right or refused. */
async function writeMore(world: World): Promise<void> {
  world.hlc = 2000;
  world.apply(pointsFrame([point(99, 3), point(1, 5)]));
  await world.flush();
  const { signal } = new AbortController();
  for (let i = 0; i < 4; i++) await world.store.compactStep(world.hlc, signal);
  const late = rawPlan('cpu', [['v', 'float']], {
    where: {
      kind: 'binary',
      op: '=',
      left: { kind: 'tag', name: 'host' },
      right: { kind: 'string', value: 'h99' },
    },
  });
  const found = await readRows([world.store], late).catch((error: unknown) => {
    checkError(error, '.db');
    return undefined;
  });
  if (found !== undefined) expect(found).toHaveLength(1);
}

async function tryFlip(file: string, offset: number, write: boolean): Promise<'right' | 'refused'> {
  const copy = makeTempDir('flip');
  try {
    cpSync(origin, copy, { recursive: true });
    const bytes = readFileSync(join(copy, file));
    bytes[offset]! ^= 1 << (offset % 8);
    writeFileSync(join(copy, file), bytes);
    let world: World;
    try {
      world = await openWorld({ root: copy });
    } catch (error) {
      checkError(error, file);
      return 'refused';
    }
    try {
      const before = await readAll(world, file);
      const faults = await world.store.verify(new AbortController().signal);
      if (before === 'refused') {
        expect([...faults, ...world.store.status.faults].join()).toContain(file);
      }
      if (write) await writeMore(world);
      return before;
    } finally {
      await world.close();
    }
  } finally {
    removeTempDir(copy);
  }
}

test('a flipped byte is harmless or named, never a wrong answer', {
  timeout: 180_000,
}, async () => {
  const state = { seed: 42 };
  let refused = 0;
  for (const file of databaseFiles(origin)) {
    const { length } = readFileSync(join(origin, file));
    for (let i = 0; i < flipsPerFile; i++) {
      const offset = headerPlaces[i] ?? Math.floor(nextRandom(state) * length);
      if ((await tryFlip(file, offset, i % 4 === 0)) === 'refused') refused++;
    }
  }
  expect(refused).toBeGreaterThan(0);
});

test('a file brought back from the past is set aside', async () => {
  const copy = makeTempDir('past');
  cpSync(origin, copy, { recursive: true });
  const world = await openWorld({ root: copy });
  world.hlc = 2000;
  world.apply(pointsFrame([point(1, 1)]));
  await world.flush();
  await world.close();
  const [changed] = databaseFiles(copy).filter((file) => {
    if (file.includes('catalog')) return false;
    return !readFileSync(join(copy, file)).equals(readFileSync(join(origin, file)));
  });
  cpSync(join(origin, changed!), join(copy, changed!));
  const again = await openWorld({ root: copy });
  expect(again.store.status.faults.join()).toContain('it is older than the catalog says');
  await expect(readRows([again.store], plan)).rejects.toThrow('it is older than the catalog says');
  await again.close();
  removeTempDir(copy);
});

test('a missing catalog is a loss, not a new store', async () => {
  const copy = makeTempDir('lost');
  cpSync(origin, copy, { recursive: true, filter: (name) => !name.includes('catalog.db') });
  await expect(openWorld({ root: copy })).rejects.toThrow('it is missing');
  removeTempDir(copy);
});

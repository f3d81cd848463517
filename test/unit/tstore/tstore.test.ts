/** The store as a whole: what is written can be read, before and after a flush, and after a new start. */

import { afterEach, beforeEach, expect, test } from 'vitest';
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

const hour = 3_600_000_000_000n;
const start = 1_600_000_000_000_000_000n;
let root: string;
let world: World;

beforeEach(async () => {
  root = makeTempDir('tstore');
  world = await openWorld({ root });
});

afterEach(async () => {
  await world.close();
  removeTempDir(root);
});

async function reopen(): Promise<void> {
  await world.close();
  world = await openWorld({ root });
}

function point(host: string, at: number, value: number): Point {
  return {
    name: { measurement: 'cpu', tags: [['host', host]] },
    time: start + BigInt(at) * hour,
    fields: { v: { type: 'float', value } },
  };
}

const plan = rawPlan('cpu', [['v', 'float']]);
const row = (host: string, at: number, value: number) =>
  `cpu,host=${host} ${start + BigInt(at) * hour} ${value}`;

test('rows are read from memory, from files and after a new start alike', async () => {
  world.apply(pointsFrame([point('a', 0, 1), point('b', 0, 2), point('a', 400, 3)]));
  const expected = [row('a', 0, 1), row('b', 0, 2), row('a', 400, 3)];
  expect(await readRows([world.store], plan)).toEqual(expected);
  await world.flush();
  expect(await readRows([world.store], plan)).toEqual(expected);
  expect(world.store.memoryBytes).toBe(0);
  await reopen();
  expect(world.store.positions.replayFrom).toBe(1);
  expect(world.store.status.fileCount).toBe(2);
  expect(await readRows([world.store], plan)).toEqual(expected);
  const reversed = [row('a', 400, 3), row('b', 0, 2), row('a', 0, 1)];
  expect(await readRows([world.store], { ...plan, descending: true })).toEqual(reversed);
});

test('the later stamp wins, whatever is in memory and what in files', async () => {
  world.apply(pointsFrame([point('a', 0, 1), point('a', 1, 10)]), { hlc: 5 });
  world.apply(pointsFrame([point('a', 0, 2)]), { hlc: 4 });
  expect(await readRows([world.store], plan)).toEqual([row('a', 0, 1), row('a', 1, 10)]);
  await world.flush(0);
  world.apply(pointsFrame([point('a', 1, 11)]), { hlc: 3 });
  world.apply(pointsFrame([point('a', 0, 7)]), { hlc: 9 });
  expect(await readRows([world.store], plan)).toEqual([row('a', 0, 7), row('a', 1, 10)]);
  await world.flush(0);
  expect(await readRows([world.store], plan)).toEqual([row('a', 0, 7), row('a', 1, 10)]);
});

test('a delete hides older rows only, in memory and in files', async () => {
  world.apply(pointsFrame([point('a', 0, 1), point('b', 0, 2)]));
  await world.flush();
  world.apply(pointsFrame([point('a', 1, 3)]));
  const where = {
    kind: 'binary',
    op: '=',
    left: { kind: 'tag', name: 'host' },
    right: { kind: 'string', value: 'a' },
  } as const;
  world.apply(deleteFrame({ where }));
  world.apply(pointsFrame([point('a', 2, 4)]));
  const expected = [row('b', 0, 2), row('a', 2, 4)];
  expect(await readRows([world.store], plan)).toEqual(expected);
  await world.flush();
  expect(await readRows([world.store], plan)).toEqual(expected);
  await reopen();
  expect(await readRows([world.store], plan)).toEqual(expected);
});

test('schema questions see what has data', async () => {
  world.apply(pointsFrame([point('a', 0, 1), point('b', 0, 2)]));
  const ask = { kind: 'series' } as const;
  expect(await readSchema([world.store], { ask })).toEqual(['cpu cpu,host=a', 'cpu cpu,host=b']);
  await world.flush();
  const tags = { kind: 'tag-values', keys: ['host'] } as const;
  expect(await readSchema([world.store], { ask: tags })).toEqual(['cpu host a', 'cpu host b']);
  expect(await readSchema([world.store], { ask: { kind: 'fields' } })).toEqual(['cpu v float']);
  world.apply(deleteFrame({ measurements: ['cpu'] }));
  expect(await readSchema([world.store], { ask })).toEqual([]);
  expect(await readSchema([world.store], { ask: { kind: 'fields' } })).toEqual([]);
  expect(await readSchema([world.store], { ask: { kind: 'measurements' } })).toEqual([]);
});

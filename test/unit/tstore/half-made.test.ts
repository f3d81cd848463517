/**
 * Goal: a process that ends while a database file is being made leaves nothing that looks like damage.
 *
 * Method: the write job that would make the file leaves it as a kill can leave it (empty, with SQLite's header
 * only, with its tables but no row) and fails; then the store is opened again and replayed.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { Database } from '../../../src/sqlite/driver.ts';
import type { WriteJob } from '../../../src/sqlite/job.ts';
import type { SqliteWriter } from '../../../src/sqlite/sqlite.ts';
import { openForWriting } from '../../../src/sqlite/write-handle.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import { openWorld, pointsFrame, rawPlan, readRows } from './store-world.ts';

const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) removeTempDir(root);
});

const stages: Record<string, (root: string, job: WriteJob) => void> = {
  'an empty file': (root, { file }) => writeFileSync(join(root, file), ''),
  'a header only': (root, { file, schema }) => {
    const database = new Database(join(root, file));
    database.pragma(`page_size = ${schema.pageSize}`);
    database.pragma('journal_mode = WAL');
    database.close();
  },
  'tables without rows': (root, { file, schema }) => {
    openForWriting(root, file, schema).database.close();
  },
};

/** Leaves the file of the first matching job at the stage, and refuses all from there on. */
function cutShort(
  real: SqliteWriter,
  root: string,
  matches: (file: string) => boolean,
  leave: (root: string, job: WriteJob) => void,
): SqliteWriter {
  let isDead = false;
  return {
    run: async (job) => {
      if (!isDead && job.kind === 'write' && matches(job.file)) {
        isDead = true;
        mkdirSync(dirname(join(root, job.file)), { recursive: true });
        leave(root, job);
      }
      if (isDead) throw new CitadelError('unavailable', 'killed');
      await real.run(job);
    },
    close: () => real.close(),
  };
}

const frame = () =>
  pointsFrame([
    {
      name: { measurement: 'cpu', tags: [['host', 'a']] },
      time: 1_600_000_000_000_000_000n,
      fields: { v: { type: 'float', value: 1.5 } },
    },
  ]);
const plan = rawPlan('cpu', [['v', 'float']]);

for (const [stage, leave] of Object.entries(stages)) {
  test(`a partition file left as ${stage} is made again`, async () => {
    const root = makeTempDir('half-made');
    roots.push(root);
    const isPartition = (file: string) => !file.endsWith('catalog.db');
    const wrapWriter = (real: SqliteWriter) => cutShort(real, root, isPartition, leave);
    const killed = await openWorld({ root, wrapWriter });
    killed.apply(frame());
    await expect(killed.flush()).rejects.toThrow('killed');
    await killed.close();

    const world = await openWorld({ root });
    expect(world.store.status.faults).toEqual([]);
    world.apply(frame(), { lsn: 1 });
    const rows = await readRows([world.store], plan);
    expect(rows).toHaveLength(1);
    await world.flush();
    expect(await readRows([world.store], plan)).toEqual(rows);
    await world.close();

    const again = await openWorld({ root });
    expect(again.store.status.faults).toEqual([]);
    expect(await readRows([again.store], plan)).toEqual(rows);
    await again.close();
  });

  test(`the catalog of a new shard left as ${stage} is made again`, async () => {
    const root = makeTempDir('half-made');
    roots.push(root);
    const wrapWriter = (real: SqliteWriter) => cutShort(real, root, () => true, leave);
    await expect(openWorld({ root, wrapWriter })).rejects.toThrow('killed');
    const world = await openWorld({ root });
    world.apply(frame());
    await world.flush();
    expect(await readRows([world.store], plan)).toHaveLength(1);
    await world.close();
  });
}

test('what a flush that was cut has saved is counted, so that no new entry gets its lsn', async () => {
  const root = makeTempDir('half-made');
  roots.push(root);
  let isSaved = false;
  const isPositions = (file: string) => {
    const isCatalog = file.endsWith('catalog.db');
    isSaved ||= !isCatalog;
    return isCatalog && isSaved;
  };
  const wrapWriter = (real: SqliteWriter) => cutShort(real, root, isPositions, () => undefined);
  const killed = await openWorld({ root, wrapWriter });
  killed.apply(frame());
  await expect(killed.flush()).rejects.toThrow('killed');
  await killed.close();

  const world = await openWorld({ root });
  expect(world.store.positions.replayFrom).toBe(0);
  expect(world.store.endReplay()).toBe(1);
  await world.flush();
  expect(world.store.positions.replayFrom).toBe(1);
  await world.close();
});

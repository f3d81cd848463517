/** Damage to the metadata file is found, whatever byte it hits, and a full disk leaves the store usable. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { openEmbeddedMetaStore } from '../../../../src/metadata/embedded/embedded-meta-store.ts';
import type { MetaJournal } from '../../../../src/metadata/embedded/meta-journal.ts';
import { createSqliteJournal } from '../../../../src/metadata/embedded/sqlite-journal.ts';
import { Database } from '../../../../src/sqlite/driver.ts';
import { createInThreadWriter } from '../../../../src/sqlite/in-thread-writer.ts';
import type { SqliteJob } from '../../../../src/sqlite/job.ts';
import { createReaderPool } from '../../../../src/sqlite/reader-pool.ts';
import type { SqliteWriter } from '../../../../src/sqlite/sqlite.ts';
import { createCountingRng, createManualTimers } from '../../../support/manual-timers.ts';
import { makeTempDir, removeTempDir } from '../../../support/temp-dir.ts';

const file = 'metadata.sqlite';
const world = { timers: createManualTimers(), rng: createCountingRng() };
let root: string;

beforeEach(() => {
  root = makeTempDir('journal');
});

afterEach(() => removeTempDir(root));

function makeJournal(wrap = (writer: SqliteWriter) => writer): MetaJournal {
  const writer = wrap(createInThreadWriter(root));
  return createSqliteJournal({ file, writer, readers: createReaderPool(root, 1) });
}

function put(key: string, value: string) {
  return { compare: [], onSuccess: [{ kind: 'put', key, value } as const] };
}

async function fill(): Promise<void> {
  const store = await openEmbeddedMetaStore(world, makeJournal());
  for (let i = 0; i < 40; i++) await store.transaction(put(`key/${i}`, `value ${i}`));
  await store.grantLease(1_000);
  await store.close();
  const database = new Database(join(root, file));
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
}

async function readBack(): Promise<string> {
  const journal = makeJournal();
  try {
    return JSON.stringify(await journal.load());
  } finally {
    await journal.close();
  }
}

describe('damage', () => {
  test('a flipped byte anywhere changes nothing or is reported, naming the file', async () => {
    await fill();
    const good = await readBack();
    const path = join(root, file);
    const bytes = readFileSync(path);
    let reported = 0;
    for (let at = 0; at < bytes.length; at += 37) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x10;
      writeFileSync(path, damaged);
      try {
        expect(await readBack(), `byte ${at}`).toBe(good);
      } catch (error) {
        if (!(error instanceof CitadelError)) throw error;
        expect(error.message).toContain(file);
        reported++;
      }
    }
    expect(reported).toBeGreaterThan(20);
  });

  test.each([
    ['a missing record', "DELETE FROM records WHERE key = 'key/7'"],
    ['a missing lease', 'DELETE FROM leases'],
    ['a missing state', 'DELETE FROM state'],
    ['a changed value', "UPDATE records SET value = 'other' WHERE key = 'key/7'"],
    ['an old state', 'UPDATE state SET revision = revision - 1'],
  ])('%s is reported', async (_, sql) => {
    await fill();
    const database = new Database(join(root, file));
    database.exec(sql);
    database.close();
    await expect(readBack()).rejects.toMatchObject({ code: 'corrupt' });
  });

  test('a format of another release is refused by its number', async () => {
    await fill();
    const database = new Database(join(root, file));
    database.pragma('user_version = 9');
    database.close();
    await expect(readBack()).rejects.toMatchObject({
      code: 'unsupported-version',
      message: expect.stringContaining('format 9'),
    });
  });
});

describe('failures of the disk', () => {
  function failing(code: 'disk-full' | 'unavailable', isFailing: () => boolean) {
    return (writer: SqliteWriter): SqliteWriter => ({
      run: (job: SqliteJob) =>
        isFailing() ? Promise.reject(new CitadelError(code, 'no')) : writer.run(job),
      close: () => writer.close(),
    });
  }

  test('a full disk refuses a change; later ones and the file are right', async () => {
    let isFull = false;
    const journal = makeJournal(failing('disk-full', () => isFull));
    const store = await openEmbeddedMetaStore(world, journal);
    await store.transaction(put('a', '1'));
    isFull = true;
    await expect(store.transaction(put('a', '2'))).rejects.toMatchObject({ code: 'disk-full' });
    await expect(store.transaction(put('b', '2'))).rejects.toMatchObject({ code: 'disk-full' });
    isFull = false;
    await store.transaction(put('c', '3'));
    const before = await store.range('');
    expect(before.records.map(({ key, value }) => key + value)).toEqual(['a1', 'c3']);
    await store.close();
    const again = await openEmbeddedMetaStore(world, makeJournal());
    expect(await again.range('')).toEqual(before);
    await again.close();
  });

  test('after a change of unknown fate nothing is answered any more', async () => {
    let isFailing = false;
    const journal = makeJournal(failing('unavailable', () => isFailing));
    const store = await openEmbeddedMetaStore(world, journal);
    await store.transaction(put('a', '1'));
    isFailing = true;
    await expect(store.transaction(put('a', '2'))).rejects.toMatchObject({ code: 'unavailable' });
    isFailing = false;
    await expect(store.get('a')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.transaction(put('a', '3'))).rejects.toMatchObject({ code: 'unavailable' });
    await store.close();
  });
});

/** The trash keeps what retired for a while, and only then lets it go, whole. */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { moveToTrash, purgeRetired } from '../../../src/datanode/retired-replicas.ts';
import { openNodeDisk } from '../../../src/env/node/node-disk.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';

const root = makeTempDir('trash');
afterAll(() => removeTempDir(root));

test('a directory with all below it goes to the trash, stays a while, and is removed', async () => {
  const disk = openNodeDisk(root);
  expect(await purgeRetired(disk, 5_000)).toBe(0);
  for (const name of ['shard-0001-aa', 'kshard-0002-bb']) {
    mkdirSync(`${root}/${name}/parts/deep`, { recursive: true });
    writeFileSync(`${root}/${name}/replica.json`, '{}');
    writeFileSync(`${root}/${name}/parts/deep/1.db`, 'x');
  }
  expect(await moveToTrash(disk, 'shard-0001-aa', 1_000.7)).toBe('trash/1000-shard-0001-aa');
  await moveToTrash(disk, 'kshard-0002-bb', 2_000);
  writeFileSync(`${root}/trash/other`, 'not ours');
  expect(readdirSync(root)).toEqual(['trash']);
  expect(await purgeRetired(disk, 999)).toBe(0);
  expect(await purgeRetired(disk, 1_000)).toBe(1);
  expect(readdirSync(`${root}/trash`)).toEqual(['2000-kshard-0002-bb', 'other']);
  expect(await purgeRetired(disk, 2_000)).toBe(1);
  expect(readdirSync(`${root}/trash`)).toEqual(['other']);
});

/** The data directory: who may use it, and what is refused in one clear line. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type DataDirectory, openDataDirectory } from '../../../src/datanode/data-directory.ts';
import { createNodeEnv } from '../../../src/env/node/node-env.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const env = createNodeEnv({ logLevel: 'error', logFormat: 'json' });
const opened: DataDirectory[] = [];

async function open(path: string, options: { uuid?: string; shardCount?: number } = {}) {
  const { uuid = '', shardCount } = options;
  const directory = await openDataDirectory(env, { path, uuid, shardCount });
  opened.push(directory);
  return directory;
}

afterEach(async () => {
  for (const directory of opened.splice(0)) await directory.close();
});

test('a new directory gets an identity, which stays', async () => {
  const path = join(makeTempDir(), 'a', 'b');
  const first = await open(path);
  expect(first.isNew).toBe(true);
  expect(first.identity.shardCount).toBe(16);
  expect(first.identity.uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  await first.close();
  const second = await open(path, { shardCount: 16 });
  expect(second.isNew).toBe(false);
  expect(second.identity).toEqual(first.identity);
});

test('a directory in use is refused, naming the process', async () => {
  const path = makeTempDir();
  await open(path);
  await expect(open(path)).rejects.toMatchObject({
    code: 'locked',
    message: `data directory ${path} is in use by process ${process.pid}`,
  });
});

test('another shard count or node id than recorded is refused', async () => {
  const path = makeTempDir();
  const first = await open(path, { shardCount: 4 });
  await first.close();
  await expect(open(path, { shardCount: 8 })).rejects.toMatchObject({
    code: 'conflict',
    message: `cannot use 8 shards: data directory ${path} was made with 4, which is fixed for life`,
  });
  await expect(open(path, { uuid: 'other' })).rejects.toMatchObject({ code: 'conflict' });
  expect((await open(path)).identity.shardCount).toBe(4);
});

test('an unknown format version, a damaged identity and a foreign directory are refused', async () => {
  const path = makeTempDir();
  await (await open(path)).close();
  const file = join(path, 'citadel.json');
  const text = readFileSync(file, 'utf8');

  writeFileSync(file, text.replace('"formatVersion": 1', '"formatVersion": 9'));
  await expect(open(path)).rejects.toMatchObject({
    code: 'unsupported-version',
    message: expect.stringContaining('format version is 9'),
  });
  writeFileSync(file, text.replace('"shardCount": 16', '"shardCount": 32'));
  await expect(open(path)).rejects.toMatchObject({ code: 'corrupt' });
  writeFileSync(file, text.slice(0, 40));
  await expect(open(path)).rejects.toMatchObject({ code: 'corrupt' });

  const foreign = makeTempDir();
  writeFileSync(join(foreign, 'photo.jpg'), '');
  await expect(open(foreign)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('photo.jpg'),
  });
});

test('a path that is a file is refused', async () => {
  const path = join(makeTempDir(), 'file');
  writeFileSync(path, 'x');
  await expect(open(path)).rejects.toMatchObject({ message: expect.stringContaining(path) });
});

/** What a replica promised survives damage to one of its two files, and is never guessed when both are damaged. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  loadReplicaFacts,
  saveReplicaFacts,
} from '../../../../src/datanode/worker/replica-file.ts';
import type { Disk } from '../../../../src/env/env.ts';
import { openNodeDisk } from '../../../../src/env/node/node-disk.ts';
import { makeTempDir, removeTempDir } from '../../../support/temp-dir.ts';

const directory = 'shard-0001-0123456789abcdef';
const names = ['replica.json', 'replica-copy.json'] as const;
const facts = { generation: 3, promised: 41, isEmpty: false };
let root: string;
let disk: Disk;

beforeAll(async () => {
  root = makeTempDir('replica-file');
  disk = openNodeDisk(root);
  await disk.makeDirectory(directory);
});
afterAll(() => removeTempDir(root));

function pathOf(name: string): string {
  return `${root}/${directory}/${name}`;
}

function flip(name: string, at: number, bit: number): void {
  const bytes = readFileSync(pathOf(name));
  bytes[at % bytes.length]! ^= 1 << bit;
  writeFileSync(pathOf(name), bytes);
}

const flips = fc.record({
  name: fc.constantFrom(...names),
  at: fc.integer({ min: 0, max: 10_000 }),
  bit: fc.integer({ min: 0, max: 7 }),
});

test('one flipped bit anywhere in either file loses nothing', async () => {
  const property = fc.asyncProperty(flips, async ({ name, at, bit }) => {
    await saveReplicaFacts(disk, directory, facts);
    flip(name, at, bit);
    expect((await loadReplicaFacts(disk, directory))?.facts).toEqual(facts);
  });
  await fc.assert(property, { numRuns: 300 });
});

test('a file that is missing, or behind the other, is told; the higher promise counts', async () => {
  await saveReplicaFacts(disk, directory, facts);
  expect(await loadReplicaFacts(disk, directory)).toEqual({ facts, isHalf: false });
  for (const name of names) {
    await saveReplicaFacts(disk, directory, { ...facts, promised: 40, isEmpty: true });
    const old = readFileSync(pathOf(name));
    await saveReplicaFacts(disk, directory, facts);
    writeFileSync(pathOf(name), old);
    expect(await loadReplicaFacts(disk, directory)).toEqual({ facts, isHalf: true });
    rmSync(pathOf(name));
    expect(await loadReplicaFacts(disk, directory)).toEqual({ facts, isHalf: true });
  }
});

test('with both damaged nothing is guessed; with neither there was none', async () => {
  await saveReplicaFacts(disk, directory, facts);
  for (const name of names) writeFileSync(pathOf(name), '{"version":1}');
  await expect(loadReplicaFacts(disk, directory)).rejects.toMatchObject({ code: 'corrupt' });
  for (const name of names) writeFileSync(pathOf(name), '{"version":2}');
  const later = { code: 'unsupported-version' };
  await expect(loadReplicaFacts(disk, directory)).rejects.toMatchObject(later);
  for (const name of names) rmSync(pathOf(name));
  expect(await loadReplicaFacts(disk, directory)).toBeUndefined();
});

/**
 * Goal: snapshots of version 1 stay readable, and a store that answers like the one they are of still gives the
 * same bytes. The kept one was taken of the kept store files, with a delete and a frame in memory.
 */

import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makeTempDir, removeTempDir } from '../../../support/temp-dir.ts';
import {
  db,
  deleteFrame,
  openWorld,
  pointsFrame,
  rawPlan,
  readRows,
  rp,
  type World,
} from '../store-world.ts';
import { cpuPoint, digestOf, mergePieces, second, start, takePieces } from './snapshot-world.ts';

const fixtures = fileURLToPath(new URL('../../../fixtures/formats/', import.meta.url));
const file = join(fixtures, 'tstore-snapshot-v1.bin');
const facts = {
  versions: { '1111111111111111': 6, '2222222222222222': 1 },
  gcVersions: { '1111111111111111': 2 },
  hlcMax: 3000,
};

function readKept(): Uint8Array[] {
  const bytes = readFileSync(file);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at);
    pieces.push(bytes.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return pieces;
}

async function openSource(root: string): Promise<World> {
  const folder = join(root, 'shard-0000', '0', db, rp);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(fixtures, 'tstore-catalog-v1.db'), join(root, 'shard-0000', 'catalog.db'));
  const partition = '1599436800000000000-1600041600000000000-1.db';
  copyFileSync(join(fixtures, 'tstore-partition-v1.db'), join(folder, partition));
  const world = await openWorld({ root });
  world.hlc = 2000;
  world.apply(deleteFrame({ range: { min: start, max: start + second } }), {
    origin: '2222222222222222',
  });
  world.apply(pointsFrame([cpuPoint('c', start, { v: 1.5, text: 'late' })]));
  return world;
}

test('a kept snapshot is merged, and taken again byte by byte', async () => {
  const roots = [makeTempDir('kept'), makeTempDir('kept')];
  const source = await openSource(roots[0]!);
  const pieces = await takePieces(source.store, facts);
  const taken = pieces.flatMap((piece) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(piece.length);
    return [size, piece];
  });
  expect(Buffer.concat(taken).equals(readFileSync(file))).toBe(true);

  const target = await openWorld({ root: roots[1]! });
  expect(await mergePieces(target.store, readKept())).toEqual(facts);
  const plan = rawPlan('cpu', [
    ['v', 'float'],
    ['text', 'string'],
  ]);
  const rows = await readRows([target.store], plan);
  expect(rows.filter((row) => row.startsWith('cpu,host=c'))).toEqual([
    `cpu,host=c ${start} 1.5 late`,
  ]);
  expect(rows.filter((row) => row.startsWith('cpu,host=a'))).toHaveLength(36);
  expect(await digestOf(target.store)).toBe(await digestOf(source.store));
  for (const world of [source, target]) await world.close();
  for (const root of roots) removeTempDir(root);
});

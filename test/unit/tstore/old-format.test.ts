/**
 * Files that release 0.1 wrote stay readable: the kept ones are opened, read, written to and compacted.
 * They are never made anew; a change of format keeps them and adds others.
 */

import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import { db, openWorld, pointsFrame, rawPlan, readRows, rp } from './store-world.ts';

const fixtures = fileURLToPath(new URL('../../fixtures/formats/', import.meta.url));
const second = 1_000_000_000n;
const start = 1_600_000_000n * second;
const plan = rawPlan('cpu', [
  ['v', 'float'],
  ['v', 'integer'],
  ['v', 'unsigned'],
  ['v', 'boolean'],
  ['text', 'string'],
]);

function expectedRows(): string[] {
  const rows: string[] = [];
  for (let i = 0; i < 40; i++) {
    const time = start + BigInt(i) * second;
    // Written: i / 4; then 5 to 7 were deleted; then 3 and 6 were written again.
    const value = i === 3 ? -1 : i === 6 ? -2 : i / 4;
    if (i !== 5 && i !== 7) rows.push(`cpu,host=a ${time} ${value} - - - t${i}`);
    if (i === 0) rows.push(`cpu,host=b ${time} - 1i - - t0`);
    if (i === 1) rows.push(`cpu,host=b ${time} - 1152921504606846976i - - t1`);
    if (i === 2) rows.push(`cpu,host=b ${time} - - - true t2`);
    if (i === 3) rows.push(`cpu,host=b ${time} - - 18446744073709551615i - t3`);
  }
  return rows;
}

test('files of version 1 are read, written and compacted', async () => {
  const root = makeTempDir('old');
  const folder = join(root, 'shard-0000', '0', db, rp);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(fixtures, 'tstore-catalog-v1.db'), join(root, 'shard-0000', 'catalog.db'));
  const partition = '1599436800000000000-1600041600000000000-1.db';
  copyFileSync(join(fixtures, 'tstore-partition-v1.db'), join(folder, partition));
  const world = await openWorld({ root });
  expect(world.store.positions).toEqual({
    replayFrom: 4,
    versions: {},
    hlcMax: 1004,
    gcVersions: {},
  });
  expect(await readRows([world.store], plan)).toEqual(expectedRows());
  world.hlc = 2000;
  const name = { measurement: 'cpu', tags: [] };
  world.apply(pointsFrame([{ name, time: start, fields: { v: { type: 'float', value: 7 } } }]));
  await world.flush();
  const { signal } = new AbortController();
  while (await world.store.compactStep(world.hlc, signal));
  const rows = [`cpu ${start} 7 - - - -`, ...expectedRows()];
  expect(await readRows([world.store], plan)).toEqual(rows);
  expect(await world.store.verify(signal)).toEqual([]);
  await world.close();
  removeTempDir(root);
});

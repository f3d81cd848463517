/** The real disk: what it stores, and how it fails. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openNodeDisk } from '../../../../src/env/node/node-disk.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

test('appends all parts in order, however many and whatever their size', async () => {
  const disk = openNodeDisk(makeTempDir());
  const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 1500, size: 'max' });
  let round = 0;
  await fc.assert(
    fc.asyncProperty(parts, async (some) => {
      const path = `f${round++}`;
      const file = await disk.open(path, 'create');
      await file.append(some);
      await file.append([new Uint8Array([7])]);
      await file.datasync();
      const whole = Buffer.concat([...some, new Uint8Array([7])]);
      expect(await file.size()).toBe(whole.length);
      expect(Buffer.from(await file.read(0, whole.length + 10)).equals(whole)).toBe(true);
      await file.close();
      expect(Buffer.from(await disk.readAll(path)).equals(whole)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('reads a range, truncates, appends behind what is there', async () => {
  const disk = openNodeDisk(makeTempDir());
  const file = await disk.open('a', 'create');
  await file.append([Uint8Array.of(1, 2, 3, 4)]);
  await file.truncate(3);
  await file.close();
  const again = await disk.open('a', 'append');
  await again.append([Uint8Array.of(9)]);
  expect([...(await again.read(1, 2))]).toEqual([2, 3]);
  expect([...(await again.read(2, 10))]).toEqual([3, 9]);
  await again.close();
});

test('writes atomically and leaves no temporary file', async () => {
  const root = makeTempDir();
  const disk = openNodeDisk(root);
  await disk.makeDirectory('x/y');
  await disk.writeAtomic('x/y/f', Uint8Array.of(1));
  await disk.writeAtomic('x/y/f', Uint8Array.of(2));
  expect([...readFileSync(join(root, 'x/y/f'))]).toEqual([2]);
  expect(await disk.list('x/y')).toEqual(['f']);
  await disk.rename('x/y/f', 'x/g');
  expect(await disk.list('x')).toEqual(['g', 'y']);
  await disk.remove('x/g');
  expect(existsSync(join(root, 'x/g'))).toBe(false);
});

test('failures say what could not be done to which file', async () => {
  const root = makeTempDir();
  const disk = openNodeDisk(root);
  writeFileSync(join(root, 'there'), '');
  await expect(disk.open('missing', 'append')).rejects.toMatchObject({ code: 'not-found' });
  await expect(disk.open('missing', 'read')).rejects.toMatchObject({ code: 'not-found' });
  await expect(disk.readAll('missing')).rejects.toMatchObject({
    code: 'not-found',
    message: expect.stringContaining('missing'),
  });
  await expect(disk.open('there', 'create')).rejects.toMatchObject({ code: 'already-exists' });
  await expect(disk.open('../outside', 'read')).rejects.toThrow('inside its disk');
  expect(await disk.freeBytes()).toBeGreaterThan(0);
});

// /dev/full answers every write with ENOSPC.
test.runIf(existsSync('/dev/full'))('lack of room is disk-full', async () => {
  const file = await openNodeDisk('/dev').open('full', 'append');
  await expect(file.append([new Uint8Array(10)])).rejects.toMatchObject({ code: 'disk-full' });
  await file.close();
});

/** The trash of the data directory: `trash/<wall ms when moved>-<directory of a replica that retired>`. */

import { CitadelError } from '../base/errors.ts';
import type { Disk } from '../env/env.ts';

const retiredName = /^(\d+)-k?shard-/;

/** The directory leaves its place at once and durably. Nobody may have a file of it open. */
export async function moveToTrash(disk: Disk, directory: string, wallMs: number): Promise<string> {
  await disk.makeDirectory('trash');
  const place = `trash/${Math.floor(wallMs)}-${directory}`;
  await disk.rename(directory, place);
  await disk.syncDirectory('.');
  return place;
}

/** Names in a directory; undefined = it is a file. */
async function namesIn(disk: Disk, path: string): Promise<string[] | undefined> {
  try {
    return await disk.list(path);
  } catch (error) {
    if (error instanceof CitadelError) return undefined;
    throw error;
  }
}

async function removeTree(disk: Disk, path: string): Promise<void> {
  for (const name of (await namesIn(disk, path)) ?? []) await removeTree(disk, `${path}/${name}`);
  await disk.remove(path);
}

/** Removes what was moved there at or before a wall time, ms. Resolves with how many replicas. */
export async function purgeRetired(disk: Disk, movedBeforeMs: number): Promise<number> {
  let count = 0;
  for (const name of (await namesIn(disk, 'trash')) ?? []) {
    const match = retiredName.exec(name);
    if (match === null || Number(match[1]) > movedBeforeMs) continue;
    await removeTree(disk, `trash/${name}`);
    count++;
  }
  return count;
}

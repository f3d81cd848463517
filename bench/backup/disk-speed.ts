/** What the disk does by itself: files read and written again, synced at the end. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const partSize = 1024 * 1024;
const fileSizeMin = 1024 * 1024;

export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

export function sizeOf(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + statSync(path).size, 0);
}

/** So that they are read from the disk, not from memory; without `dd` they stay. */
export function dropFromCache(paths: readonly string[]): void {
  for (const path of paths) {
    spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'], { stdio: 'ignore' });
  }
}

/** Bytes per second of copying at most `bytesMax` of the files of `from` into `to`, which is removed afterwards. */
export async function measureCopy(from: string, to: string, bytesMax: number): Promise<number> {
  const paths = listFiles(from).filter(
    (path) => statSync(path).size >= fileSizeMin && !path.endsWith('ballast'),
  );
  dropFromCache(paths);
  mkdirSync(to, { recursive: true });
  const part = Buffer.allocUnsafe(partSize);
  const target = await open(join(to, 'copy'), 'w');
  let bytes = 0;
  const startMs = performance.now();
  for (const path of paths) {
    if (bytes >= bytesMax) break;
    const source = await open(path, 'r');
    for (;;) {
      const { bytesRead } = await source.read(part, 0, partSize);
      if (bytesRead === 0) break;
      await target.writeFile(part.subarray(0, bytesRead));
      bytes += bytesRead;
    }
    await source.close();
  }
  await target.sync();
  const seconds = (performance.now() - startMs) / 1000;
  await target.close();
  rmSync(to, { recursive: true });
  return bytes / seconds;
}

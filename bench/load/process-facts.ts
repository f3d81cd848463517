/** Memory and disk of a running server, from the operating system. */

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const blockSize = 512;

export interface MemoryFacts {
  readonly residentBytes: number;
  readonly peakBytes: number;
}

export function readMemory(pid: number): MemoryFacts {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
    return Number(found?.[1] ?? 0) * 1024;
  };
  return { residentBytes: read('VmRSS'), peakBytes: read('VmHWM') };
}

/** Seconds of CPU used so far, user and system. */
export function readCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export interface DiskFacts {
  /** Blocks that the file system gave. */
  readonly allocatedBytes: number;
  /** Sizes of the files; larger where one has room set aside that was never written. */
  readonly sizeBytes: number;
}

/** All files below a directory; those whose name is in `except` are left out. */
export function readDisk(directory: string, except: readonly string[] = []): DiskFacts {
  let allocatedBytes = 0;
  let sizeBytes = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (except.includes(entry.name)) continue;
    if (entry.isDirectory()) {
      const inside = readDisk(path, except);
      allocatedBytes += inside.allocatedBytes;
      sizeBytes += inside.sizeBytes;
      continue;
    }
    // Gone between listing and looking: no longer on disk.
    const facts = lstatSync(path, { throwIfNoEntry: false });
    allocatedBytes += (facts?.blocks ?? 0) * blockSize;
    sizeBytes += facts?.size ?? 0;
  }
  return { allocatedBytes, sizeBytes };
}

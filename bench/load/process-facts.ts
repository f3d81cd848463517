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

/** Bytes allocated on disk below a directory; files whose name is in `except` are left out. */
export function readDiskBytes(directory: string, except: readonly string[] = []): number {
  let sum = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) sum += readDiskBytes(path, except);
    else if (!except.includes(entry.name)) {
      sum += (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * blockSize;
    }
  }
  return sum;
}

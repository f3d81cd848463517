/** What a process holds of the system, read from /proc: Linux only. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';

export const gaugesWork = existsSync('/proc/self/fd');

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

export function openHandles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

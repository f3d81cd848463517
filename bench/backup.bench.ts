/**
 * A backup of a node that is written to: MB/s beside what the disk does by itself in the same run, and what it costs the
 * writes. Goals: 200 MB/s or the disk's speed, write p99 under twice its normal value.
 *
 * Arguments: [GB, default 1] [dir=FOLDER] [to=FOLDER] [fill] [parallel=N] [--NODE-FLAG of the server, such as --cpu-prof]. FOLDER keeps
 * its data, and is filled up to the size; `fill` does no more than that; `to` is where the backup goes. Node, command and client share the
 * cores. Needs a build.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CitadelProcess, startCitadel } from '../test/support/citadel-process.ts';
import { makeTempDir, removeTempDir } from '../test/support/temp-dir.ts';
import { dropFromCache, listFiles, measureCopy, sizeOf } from './backup/disk-speed.ts';
import { fill } from './backup/fill.ts';
import { PacedWrites, type WriteTimes } from './backup/paced-writes.ts';
import { readCpuSeconds, readMemory } from './load/process-facts.ts';
import { mebibytes, printTable } from './load/table.ts';

const words = process.argv.slice(2);
const gigabytes = Number(words.find((word) => /^[\d.]+$/.test(word)) ?? 1);
const nodeArgs = words.filter((word) => word.startsWith('--'));
const wordOf = (name: string) =>
  words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
const givenFolder = wordOf('dir');
const folder = givenFolder ?? makeTempDir('backup-bench');
const dataDir = join(folder, 'data');
const backupDir = wordOf('to') ?? join(folder, 'backup');
const parallel = wordOf('parallel') ?? '2';
const binary = fileURLToPath(new URL('../bin/citadel', import.meta.url));
const normalMs = 15_000;
const copyBytesMax = 3e9;
const quietSeconds = 0.1;
/** Nothing is added to a folder that has so much of the size. */
const fullShare = 0.9;

/** Flushed and compacted: it does nothing any more. */
async function untilQuiet(server: CitadelProcess): Promise<void> {
  for (let quiet = 0; quiet < 6; ) {
    const before = readCpuSeconds(server.pid);
    await sleep(1_000);
    quiet = readCpuSeconds(server.pid) - before < quietSeconds ? quiet + 1 : 0;
  }
}

interface Run {
  readonly said: string;
  readonly seconds: number;
  /** Of the command, s. */
  readonly cpu: number;
  readonly peakBytes: number;
}

async function runBackup(url: string): Promise<Run> {
  const args = [binary, 'backup', backupDir, '-url', url, '-parallel', parallel];
  const startMs = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let facts = { cpu: 0, peakBytes: 0 };
  const look = setInterval(() => {
    try {
      const { peakBytes } = readMemory(child.pid!);
      facts = { cpu: readCpuSeconds(child.pid!), peakBytes };
    } catch {
      // It has just ended.
    }
  }, 100);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const said = await text(child.stdout);
  const status = await ended;
  clearInterval(look);
  if (status !== 0) throw new Error(`the backup ended with ${status}`);
  return { said, seconds: (performance.now() - startMs) / 1000, ...facts };
}

function at(times: WriteTimes, share: number): number {
  return times.ms[Math.min(times.ms.length - 1, Math.floor(times.ms.length * share))] ?? 0;
}

function latencyRow(what: string, times: WriteTimes): string[] {
  const shown = [0.5, 0.99, 1].map((share) => at(times, share).toFixed(1));
  return [what, String(times.ms.length), ...shown, String(times.refused)];
}

async function measure(server: CitadelProcess): Promise<void> {
  await untilQuiet(server);
  const copyRate = await measureCopy(dataDir, join(folder, 'copy'), copyBytesMax);
  const before = new PacedWrites(server);
  await sleep(normalMs);
  const normal = await before.stop();
  await untilQuiet(server);
  rmSync(backupDir, { recursive: true, force: true });
  dropFromCache(listFiles(dataDir));
  const cpuBefore = readCpuSeconds(server.pid);
  const during = new PacedWrites(server);
  const run = await runBackup(server.url);
  const beside = await during.stop();
  const serverCpu = readCpuSeconds(server.pid) - cpuBefore;
  const bytes = sizeOf(listFiles(backupDir));
  const megabytes = bytes / 1e6;
  process.stdout.write(run.said);
  printTable([
    ['what', 'value'],
    ['the disk: read and write of the same files, synced', `${(copyRate / 1e6).toFixed(0)} MB/s`],
    ['the backup', `${(megabytes / run.seconds).toFixed(0)} MB/s`],
    ['its size', `${megabytes.toFixed(0)} MB in ${run.seconds.toFixed(1)} s`],
    ['CPU of the node, writes included', `${((serverCpu / megabytes) * 1e3).toFixed(2)} ms/MB`],
    ['CPU of the command', `${((run.cpu / megabytes) * 1e3).toFixed(2)} ms/MB`],
    ['memory of the command at most', mebibytes(run.peakBytes)],
    ['memory of the node at most', mebibytes(readMemory(server.pid).peakBytes)],
  ]);
  printTable([
    ['writes of 50 rows, 100 a second', 'count', 'p50 ms', 'p99 ms', 'max ms', 'refused'],
    latencyRow('without a backup', normal),
    latencyRow('beside one', beside),
    [
      'ratio',
      '',
      ...[0.5, 0.99, 1].map((share) => (at(beside, share) / at(normal, share)).toFixed(2)),
      '',
    ],
  ]);
}

const present = existsSync(dataDir) ? sizeOf(listFiles(dataDir)) : 0;
mkdirSync(folder, { recursive: true });
const server = await startCitadel({
  dataDir,
  args: ['-memory', '1GiB', '-log-level', 'error'],
  nodeArgs,
});
try {
  if (present < gigabytes * fullShare * 1e9) await fill(server, gigabytes * 1e9 - present);
  if (words.includes('fill')) await untilQuiet(server);
  else await measure(server);
} finally {
  await server.stop();
  if (givenFolder === undefined) removeTempDir(folder);
}

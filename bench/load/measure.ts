/** One load, one disk reading and timed queries, the same for both servers. */

import type { Contender } from './contenders.ts';
import { type DiskFacts, readCpuSeconds, readDisk, readMemory } from './process-facts.ts';
import { type LoadOptions, runLoad } from './run-load.ts';
import { tsbsQueries } from './tsbs-queries.ts';

export interface LoadFacts {
  readonly rowsPerSecond: number;
  readonly cpuMicrosPerRow: number;
  readonly retries: number;
  readonly p99Ms: number;
  readonly peakBytes: number;
}

export interface QueryFacts {
  readonly name: string;
  readonly medianMs: number;
  readonly answer: Buffer;
}

/** Files that are no data: room kept back for a full disk. */
const reserveFiles = ['ballast'];

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function measureLoad(
  server: Contender,
  options: Omit<LoadOptions, 'url'>,
): Promise<LoadFacts> {
  await server.execute(`CREATE DATABASE ${options.database}`);
  const cpuBefore = readCpuSeconds(server.pid);
  const load = await runLoad({ ...options, url: server.url });
  const cpu = readCpuSeconds(server.pid) - cpuBefore;
  return {
    rowsPerSecond: (load.rows / load.ms) * 1_000,
    cpuMicrosPerRow: (cpu * 1e6) / load.rows,
    retries: load.retries,
    p99Ms: load.p99,
    peakBytes: readMemory(server.pid).peakBytes,
  };
}

export function measureDisk(server: Contender): DiskFacts {
  return readDisk(server.directory, reserveFiles);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

async function measureQuery(server: Contender, database: string, text: string, runs: number) {
  const times: number[] = [];
  let answer: Buffer = Buffer.alloc(0);
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    answer = (await server.query(database, text)).body;
    times.push(performance.now() - start);
  }
  return { medianMs: median(times), answer };
}

export async function measureQueries(
  server: Contender,
  database: string,
  runs: number,
): Promise<QueryFacts[]> {
  const facts: QueryFacts[] = [];
  for (const { name, text } of tsbsQueries) {
    facts.push({ name, ...(await measureQuery(server, database, text, runs)) });
  }
  return facts;
}

/** Floats may differ in the last digits where sums were added in another order. */
const relativeErrorMax = 1e-12;

function isClose(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === 'number' && typeof b === 'number') {
    return Math.abs(a - b) <= relativeErrorMax * Math.max(Math.abs(a), Math.abs(b));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one, i) => isClose(one, b[i]));
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const names = Object.keys(a);
  const other = b as Record<string, unknown>;
  const isSameShape = names.length === Object.keys(b).length && names.every((name) => name in b);
  return (
    isSameShape && names.every((name) => isClose((a as Record<string, unknown>)[name], other[name]))
  );
}

/** InfluxDB marks answers above 10,000 rows a series as partial though they are complete. */
function withoutPartialMarks(answer: Buffer): unknown {
  return JSON.parse(answer.toString().replaceAll(',"partial":true', ''));
}

export function compareAnswers(
  a: Buffer,
  b: Buffer,
): 'equal' | 'equal but for rounding' | 'DIFFERENT' {
  if (a.equals(b)) return 'equal';
  const [left, right] = [withoutPartialMarks(a), withoutPartialMarks(b)];
  if (JSON.stringify(left) === JSON.stringify(right)) return 'equal';
  return isClose(left, right) ? 'equal but for rounding' : 'DIFFERENT';
}

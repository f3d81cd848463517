/** Data on which a single query can ask for too much, and requests that watch what becomes of it. */

import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { makeUrl } from '../support/http-client.ts';
import { residentBytes } from './process-gauge.ts';

export const database = 'death';
/** Seconds since the Unix epoch: a Tuesday in November 2023. */
export const startS = 1_700_000_000;
const hosts = 100;
const measurements = 4;
const rowsPerBody = 20_000;
/** Long enough to keep an engine that tries every way busy for ages; a series key holds 64 KiB. */
const longTag = `${'a'.repeat(30_000)}!`;
const longTagCount = 50;
const sampleMs = 50;

async function write(server: CitadelProcess, body: string, precision: string): Promise<void> {
  const params = { db: database, precision };
  const answer = await server.request('/write', params, {
    method: 'POST',
    body,
    timeoutMs: 120_000,
  });
  if (answer.status === 503) {
    await sleep(200);
    return write(server, body, precision);
  }
  if (answer.status !== 204) throw new Error(`cannot load: ${answer.status} ${answer.text()}`);
}

/** `rows` points over four measurements, 100 hosts each, one second apart; every row is its own number. */
export async function loadDeathRows(server: CitadelProcess, rows: number): Promise<void> {
  await server.request('/query', { q: `CREATE DATABASE ${database}` }, { method: 'POST' });
  const long = Array.from({ length: longTagCount }, (_, i) => `long,t=${i}${longTag} v=${i},s="x"`);
  await write(server, long.join('\n'), 'ns');
  for (let from = 0; from < rows; from += rowsPerBody) {
    const lines: string[] = [];
    for (let i = from; i < Math.min(rows, from + rowsPerBody); i++) {
      const name = `m${i % measurements},host=h${Math.floor(i / measurements) % hosts}`;
      const second = startS + Math.floor(i / (measurements * hosts));
      lines.push(`${name} v=${i}.25,n=${i % 1_000}i ${second}`);
    }
    await write(server, lines.join('\n'), 's');
  }
}

export interface Taken {
  readonly status: number;
  readonly bytes: number;
  /** The end of the answer, where its error is. */
  readonly tail: string;
  readonly ms: number;
}

/** Takes a whole answer and forgets it. */
export function takeAll(
  server: CitadelProcess,
  q: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Taken> {
  const startedMs = performance.now();
  const url = makeUrl(server.url, '/query', { db: database, q, ...more });
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent: false }, (incoming) => {
      let bytes = 0;
      let tail = '';
      incoming.on('data', (part: Buffer) => {
        bytes += part.length;
        tail = (tail + part.subarray(-400).toString('latin1')).slice(-400);
      });
      incoming.on('error', reject);
      incoming.on('end', () => {
        const ms = performance.now() - startedMs;
        resolve({ status: incoming.statusCode ?? 0, bytes, tail, ms });
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

export function errorOf({ tail }: Taken): string | undefined {
  return /"error":"((?:[^"\\]|\\.)*)"/.exec(tail)?.[1];
}

export interface Watch {
  /** Of the process, bytes. */
  peakResident: number;
  writesStored: number;
  /** Answers other than 204. */
  readonly writesRefused: string[];
  /** ms each. */
  readonly writeMs: number[];
  readonly pingMs: number[];
  stop(): Promise<void>;
}

/** Writes one point after the other, pings, and samples memory until it is stopped. */
export function watchServer(server: CitadelProcess): Watch {
  let goesOn = true;
  const watch: Watch = {
    peakResident: 0,
    writesStored: 0,
    writesRefused: [],
    writeMs: [],
    pingMs: [],
    async stop() {
      goesOn = false;
      await running;
    },
  };
  const repeat = async (everyMs: number, once: (i: number) => Promise<void>) => {
    for (let i = 0; goesOn; i++) {
      await once(i);
      await sleep(everyMs);
    }
  };
  const writes = repeat(10, async (i) => {
    const before = performance.now();
    const options = { method: 'POST', body: `w v=${i}i`, timeoutMs: 120_000 };
    const answer = await server.request('/write', { db: database }, options);
    watch.writeMs.push(performance.now() - before);
    if (answer.status === 204) watch.writesStored++;
    else watch.writesRefused.push(`${answer.status} ${answer.text()}`);
  });
  const pings = repeat(10, async () => {
    const before = performance.now();
    await server.request('/ping', {}, { timeoutMs: 120_000 });
    watch.pingMs.push(performance.now() - before);
  });
  const samples = repeat(sampleMs, async () => {
    watch.peakResident = Math.max(watch.peakResident, residentBytes(server.pid));
  });
  const running = Promise.all([writes, pings, samples]).then(() => undefined);
  return watch;
}

/**
 * Flipped bits in the files of a real data directory.
 *
 * Goal: never a wrong answer. Whatever byte of a log or SQLite file is hit, an answer is either right and
 * whole, or an error that names the damage; a server that cannot start says which file.
 * Method: one directory with points in logs and in stores, copied for every round; one flip at a random
 * place in a random file of each kind in turn; start, ask everything, compare with what was written.
 */

import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const roundsMax = Number(process.env.TEST_ROT_ROUNDS ?? 16);
/** No round begins after so long. */
const secondsMax = Number(process.env.TEST_ROT_SECONDS ?? Number.POSITIVE_INFINITY);
const seed = Number(process.env.TEST_ROT_SEED ?? Date.now() % 1_000_000);
const database = 'rot';
const pointCount = 3_000;
const firstTime = 1_700_000_000;

let source: string;
let answer: string;

function valueAt(i: number): number {
  return ((i * 7919) % 10_007) / 4;
}

function makeBody(from: number, until: number): string {
  const lines: string[] = [];
  for (let i = from; i < until; i++) {
    lines.push(`m,host=h${i % 20} v=${valueAt(i)},s="text ${i % 7}" ${firstTime + i * 60}`);
  }
  return lines.join('\n');
}

async function writePart(server: CitadelProcess, from: number, until: number): Promise<void> {
  const params = { db: database, precision: 's' };
  const body = makeBody(from, until);
  const { status, text } = await server.request('/write', params, { method: 'POST', body });
  expect(status, text()).toBe(204);
}

function askAll(server: CitadelProcess) {
  const q = 'SELECT v, s FROM m GROUP BY host; SHOW SERIES; SELECT sum(v), count(v) FROM m';
  return server.request('/query', { db: database, epoch: 'ns', q });
}

/** Half of the points in stores, half in the log only. */
beforeAll(async () => {
  const dataDir = makeTempDir('rot');
  const server = await startCitadel({ dataDir });
  await server.request('/query', { q: `CREATE DATABASE ${database}` }, { method: 'POST' });
  await writePart(server, 0, pointCount / 2);
  // A clean stop flushes.
  await server.stop();
  await server.restart();
  await writePart(server, pointCount / 2, pointCount);
  answer = (await askAll(server)).text();
  // The log notes how far it was synced 50 ms after the last write.
  await sleep(150);
  await server.kill();
  source = dataDir;
});

afterAll(() => {
  if (source !== undefined) removeTempDir(source);
});

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size > 0)
    .filter((path) => /log\/\d\/|shard-/.test(path) && !path.endsWith('-shm'))
    .sort();
}

/** The last is every file. */
const kinds: readonly { readonly name: string; readonly files: RegExp }[] = [
  { name: 'log', files: /log\/\d\/\d+\.log$/ },
  { name: 'chunk', files: /shard-[^/]+\/0\/.*\.db$/ },
  { name: 'catalog', files: /shard-[^/]+\/catalog\.db$/ },
  { name: 'any', files: /./ },
];

/** mulberry32 */
function makeRandom(from: number): () => number {
  let state = from | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function flip(path: string, random: () => number): number {
  const bytes = readFileSync(path);
  const offset = Math.floor(random() * bytes.length);
  bytes[offset]! ^= 1 << Math.floor(random() * 8);
  writeFileSync(path, bytes);
  return offset;
}

interface Outcome {
  readonly kind: 'right' | 'error' | 'refused' | 'wrong';
  readonly text: string;
}

async function tryStart(dataDir: string): Promise<CitadelProcess | string> {
  try {
    return await startCitadel({ dataDir, args: ['-log-level', 'warn'] });
  } catch (error) {
    return String(error);
  }
}

async function observe(dataDir: string): Promise<Outcome> {
  const server = await tryStart(dataDir);
  if (typeof server === 'string') return { kind: 'refused', text: server };
  try {
    const text = (await askAll(server)).text();
    if (text === answer) return { kind: 'right', text: server.stderr() };
    const { results } = JSON.parse(text) as { results: readonly { error?: string }[] };
    const whole = (JSON.parse(answer) as { results: readonly unknown[] }).results;
    const isHonest = results.every(
      (result, i) =>
        result.error !== undefined || JSON.stringify(result) === JSON.stringify(whole[i]),
    );
    return { kind: isHonest ? 'error' : 'wrong', text: isHonest ? text : text.slice(0, 300) };
  } finally {
    await server.kill();
  }
}

test(
  `${roundsMax} flips give right answers or named errors (seed ${seed})`,
  async () => {
    const random = makeRandom(seed);
    const counts = new Map<string, number>();
    const wrong: string[] = [];
    const startMs = performance.now();
    let rounds = 0;
    for (let round = 0; round < roundsMax; round++) {
      if (performance.now() - startMs > secondsMax * 1_000) break;
      const copy = makeTempDir('rot-copy');
      cpSync(source, copy, { recursive: true });
      const { name, files: pattern } = kinds[round % kinds.length]!;
      const files = listFiles(copy).filter((one) => pattern.test(one));
      const path = files[Math.floor(random() * files.length)]!;
      const file = relative(copy, path);
      const offset = flip(path, random);
      const { kind, text } = await observe(copy);
      const outcome = `${name} ${kind}`;
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      const place = `${file} at ${offset}, round ${round}, seed ${seed}: ${text}`;
      if (kind === 'wrong') wrong.push(place);
      const namesFile = text.includes(file.split('/').at(-1)!.replace(/-wal$/, ''));
      if ((kind === 'error' || kind === 'refused') && !namesFile) wrong.push(`unnamed: ${place}`);
      removeTempDir(copy);
      rounds++;
    }
    expect(wrong).toEqual([]);
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(rounds);
    const told = [...counts].sort().map(([outcome, count]) => `${outcome} ${count}`);
    process.stdout.write(`alone, ${rounds} rounds from seed ${seed}: ${told.join(', ')}\n`);
  },
  60_000 + roundsMax * 5_000,
);

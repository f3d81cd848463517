/**
 * Goal: no query ends the server or eats its memory. Each gets its answer, or the error of a limit, while
 * writes go on.
 *
 * Method: queries that ask for too much, one after the other and two hundred at once, beside a writer,
 * with little memory given. `npm run long -- death` runs it over ten million points and prints what
 * each query took; DEATH_ROWS and DEATH_AT_ONCE set the size.
 */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import {
  errorOf,
  loadDeathRows,
  type Taken,
  takeAll,
  type Watch,
  watchServer,
} from './death-load.ts';
import { deathQueries, heavyQuery } from './death-queries.ts';
import { gaugesWork, residentBytes } from './process-gauge.ts';

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const rows = Number(process.env.DEATH_ROWS || 60_000);
const atOnce = Number(process.env.DEATH_AT_ONCE || 24);
const prints = process.env.DEATH_REPORT === '1';
const memory = '256MiB';
const mebibyte = 2 ** 20;
/**
 * The budget, code and heaps of four threads, and what the collectors of garbage leave for later. Ten
 * million points in JSON are hundreds of megabytes, so holding an answer would show.
 */
const residentMax = 1_000 * mebibyte;
const limitWords =
  /^(query memory limit exceeded|max-select-\w+ limit exceeded|query-timeout limit exceeded|too many scans)/;

let server: CitadelProcess;

beforeAll(async () => {
  server = await startCitadel({ args: ['-memory', memory, '-fsync', 'interval'] });
  await loadDeathRows(server, rows);
}, 900_000);

afterAll(() => server.cleanUp());

function expectLimitOrAnswer(taken: Taken): void {
  expect(taken.status).toBe(200);
  const error = errorOf(taken);
  if (error !== undefined) expect(error).toMatch(limitWords);
  else expect(taken.bytes).toBeGreaterThan(10);
}

function report(what: string, taken: Taken | undefined, watch: Watch): void {
  if (!prints) return;
  const peak = Math.round(watch.peakResident / mebibyte);
  const slowest = Math.round(Math.max(0, ...watch.writeMs));
  const ping = Math.round(Math.max(0, ...watch.pingMs));
  const answer =
    taken === undefined
      ? ''
      : `${Math.round(taken.ms)} ms, ${Math.round(taken.bytes / mebibyte)} MiB, `;
  const error = taken && errorOf(taken);
  print(
    `${what}: ${answer}${error ?? 'answered'}; resident ${peak} MiB; ${watch.writesStored} writes, ` +
      `slowest ${slowest} ms; slowest ping ${ping} ms`,
  );
}

function expectUnharmed(watch: Watch): void {
  expect(watch.writesRefused).toEqual([]);
  expect(watch.writesStored).toBeGreaterThan(0);
  if (gaugesWork) expect(watch.peakResident).toBeLessThan(residentMax);
  expect(server.running()).toBe(true);
}

test.each(deathQueries)('$name', { timeout: 900_000 }, async ({ name, q, more }) => {
  const watch = watchServer(server);
  const taken = await takeAll(server, q, more).finally(() => watch.stop());
  report(name, taken, watch);
  expectLimitOrAnswer(taken);
  expectUnharmed(watch);
});

test('many heavy queries at once', { timeout: 900_000 }, async () => {
  const watch = watchServer(server);
  const startedMs = performance.now();
  const all = await Promise.all(
    Array.from({ length: atOnce }, (_, i) => {
      const { q, more } = heavyQuery(i);
      return takeAll(server, q, more);
    }),
  ).finally(() => watch.stop());
  const failed = all.filter((taken) => errorOf(taken) !== undefined).length;
  report(`${atOnce} at once, ${failed} over a limit`, undefined, watch);
  if (prints) print(`${Math.round(performance.now() - startedMs)} ms in all`);
  for (const taken of all) expectLimitOrAnswer(taken);
  expectUnharmed(watch);
});

test('what was written meanwhile is there', async () => {
  const taken = await takeAll(server, 'SELECT count(v) FROM w');
  expect(Number(/,(\d+)\]/.exec(taken.tail)?.[1])).toBeGreaterThan(deathQueries.length);
  if (prints) print(`resident at the end: ${Math.round(residentBytes(server.pid) / mebibyte)} MiB`);
});

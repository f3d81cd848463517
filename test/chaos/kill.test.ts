/**
 * kill -9 at random moments under load, many times over one data directory.
 *
 * Goal: after every restart each acknowledged point is there with its exact value, whatever was being
 * flushed or compacted; a point that was never acknowledged may be there, but never another value.
 * Method: concurrent writers over HTTP, SIGKILL after a random time, restart, read everything back.
 * A small memory budget makes flushes, trimming and compaction part of every round.
 *
 * TEST_KILL_ROUNDS: more rounds (npm run long -- kill); TEST_KILL_SEED: the same moments again.
 */

import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import {
  type CitadelOptions,
  type CitadelProcess,
  startCitadel,
} from '../support/citadel-process.ts';
import { AckedLoad, ask, database } from './acked-load.ts';

const rounds = Number(process.env.TEST_KILL_ROUNDS ?? 50);
const seed = Number(process.env.TEST_KILL_SEED ?? Date.now() % 1_000_000);
const roundMsMax = 400;
/** Everything is read back every so many rounds, and after the last. */
const roundsPerVerify = 10;

const started: CitadelProcess[] = [];

afterEach(async () => {
  for (const server of started.splice(0)) await server.cleanUp();
});

async function start(options: CitadelOptions = {}): Promise<CitadelProcess> {
  const server = await startCitadel(options);
  started.push(server);
  return server;
}

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

test(
  `${rounds} kills under load lose nothing (seed ${seed})`,
  async () => {
    const random = makeRandom(seed);
    const server = await start({ args: ['-memory', '32MB', '-log-level', 'debug'] });
    const load = new AckedLoad(4, { filled: true });
    await load.prepare(server);
    for (let round = 1; round <= rounds; round++) {
      load.start(server);
      await sleep(20 + random() * roundMsMax);
      expect(server.running(), server.stderr()).toBe(true);
      await server.kill();
      await load.stop();
      await server.restart();
      if (round % roundsPerVerify === 0 || round === rounds) {
        expect(await load.verify(server), `after round ${round}, seed ${seed}`).toEqual([]);
      }
    }
    expect(load.ackedPoints).toBeGreaterThan(rounds * 100);
    expect(server.stderr()).toContain('memtable flushed');
    expect(server.stderr()).not.toContain('"level":"error"');
    expect([...load.refusals.keys()].filter((reason) => !reason.startsWith('503'))).toEqual([]);
  },
  120_000 + rounds * 3_000,
);

test('SIGTERM under load loses nothing and exits 0', async () => {
  const server = await start();
  const load = new AckedLoad(4);
  await load.prepare(server);
  for (let round = 0; round < 3; round++) {
    load.start(server);
    await sleep(400);
    const before = performance.now();
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - before).toBeLessThan(10_000);
    await load.stop();
    await server.restart();
    expect(await load.verify(server)).toEqual([]);
  }
});

async function writeMillion(server: CitadelProcess): Promise<void> {
  const rowsPerBody = 20_000;
  const bodies = Array.from({ length: 50 }, (_, body) => {
    const lines: string[] = [];
    for (let i = 0; i < rowsPerBody; i++) {
      const n = body * rowsPerBody + i;
      lines.push(`big,host=h${n % 200} v=${n}i ${1_700_000_000 + n}`);
    }
    return lines.join('\n');
  });
  for (const body of bodies) {
    const params = { db: database, precision: 's' };
    const { status, text } = await server.request('/write', params, { method: 'POST', body });
    expect(status, text()).toBe(204);
  }
}

test('a million points in the log are back within 5 s', async () => {
  const server = await start({ args: ['-memory', '1GB'] });
  await new AckedLoad(1).prepare(server);
  await writeMillion(server);
  await server.kill();
  const before = performance.now();
  await server.restart();
  const tookMs = performance.now() - before;
  expect(await ask(server, 'SELECT count(v), sum(v) FROM big')).toEqual([
    [0, 1_000_000, (999_999 * 1_000_000) / 2],
  ]);
  expect(tookMs).toBeLessThan(5_000);
});

function listLogs(dataDir: string): string[] {
  return ['0', '1'].flatMap((log) => {
    const folder = join(dataDir, 'log', log);
    const names = readdirSync(folder).filter((name) => name.endsWith('.log'));
    return names.map((name) => join(folder, name));
  });
}

test('a truncated last segment recovers: what is left is right', async () => {
  const server = await start();
  const load = new AckedLoad(3);
  await load.prepare(server);
  load.start(server);
  await sleep(300);
  await load.stop();
  await server.kill();
  const last = listLogs(server.dataDir).at(-1)!;
  truncateSync(last, statSync(last).size - 100);
  await server.restart();
  const faults = await load.verify(server);
  // Acknowledged points in the cut-off end are gone, as after a disk that lied; nothing else is.
  expect(faults.filter((fault) => fault.includes('wrong'))).toEqual([]);
  expect(server.stderr()).toContain('unfinished log tail');
});

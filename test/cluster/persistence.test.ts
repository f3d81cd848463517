/**
 * Goal: where data rests never shows. The same answers from the memtable, from files, after a clean
 * restart and after a kill, with late data, deletes and drops in between, and they are those of a
 * real InfluxDB that was told the same.
 *
 * Method: steps of writes and statements go to both servers; after each step, and again after each
 * change of resting place, a list of questions must be answered alike, byte for byte.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';
import { type PersistenceStep, questions, steps } from './persistence-steps.ts';

let citadel: CitadelProcess;
let influxd: InfluxdProcess;

type Server = Pick<CitadelProcess, 'request'>;

beforeAll(async () => {
  if (!influxdInstalled) return;
  [citadel, influxd] = await Promise.all([startCitadel(), startInfluxd()]);
});

afterAll(async () => {
  await citadel?.cleanUp();
  await influxd?.stop();
});

async function perform(server: Server, { writes = [], statements = [] }: PersistenceStep) {
  const answers: string[] = [];
  for (const q of statements) {
    const answer = await server.request('/query', { q, db: 'p' }, { method: 'POST' });
    answers.push(`${q}: ${answer.status} ${answer.text()}`);
  }
  for (const { db = 'p', rp, lines } of writes) {
    const body = typeof lines === 'string' ? lines : Buffer.from(lines.join(''), 'latin1');
    const answer = await server.request('/write', { db, rp }, { method: 'POST', body });
    answers.push(`${answer.status} ${answer.text()}`);
  }
  return answers;
}

async function ask(server: Server): Promise<string[]> {
  const answers: string[] = [];
  for (const q of questions) {
    const answer = await server.request('/query', { q, db: 'p', epoch: 'ns' });
    answers.push(`${q}\n${answer.body.toString('latin1').replaceAll('{', '\n{')}`);
  }
  return answers;
}

/** Idle shards flush after 5 s. */
async function untilFlushed(): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const metrics = (await citadel.request('/metrics')).text();
    const unflushed = [...metrics.matchAll(/^citadel_shard_unflushed_entries\{.*\} (\d+)$/gm)];
    if (unflushed.length > 0 && unflushed.every(([, entries]) => entries === '0')) return;
    await sleep(100);
  }
  throw new Error('shards at rest are not flushed');
}

const moves = {
  none: async () => undefined,
  flush: untilFlushed,
  restart: async () => {
    expect(await citadel.stop()).toEqual({ code: 0, signal: null });
    await citadel.restart();
  },
  kill: async () => {
    await citadel.kill();
    await citadel.restart();
  },
};

test.skipIf(!influxdInstalled)(
  'answers do not depend on where data rests',
  {
    timeout: 150_000,
  },
  async () => {
    for (const step of steps) {
      expect(await perform(citadel, step), step.name).toEqual(await perform(influxd, step));
      const expected = await ask(influxd);
      for (const move of ['none', ...step.moves] as const) {
        await moves[move]();
        expect(await ask(citadel), `${step.name}: ${move}`).toEqual(expected);
      }
    }
  },
);

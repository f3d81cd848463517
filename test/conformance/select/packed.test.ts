/**
 * Goal: MessagePack answers hold what InfluxDB's hold, types included.
 * Method: a part of the cases of cases/ asked of both servers in MessagePack, read with one plain reader,
 * and compared as text in which integers, floats and times look different.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { influxdInstalled } from '../../support/influxd-process.ts';
import { decodeMsgpack } from '../../support/msgpack-decode.ts';
import { answersEqual } from './compare-answers.ts';
import { caseFiles, readCases, type SelectCase } from './compare-cases.ts';
import { type Answer, type Servers, startServers } from './servers.ts';

/** Every so-manieth case of each file. */
const stride = 4;

/** Tags in one order: the reference writes them in that of a hash table. */
function sortTags(tags: object): object {
  return Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function toText(value: unknown): string {
  return JSON.stringify(value, (key, item: unknown) => {
    if (typeof item === 'bigint') return `${item}n`;
    return key === 'tags' && typeof item === 'object' && item !== null ? sortTags(item) : item;
  });
}

async function askPacked(
  server: Servers['citadel'] | Servers['influxd'],
  { q, db = 'zoo', accepted: _, ...others }: SelectCase,
): Promise<Answer> {
  const headers = { Accept: 'application/x-msgpack' };
  const answer = await server.request('/query', { q, db, ...others }, { method: 'GET', headers });
  expect(answer.headers['content-type']).toBe('application/x-msgpack');
  return {
    status: answer.status,
    body: toText(decodeMsgpack(answer.body, (float) => ({ float }))),
  };
}

describe.runIf(influxdInstalled)('queries in MessagePack against influxd 1.6.7', () => {
  let servers: Servers | undefined;

  beforeAll(async () => {
    servers = await startServers();
  });

  afterAll(async () => {
    await servers?.stop();
  });

  test.each(caseFiles())('%s', async (file) => {
    if (servers === undefined) throw new Error('no servers');
    const asked = readCases(file).filter(
      ({ accepted, q }, i) => accepted === undefined && i % stride === 0 && !q.includes(';'),
    );
    expect(asked.length).toBeGreaterThan(0);
    const differences: unknown[] = [];
    for (const one of asked) {
      const ours = await askPacked(servers.citadel, one);
      const theirs = await askPacked(servers.influxd, one);
      if (!answersEqual(theirs, ours)) differences.push({ one, ours, theirs });
    }
    expect(differences).toEqual([]);
  });
});

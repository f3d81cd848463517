/**
 * kill -9 of the server and of the destination of a subscription, in turn, while points are written.
 *
 * Goal: every acknowledged point reaches the destination; nothing else does. Some come twice.
 * Method: numbered points in batches that are written again until they are acknowledged; the destination is a
 * process of its own that syncs what it took before it answers.
 *
 * TEST_SUBSCRIPTION_POINTS, TEST_SUBSCRIPTION_KILLS: more of it (npm run long -- subscriptions).
 */

import { afterEach, expect, test } from 'vitest';
import { sleep, waitUntil } from '../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type Sink, startSink } from '../support/sink.ts';

const pointCount = Number(process.env.TEST_SUBSCRIPTION_POINTS ?? 10_000);
const killCount = Number(process.env.TEST_SUBSCRIPTION_KILLS ?? 3);
const writerCount = 4;
const batchSize = 50;
const patienceMs = 60_000 + pointCount;

const cleanUps: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function lineOf(writer: number, n: number): string {
  return `load,writer=w${writer} n=${n}i,s="a \\"b\\", c" ${1_700_000_000_000_000_000n + BigInt(n)}`;
}

class Load {
  acked = 0;
  readonly #server: CitadelProcess;

  constructor(server: CitadelProcess) {
    this.#server = server;
  }

  async run(): Promise<void> {
    const perWriter = pointCount / writerCount;
    const writers = Array.from({ length: writerCount }, async (_, writer) => {
      for (let from = 0; from < perWriter; from += batchSize) {
        const until = Math.min(perWriter, from + batchSize);
        const lines = Array.from({ length: until - from }, (_, i) => lineOf(writer, from + i));
        await this.#writeUntilAcked(lines.join('\n'));
        this.acked += lines.length;
      }
    });
    await Promise.all(writers);
  }

  async #writeUntilAcked(body: string): Promise<void> {
    for (;;) {
      const request = { method: 'POST', body };
      const answer = await this.#server
        .request('/write', { db: 'db' }, request)
        .catch(() => undefined);
      if (answer?.status === 204) return;
      if (answer !== undefined && answer.status < 500) throw new Error(answer.text());
      await sleep(10);
    }
  }
}

/** Points that arrived, and lines that nobody has written. */
function readSink(sink: Sink): { readonly points: Set<string>; readonly strange: string[] } {
  const points = new Set<string>();
  const strange: string[] = [];
  const all = sink.received();
  // The last line may be one that is being written, or was when the sink was killed.
  const whole = all.slice(0, all.lastIndexOf('\n') + 1);
  for (const line of whole.split('\n')) {
    const match = /^load,writer=w(\d+) n=(\d+)i,/.exec(line);
    if (match !== null && line === lineOf(Number(match[1]), Number(match[2]))) points.add(line);
    else if (line !== '' && !isBeginning(line)) strange.push(line);
  }
  return { points, strange };
}

/** Of a line whose writing a kill has cut. */
function isBeginning(line: string): boolean {
  const match = /^load,writer=w(\d+) n=(\d+)/.exec(line);
  if (match === null) return 'load,writer=w'.startsWith(line.replace(/\d* ?n?=?$/, ''));
  const full = lineOf(Number(match[1]), Number(match[2]));
  return full.startsWith(line) || /^load,writer=w\d+ n=\d+$/.test(line);
}

test(
  `${pointCount} points through ${killCount} kills: none is missing`,
  async () => {
    const server = await startCitadel({ args: ['-log-level', 'debug'] });
    cleanUps.push(() => server.cleanUp());
    const sink = await startSink();
    cleanUps.push(() => sink.cleanUp());
    const ask = async (q: string) => {
      const answer = await server.request('/query', { q }, { method: 'POST' });
      expect(answer.text()).not.toContain('error');
      return answer.text();
    };
    await ask('CREATE DATABASE db');
    await ask(`CREATE SUBSCRIPTION s ON db.autogen DESTINATIONS ALL '${sink.url}'`);
    const load = new Load(server);
    const loaded = load.run();
    loaded.catch(() => undefined);
    for (let kill = 0; kill < killCount; kill++) {
      const due = ((kill + 1) * pointCount) / (killCount + 2);
      await waitUntil('so many points acknowledged', async () => load.acked >= due, patienceMs);
      if (kill % 2 === 0) {
        await server.kill();
        await server.restart();
      } else {
        await sink.kill();
        await sink.restart();
      }
    }
    await loaded;
    await waitUntil(
      'all points delivered',
      async () => readSink(sink).points.size === pointCount,
      patienceMs,
    );
    expect(readSink(sink).strange).toEqual([]);
    const stats = await ask("SHOW STATS FOR 'subscriber'");
    expect(stats).toContain('"entriesDropped"');
    expect(server.stderr()).not.toContain('log entries gone before they were sent');
    expect(server.stderr()).not.toContain('points refused by their destination');
    expect(server.stderr()).not.toContain('"level":"error"');
  },
  120_000 + 4 * patienceMs,
);

/**
 * Goal: the same continuous queries over the same rows store the same points as in a real InfluxDB 1.6.7.
 * Method: rows of windows that are yet to come are written to both before, so that nothing hangs on which run
 * sees which row; when the last window is there on both, what was stored is compared.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sleep, waitUntil } from '../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { type InfluxdProcess, influxdInstalled, startInfluxd } from '../support/influxd-process.ts';

const patienceMs = 60_000;
const windowCount = 4;
/** Between writing and the first window. */
const headStartMs = 1_000;
const stepMs = 100;
const env = {
  INFLUXDB_CONTINUOUS_QUERIES_ENABLED: 'true',
  INFLUXDB_CONTINUOUS_QUERIES_RUN_INTERVAL: '100ms',
};

/** Name -> what is between ON db and END. Each stores into its own measurement. */
const queries: Readonly<Record<string, string>> = {
  plain: 'BEGIN SELECT mean(v), count(v), max(i) INTO o_plain FROM m GROUP BY time(1s) END',
  tags: 'BEGIN SELECT sum(i) AS total INTO o_tags FROM m GROUP BY time(1s), host END',
  all: 'BEGIN SELECT last(s), first(b) INTO o_all FROM m GROUP BY time(1s), * END',
  offset: 'BEGIN SELECT min(v) INTO o_offset FROM m GROUP BY time(1s, 250ms) END',
  filter: `BEGIN SELECT percentile(v, 50) INTO o_filter FROM m WHERE host = 'a' AND v > 3 GROUP BY time(1s) END`,
  sparse: 'BEGIN SELECT count(v) INTO o_sparse FROM sparse GROUP BY time(1s), host END',
  none: 'BEGIN SELECT sum(v) INTO o_none FROM sparse GROUP BY time(1s) fill(none) END',
  zone: `BEGIN SELECT spread(v) INTO o_zone FROM m GROUP BY time(1s) tz('Asia/Kathmandu') END`,
  often: 'RESAMPLE EVERY 500ms BEGIN SELECT count(i) INTO o_often FROM m GROUP BY time(1s) END',
  seldom: 'RESAMPLE EVERY 2s BEGIN SELECT count(i) INTO o_seldom FROM m GROUP BY time(1s) END',
  back: 'RESAMPLE FOR 3s BEGIN SELECT sum(v), mode(i) INTO o_back FROM m GROUP BY time(1s) END',
  both: 'RESAMPLE EVERY 1s FOR 2s BEGIN SELECT median(v) INTO o_both FROM m GROUP BY time(1s), host END',
  many: 'BEGIN SELECT mean(v) INTO db."second".:MEASUREMENT FROM /^(m|sparse)$/ GROUP BY time(1s), host END',
};

const targets = Object.keys(queries).map((name) =>
  name === 'many' ? '"second"./.*/' : `o_${name}`,
);

function makeRows(fromMs: number): string {
  const lines: string[] = [];
  for (let i = 0; i < (windowCount * 1_000) / stepMs; i++) {
    const time = `${fromMs + i * stepMs}000000`;
    const host = 'abc'[i % 3]!;
    lines.push(`m,host=${host} v=${(i * 7) % 11},i=${i}i,s="t${i}",b=${i % 2 === 0} ${time}`);
    if (i % 13 === 0) lines.push(`sparse,host=${host} v=${i} ${time}`);
  }
  return lines.join('\n');
}

describe.skipIf(!influxdInstalled)('continuous queries beside InfluxDB', () => {
  let citadel: CitadelProcess;
  let influxd: InfluxdProcess;

  beforeAll(async () => {
    [citadel, influxd] = await Promise.all([
      startCitadel({ args: ['-continuous-queries-run-interval', '100ms'] }),
      startInfluxd([], '', env),
    ]);
  }, 60_000);
  afterAll(async () => {
    await citadel?.cleanUp();
    await influxd?.stop();
  });

  async function ask(server: CitadelProcess | InfluxdProcess, q: string): Promise<string> {
    const answer = await server.request('/query', { db: 'db', q, epoch: 'ms' }, { method: 'POST' });
    expect(answer.status, answer.text()).toBe(200);
    return answer.text();
  }

  /** Writes the rows of windows to come to both servers. Resolves with where the first one begins. */
  async function writeAhead(servers: readonly (CitadelProcess | InfluxdProcess)[]) {
    for (;;) {
      const fromMs = Math.ceil((Date.now() + headStartMs) / 2_000) * 2_000;
      const body = makeRows(fromMs);
      for (const server of servers) {
        const answer = await server.request('/write', { db: 'db' }, { method: 'POST', body });
        expect(answer.status, answer.text()).toBe(204);
      }
      if (Date.now() < fromMs) return fromMs;
      // Too slow, so that runs saw some of the rows only: other windows, which none of these rows is in.
      await sleep(windowCount * 1_000);
    }
  }

  test('the same queries store the same points', async () => {
    const both = [citadel, influxd];
    const setUp = [
      'CREATE DATABASE db',
      'CREATE RETENTION POLICY "second" ON db DURATION 1d REPLICATION 1',
    ];
    const create = Object.entries(queries).map(
      ([name, text]) => `CREATE CONTINUOUS QUERY "${name}" ON db ${text}`,
    );
    for (const server of both) {
      for (const q of [...setUp, ...create]) expect(await ask(server, q)).not.toContain('error');
    }
    const fromMs = await writeAhead(both);
    const lastMs = fromMs + (windowCount - 1) * 1_000;
    const range = `time >= ${fromMs}ms AND time <= ${lastMs}ms`;
    for (const target of targets) {
      const q = `SELECT * FROM ${target} WHERE ${range} GROUP BY *`;
      await waitUntil(
        `the points of ${target} are equal`,
        async () => {
          const [ours, theirs] = await Promise.all(both.map((server) => ask(server, q)));
          if (ours === theirs && ours!.includes('values')) return Date.now() > lastMs + 2_000;
          throw new Error(`${ours}\n${theirs}`);
        },
        patienceMs,
      );
    }
  }, 120_000);
});

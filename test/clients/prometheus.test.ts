/**
 * The real Prometheus (Debian package prometheus). Goal: it keeps its samples in Citadel and answers PromQL from
 * there. Method: one Prometheus scrapes Citadel itself and writes to it; a second one, which has nothing of its own,
 * reads from it, and what PromQL gives is compared with what InfluxQL gives of the same points.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { havePackages } from '../support/debian-packages.ts';
import { findFreePort } from '../support/free-port.ts';
import { httpRequest, makeUrl } from '../support/http-client.ts';
import { type ServerProcess, startServer, waitUntilReady } from '../support/server-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const hasPrometheus = havePackages('prometheus');
const patienceMs = 60_000;
const samplesWanted = 3;

interface Prometheus {
  readonly server: ServerProcess;
  query(promql: string, time?: number): Promise<readonly PromResult[]>;
}

interface PromResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface InfluxAnswer {
  readonly results: readonly {
    readonly series?: readonly {
      readonly tags: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, number])[];
    }[];
  }[];
}

async function startPrometheus(
  directory: string,
  name: string,
  config: string,
): Promise<Prometheus> {
  const file = join(directory, `${name}.yml`);
  writeFileSync(file, config);
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const server = startServer('prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(directory, name)}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ]);
  await waitUntilReady(server, async () => {
    const { status } = await httpRequest(`${url}/-/ready`, { timeoutMs: 2_000 });
    return status === 200;
  });
  return {
    server,
    query: async (promql, time) => {
      const params = { query: promql, time: time?.toString() };
      const answer = await httpRequest(makeUrl(url, '/api/v1/query', params));
      const body = answer.json() as {
        status: string;
        data: { result: PromResult[] };
        warnings?: string[];
      };
      expect([body.status, body.warnings]).toEqual(['success', undefined]);
      return body.data.result;
    },
  };
}

function writerConfig(port: number): string {
  return `global: { scrape_interval: 500ms, scrape_timeout: 500ms }
scrape_configs:
  - job_name: citadel
    static_configs: [{ targets: ["127.0.0.1:${port}"], labels: { "dc": "a b,c=\\"d\\"" } }]
remote_write:
  - url: http://127.0.0.1:${port}/api/v1/prom/write?db=prom
    queue_config: { batch_send_deadline: 50ms }
`;
}

function readerConfig(port: number): string {
  return `remote_read:
  - { url: "http://127.0.0.1:${port}/api/v1/prom/read?db=prom", read_recent: true }
`;
}

describe.skipIf(!hasPrometheus)('Prometheus', () => {
  let citadel: CitadelProcess;
  let directory: string;
  let reader: Prometheus;
  /** Seconds since the Unix epoch, when the last sample was there. */
  let now: number;

  /** Per series of a metric: tags and one value. */
  async function ask(q: string) {
    const answer = await citadel.request('/query', { db: 'prom', epoch: 'ms', q });
    const { results } = answer.json() as InfluxAnswer;
    return (results[0]?.series ?? []).map(({ tags, values }) => ({ tags, value: values[0]![1] }));
  }

  beforeAll(async () => {
    directory = makeTempDir('prometheus');
    citadel = await startCitadel({ args: ['-fsync', 'never'] });
    await citadel.request('/query', { q: 'CREATE DATABASE prom' }, { method: 'POST' });
    const [writer, idle] = await Promise.all([
      startPrometheus(directory, 'writer', writerConfig(citadel.port)),
      startPrometheus(directory, 'reader', readerConfig(citadel.port)),
    ]);
    reader = idle;
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const [up] = await ask('SELECT count(value) FROM up GROUP BY *');
      if ((up?.value ?? 0) >= samplesWanted) break;
      if (performance.now() > deadline) throw new Error(`nothing came: ${writer.server.stderr()}`);
      await sleep(100);
    }
    // What it has not sent yet nobody asks for.
    await writer.server.stop('SIGKILL');
    now = Date.now() / 1000;
  }, 2 * patienceMs);

  afterAll(async () => {
    await reader?.server.stop('SIGKILL');
    await citadel?.cleanUp();
    removeTempDir(directory);
  });

  test('labels are tags, the name of the metric too', async () => {
    const [up] = await ask('SELECT last(value) FROM up GROUP BY *');
    expect(up).toEqual({
      tags: {
        __name__: 'up',
        dc: 'a b,c="d"',
        instance: `127.0.0.1:${citadel.port}`,
        job: 'citadel',
      },
      value: 1,
    });
  });

  test('PromQL over remote reads counts what InfluxQL counts', async () => {
    for (const metric of ['up', 'scrape_samples_scraped', 'citadel_healthy']) {
      const ours = await ask(`SELECT count(value) FROM ${metric} GROUP BY *`);
      const theirs = await reader.query(`count_over_time(${metric}[1h])`, now);
      expect(theirs.map(({ value }) => Number(value[1]))).toEqual(ours.map(({ value }) => value));
    }
  });

  test('values are the same, by series and by label', async () => {
    const ours = await ask('SELECT max(value) FROM citadel_http_requests_total GROUP BY *');
    const theirs = await reader.query('max_over_time(citadel_http_requests_total[1h])', now);
    const key = (labels: Readonly<Record<string, string>>) =>
      `${labels.route} ${labels.method} ${labels.status}`;
    expect(new Map(theirs.map(({ metric, value }) => [key(metric), Number(value[1])]))).toEqual(
      new Map(ours.map(({ tags, value }) => [key(tags), value])),
    );
    expect(ours.length).toBeGreaterThan(2);
    const some = await reader.query(
      'count(max_over_time(citadel_http_requests_total{status=~"2..",method!="GET"}[1h]))',
      now,
    );
    const isSome = ({ tags }: (typeof ours)[number]) =>
      /^2..$/.test(tags.status ?? '') && tags.method !== 'GET';
    expect(Number(some[0]!.value[1])).toBe(ours.filter(isSome).length);
  });

  test('metrics by expression', async () => {
    const found = await reader.query('count({__name__=~"citadel_memory_.*"}) by (__name__)', now);
    expect(found.map(({ metric }) => metric.__name__).sort()).toEqual([
      'citadel_memory_budget_bytes',
      'citadel_memory_bytes',
    ]);
  });
});

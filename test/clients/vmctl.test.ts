/**
 * Goal: `vmctl influx`, with which people move from InfluxDB to VictoriaMetrics, reads all of a database from
 * Citadel.
 * Method: a real VictoriaMetrics (Debian package victoria-metrics) is filled by its own tool; what it exports
 * is compared point by point with what was written.
 */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { havePackages } from '../support/debian-packages.ts';
import { findFreePort } from '../support/free-port.ts';
import { httpRequest, makeUrl } from '../support/http-client.ts';
import { type ServerProcess, startServer, waitUntilReady } from '../support/server-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runProgram } from './run-program.ts';

/** The machine may be slow; no test waits for its own sake. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const startMs = 1_600_000_000_000;
const stepMs = 10_000;
const rowCount = 2_000;
const hosts = ['alpha', 'b c', 'x=y'];

/** `cpu_idle{host="alpha"} time` -> value, as VictoriaMetrics names them. */
type Points = Map<string, number>;

function idOf(name: string, host: string, timeMs: number): string {
  return JSON.stringify([name, host, timeMs]);
}

/** Lines to write, and the points that they are there. Texts have no place in VictoriaMetrics. */
function makePoints(): { lines: string[]; points: Points } {
  const lines: string[] = [];
  const points: Points = new Map();
  for (const [h, host] of hosts.entries()) {
    for (let n = 0; n < rowCount; n++) {
      const timeMs = startMs + n * stepMs + h;
      const idle = ((n * 37 + h) % 1_000) / 8;
      const tag = host.replace(/[ ,=]/g, '\\$&');
      const count = n % 3 === 0 ? `,count=${n * h}i` : '';
      lines.push(`cpu,host=${tag} idle=${idle}${count},note="n" ${timeMs}000000`);
      points.set(idOf('cpu_idle', host, timeMs), idle);
      if (count !== '') points.set(idOf('cpu_count', host, timeMs), n * h);
    }
  }
  return { lines, points };
}

interface Exported {
  readonly metric: { readonly __name__: string; readonly host: string };
  readonly values: readonly number[];
  readonly timestamps: readonly number[];
}

function readExport(text: string): Points {
  const points: Points = new Map();
  for (const line of text.split('\n').filter((part) => part !== '')) {
    const { metric, values, timestamps } = JSON.parse(line) as Exported;
    for (const [i, value] of values.entries()) {
      points.set(idOf(metric.__name__, metric.host, timestamps[i]!), value);
    }
  }
  return points;
}

describe.skipIf(!havePackages('victoria-metrics'))('vmctl influx', () => {
  let citadel: CitadelProcess;
  let victoria: ServerProcess;
  let victoriaUrl: string;
  let directory: string;

  beforeAll(async () => {
    directory = makeTempDir('victoria');
    citadel = await startCitadel({ args: ['-fsync', 'never'] });
    const port = await findFreePort();
    victoriaUrl = `http://127.0.0.1:${port}`;
    victoria = startServer('victoria-metrics', [
      `-storageDataPath=${join(directory, 'data')}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      '-memory.allowedBytes=64MB',
      '-selfScrapeInterval=0',
    ]);
    await waitUntilReady(victoria, async () => {
      const { status } = await httpRequest(`${victoriaUrl}/health`, { timeoutMs: 2_000 });
      return status === 200;
    });
  });

  afterAll(async () => {
    await citadel?.cleanUp();
    await victoria?.stop('SIGKILL');
    removeTempDir(directory);
  });

  test('moves every point, with its value', async () => {
    const { lines, points } = makePoints();
    await citadel.request('/create', { db: 'moving' }, { method: 'POST' });
    const body = lines.join('\n');
    const written = await citadel.request('/write', { db: 'moving' }, { method: 'POST', body });
    expect(written.status).toBe(204);

    const flags = [
      '-s',
      '--influx-chunk-size 500',
      `--influx-addr ${citadel.url}`,
      '--influx-database moving',
      `--vm-addr ${victoriaUrl}`,
      '--vm-disable-progress-bar',
    ];
    // It draws on a terminal and refuses to work without one.
    const command = `vmctl influx ${flags.join(' ')}`;
    const moved = await runProgram('script', ['-qec', command, '/dev/null']);
    expect(moved).toMatchObject({ status: 0 });
    expect(moved.stdout).toMatch(/Import finished!/);

    await httpRequest(`${victoriaUrl}/internal/force_flush`);
    const range = { start: String(startMs / 1000 - 1), end: String(startMs / 1000 + 1e6) };
    const asked = { 'match[]': '{__name__=~"cpu_.*"}', ...range };
    const exported = await httpRequest(makeUrl(victoriaUrl, '/api/v1/export', asked));
    const found = readExport(exported.text());
    expect(found.size).toBe(points.size);
    expect([...points].filter(([id, value]) => found.get(id) !== value)).toEqual([]);
  });
});

/**
 * The real collectd (Debian package collectd-core) with its two ways to InfluxDB: datagrams of line protocol with
 * times in ms, and Graphite's plain text.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelProcess, startCitadel } from '../support/citadel-process.ts';
import { havePackages } from '../support/debian-packages.ts';
import { findFreePort } from '../support/free-port.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const patienceMs = 50_000;

interface Ports {
  readonly udp: number;
  readonly graphite: number;
}

function renderConfig(directory: string, { udp, graphite }: Ports): string {
  return `Hostname "box-1"
FQDNLookup false
BaseDir "${directory}"
PIDFile "${directory}/pid"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
Interval 0.2
LoadPlugin load
LoadPlugin memory
LoadPlugin write_influxdb_udp
LoadPlugin write_graphite
<Plugin write_influxdb_udp>
  Server "127.0.0.1" "${udp}"
</Plugin>
<Plugin write_graphite>
  <Node "citadel">
    Host "127.0.0.1"
    Port "${graphite}"
    Protocol "tcp"
  </Node>
</Plugin>
`;
}

describe.skipIf(!havePackages('collectd-core'))('collectd', () => {
  let citadel: CitadelProcess;
  let collectd: ServerProcess;
  let directory: string;
  let startedMs: number;

  beforeAll(async () => {
    directory = makeTempDir('collectd');
    startedMs = Date.now();
    const ports = { udp: await findFreePort(), graphite: await findFreePort() };
    citadel = await startCitadel({
      args: [
        ['-fsync', 'never'],
        ['-udp', `127.0.0.1:${ports.udp}`, '-udp-precision', 'ms', '-udp-database', 'collectd'],
        ['-udp-batch-timeout', '100ms', '-graphite-batch-timeout', '100ms'],
        ['-graphite', `127.0.0.1:${ports.graphite}`],
        [
          '-graphite-templates',
          'host.measurement.measurement.field;*.memory host.measurement.type',
        ],
        ['-graphite-separator', '_'],
      ].flat(),
    });
    const config = join(directory, 'collectd.conf');
    writeFileSync(config, renderConfig(directory, ports));
    collectd = startServer('/usr/sbin/collectd', ['-f', '-C', config]);
  });

  afterAll(async () => {
    await collectd?.stop('SIGTERM');
    await citadel?.cleanUp();
    removeTempDir(directory);
  });

  /** The first row, once there is one: [ms, value, ...]. */
  async function waitForRow(db: string, q: string): Promise<readonly (number | string)[]> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const answer = await citadel.request('/query', { db, q, epoch: 'ms' });
      const { results } = answer.json() as {
        results: { series?: { values: (number | string)[][] }[] }[];
      };
      const row = results[0]?.series?.[0]?.values[0];
      if (row !== undefined) return row;
      if (performance.now() > deadline) {
        throw new Error(`no rows of ${db}: ${answer.text()} ${collectd.stderr()}`);
      }
      await sleep(100);
    }
  }

  function expectNow(time: number | string | undefined): void {
    expect(Number(time)).toBeGreaterThan(startedMs - 5_000);
    expect(Number(time)).toBeLessThan(Date.now() + 5_000);
  }

  test('write_influxdb_udp', async () => {
    const [time, host, value] = await waitForRow(
      'collectd',
      "SELECT host, value FROM memory WHERE type_instance = 'used' LIMIT 1",
    );
    expectNow(time);
    expect(host).toBe('box-1');
    expect(Number(value)).toBeGreaterThan(0);
    const [, load] = await waitForRow('collectd', 'SELECT shortterm FROM load LIMIT 1');
    expect(Number(load)).toBeGreaterThanOrEqual(0);
  });

  test('write_graphite', async () => {
    const [time, host, shortterm, longterm] = await waitForRow(
      'graphite',
      'SELECT host, shortterm, longterm FROM load_load LIMIT 1',
    );
    expectNow(time);
    expect(host).toBe('box-1');
    expect(Number(shortterm)).toBeGreaterThanOrEqual(0);
    expect(longterm === null || Number(longterm) >= 0).toBe(true);
    const [, used] = await waitForRow(
      'graphite',
      "SELECT value FROM memory WHERE host = 'box-1' AND type = 'memory-used' LIMIT 1",
    );
    expect(Number(used)).toBeGreaterThan(0);
  });
});

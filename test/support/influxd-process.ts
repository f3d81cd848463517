/**
 * A real InfluxDB 1.6.7 (Debian package `influxdb`) to compare with: free loopback ports, its own
 * temporary directory, no reporting home.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from './free-port.ts';
import { type HttpRequest, type HttpResponse, httpRequest, makeUrl } from './http-client.ts';
import { type ExitStatus, startServer, waitUntilReady } from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

const binary = ['/usr/bin/influxd', '/usr/sbin/influxd', '/usr/local/bin/influxd'].find(existsSync);

/** False where the package is missing; suites that compare are skipped then. */
export const influxdInstalled = binary !== undefined;

export interface InfluxdProcess {
  readonly url: string;
  readonly port: number;
  request(
    path: string,
    params?: Readonly<Record<string, string | undefined>>,
    options?: HttpRequest,
  ): Promise<HttpResponse>;
  stderr(): string;
  stop(): Promise<ExitStatus>;
}

/** Lines of its `[coordinator]` section, such as `max-select-series = 3`. */
export type InfluxdLimits = readonly string[];

function renderConfig(
  directory: string,
  [httpPort, rpcPort]: readonly [number, number],
  limits: InfluxdLimits,
  sections: string,
): string {
  return `reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[meta]
dir = "${directory}/meta"
[data]
dir = "${directory}/data"
wal-dir = "${directory}/wal"
query-log-enabled = false
max-series-per-database = 0
max-values-per-tag = 0
[monitor]
store-enabled = false
[http]
enabled = true
bind-address = "127.0.0.1:${httpPort}"
log-enabled = false
[continuous_queries]
enabled = false
[coordinator]
${limits.join('\n')}
[logging]
level = "warn"
${sections}
`;
}

/** `sections`: more of its configuration, such as `[[udp]]`; `env`: such as `INFLUXDB_HTTP_AUTH_ENABLED`. */
export async function startInfluxd(
  limits: InfluxdLimits = [],
  sections = '',
  env: Readonly<Record<string, string>> = {},
): Promise<InfluxdProcess> {
  if (binary === undefined) throw new Error('influxd is missing: apt-get install influxdb');
  const directory = makeTempDir('influxd');
  const port = await findFreePort();
  const config = join(directory, 'influxdb.conf');
  const ports = [port, await findFreePort()] as const;
  writeFileSync(config, renderConfig(directory, ports, limits, sections));
  const server = startServer(binary, ['run', '-config', config], { HOME: directory, ...env });
  const url = `http://127.0.0.1:${port}`;
  await waitUntilReady(server, async () => {
    const { status } = await httpRequest(`${url}/ping`, { timeoutMs: 2_000 });
    return status === 204;
  });
  return {
    url,
    port,
    request: (path, params = {}, options = {}) => httpRequest(makeUrl(url, path, params), options),
    stderr: () => server.stderr(),
    stop: async () => {
      const status = await server.stop('SIGTERM');
      removeTempDir(directory);
      return status;
    },
  };
}

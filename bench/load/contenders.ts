/** The two servers of a comparison behind one face: the built citadel and the installed influxd. */

import { readdirSync, readFileSync } from 'node:fs';
import { startCitadel } from '../../test/support/citadel-process.ts';
import type { HttpResponse } from '../../test/support/http-client.ts';
import { startInfluxd } from '../../test/support/influxd-process.ts';

export interface Contender {
  readonly name: 'citadel' | 'influxd';
  readonly url: string;
  readonly pid: number;
  readonly directory: string;
  query(database: string, text: string, chunked?: boolean): Promise<HttpResponse>;
  execute(text: string): Promise<void>;
  stop(): Promise<void>;
}

type Request = (
  path: string,
  params: Record<string, string | undefined>,
  options: { method: string; timeoutMs?: number },
) => Promise<HttpResponse>;

const queryTimeoutMs = 120_000;

function makeQueries(request: Request): Pick<Contender, 'query' | 'execute'> {
  const ask = async (params: Record<string, string | undefined>, method: string) => {
    const answer = await request('/query', params, { method, timeoutMs: queryTimeoutMs });
    const start = answer.body.subarray(0, 2_000).toString();
    if (answer.status !== 200 || start.includes('"error"')) {
      throw new Error(`${params.q ?? ''}: ${answer.status} ${start}`);
    }
    return answer;
  };
  return {
    query: (db, q, chunked = false) =>
      ask({ db, q, epoch: 'ns', chunked: chunked ? 'true' : undefined }, 'GET'),
    execute: async (q) => {
      await ask({ q }, 'POST');
    },
  };
}

export async function startOurs(
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
): Promise<Contender> {
  const server = await startCitadel({ args, nodeArgs });
  return {
    name: 'citadel',
    url: server.url,
    get pid() {
      return server.pid;
    },
    directory: server.dataDir,
    ...makeQueries(server.request),
    stop: async () => {
      await server.stop();
      await server.cleanUp();
    },
  };
}

/** The process that listens on a port given in its command line's configuration file. */
function findInfluxd(port: number): { pid: number; directory: string } {
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      const config = command[command.indexOf('-config') + 1];
      if (!command[0]?.endsWith('influxd') || config === undefined) continue;
      const text = readFileSync(config, 'utf8');
      const directory = /^wal-dir = "(.*)\/wal"$/m.exec(text)?.[1];
      if (directory !== undefined && text.includes(`127.0.0.1:${port}"`)) {
        return { pid: Number(entry), directory };
      }
    } catch {
      // The process went away between listing and reading.
    }
  }
  throw new Error(`no influxd listens on ${port}`);
}

export async function startTheirs(): Promise<Contender> {
  const server = await startInfluxd();
  const { pid, directory } = findInfluxd(server.port);
  return {
    name: 'influxd',
    url: server.url,
    pid,
    directory,
    ...makeQueries(server.request),
    stop: async () => {
      await server.stop();
    },
  };
}

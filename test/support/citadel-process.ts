/**
 * The built server as a real process: `bin/citadel` on a free port with its own data directory.
 *
 * It runs what is in dist/, so `npm run build` comes first (`npm test` does that).
 */

import { fileURLToPath } from 'node:url';
import { findFreePort } from './free-port.ts';
import { type HttpRequest, type HttpResponse, httpRequest, makeUrl } from './http-client.ts';
import {
  type ExitStatus,
  type ServerProcess,
  startServer,
  waitUntilReady,
} from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

const binary = fileURLToPath(new URL('../../bin/citadel', import.meta.url));
const startAttempts = 3;

export interface CitadelOptions {
  /** Default: a new temporary directory. */
  readonly dataDir?: string;
  /** More command line arguments, e.g. ['-fsync', 'never']. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Flags of Node itself, e.g. ['--cpu-prof']. */
  readonly nodeArgs?: readonly string[];
}

export interface CitadelProcess {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly pid: number;
  stdout(): string;
  /** All that this and earlier runs on the directory wrote. */
  stderr(): string;
  running(): boolean;
  /** `request('/query', { db: 'mydb', q: 'SELECT ...' })` */
  request(
    path: string,
    params?: Readonly<Record<string, string | undefined>>,
    options?: HttpRequest,
  ): Promise<HttpResponse>;
  /** SIGSTOP, until `resume`. */
  pause(): void;
  resume(): void;
  /** SIGTERM and wait. */
  stop(): Promise<ExitStatus>;
  /** SIGKILL and wait: what a crash of the process leaves behind. */
  kill(): Promise<ExitStatus>;
  /** Starts again on the same directory and port after `stop` or `kill`. */
  restart(args?: readonly string[]): Promise<void>;
  /** Kills the process if it runs and removes its directory, if it was made here. */
  cleanUp(): Promise<void>;
}

function launch(port: number, dataDir: string, options: CitadelOptions): ServerProcess {
  const { args = [], nodeArgs = [], env = {} } = options;
  const own = ['-db', dataDir, '-http', `127.0.0.1:${port}`, '-log-format', 'json'];
  return startServer(process.execPath, [...nodeArgs, binary, ...own, ...args], env);
}

async function waitForPing(server: ServerProcess, url: string): Promise<void> {
  await waitUntilReady(server, async () => {
    const { status } = await httpRequest(`${url}/ping`, { timeoutMs: 2_000 });
    return status === 204 || status === 200;
  });
}

/** Starts on a free port; when somebody took that port in between, tries another. */
async function launchOnFreePort(dataDir: string, options: CitadelOptions) {
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort();
    const server = launch(port, dataDir, options);
    try {
      await waitForPing(server, `http://127.0.0.1:${port}`);
      return { server, port };
    } catch (error) {
      await server.stop('SIGKILL');
      const portTaken = /EADDRINUSE|already in use/.test(server.stderr());
      if (!portTaken || attempt === startAttempts) throw error;
    }
  }
}

export async function startCitadel(options: CitadelOptions = {}): Promise<CitadelProcess> {
  const dataDir = options.dataDir ?? makeTempDir('data');
  const started = await launchOnFreePort(dataDir, options);
  const { port } = started;
  const url = `http://127.0.0.1:${port}`;
  let { server } = started;
  let earlierErrors = '';

  return {
    url,
    port,
    dataDir,
    get pid() {
      return server.pid;
    },
    stdout: () => server.stdout(),
    stderr: () => earlierErrors + server.stderr(),
    running: () => server.running(),
    request: (path, params = {}, request = {}) => httpRequest(makeUrl(url, path, params), request),
    pause: () => server.send('SIGSTOP'),
    resume: () => server.send('SIGCONT'),
    stop: () => server.stop('SIGTERM'),
    kill: () => server.stop('SIGKILL'),
    restart: async (args = options.args ?? []) => {
      if (server.running()) throw new Error('stop or kill the server before restarting it');
      earlierErrors += server.stderr();
      server = launch(port, dataDir, { ...options, args });
      await waitForPing(server, url);
    },
    cleanUp: async () => {
      if (server.running()) await server.stop('SIGKILL');
      if (options.dataDir === undefined) removeTempDir(dataDir);
    },
  };
}

/** Starts `sink-process.ts`, a destination of subscriptions, and reads what was delivered to it. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort } from './free-port.ts';
import { httpRequest } from './http-client.ts';
import { type ServerProcess, startServer, waitUntilReady } from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

const script = fileURLToPath(new URL('./sink-process.ts', import.meta.url));

export interface Sink {
  readonly url: string;
  readonly port: number;
  /** Everything that was taken, with what came twice. */
  received(): string;
  kill(): Promise<void>;
  restart(options?: readonly string[]): Promise<void>;
  cleanUp(): Promise<void>;
}

export async function startSink(options: readonly string[] = []): Promise<Sink> {
  const directory = makeTempDir('sink');
  const file = join(directory, 'received');
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  let server: ServerProcess;

  async function launch(more: readonly string[]): Promise<void> {
    const args = ['--import', 'tsx', script, String(port), file, ...more];
    server = startServer(process.execPath, args);
    await waitUntilReady(server, async () => (await httpRequest(url)).status === 200);
  }

  await launch(options);
  return {
    url,
    port,
    received: () => (existsSync(file) ? readFileSync(file, 'utf8') : ''),
    kill: async () => {
      await server.stop('SIGKILL');
    },
    restart: (more = options) => launch(more),
    cleanUp: async () => {
      await server.stop('SIGKILL');
      removeTempDir(directory);
    },
  };
}

/** Runs load-client.ts as a child process and reads its answer. */

import { fileURLToPath } from 'node:url';
import { startServer } from '../../test/support/server-process.ts';

export interface LoadOptions {
  readonly url: string;
  readonly database: string;
  readonly kind: 'integer' | 'float' | 'series';
  readonly rows: number;
  readonly rowsPerBody: number;
  readonly connections: number;
}

export interface LoadResult {
  readonly rows: number;
  readonly bytes: number;
  readonly ms: number;
  /** How often the server said 503. */
  readonly retries: number;
  /** Milliseconds per request. */
  readonly p99: number;
}

const client = fileURLToPath(new URL('load-client.ts', import.meta.url));

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { url, database, kind, rows, rowsPerBody, connections } = options;
  const numbers = [rows, rowsPerBody, connections].map(String);
  const args = ['--import', 'tsx', client, url, database, kind, ...numbers];
  const child = startServer(process.execPath, ['--max-old-space-size=4096', ...args]);
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`load failed: ${child.stderr().slice(-2_000)}`);
  return JSON.parse(child.stdout()) as LoadResult;
}

/** Starts `rpc-peer-process.ts` and speaks with it; it is killed when the test file ends. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { NodeRecord } from '../../src/model/cluster.ts';

const script = fileURLToPath(new URL('./rpc-peer-process.ts', import.meta.url));
const alive = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export interface RpcPeer {
  readonly record: NodeRecord;
  /** Tells it of the other nodes. */
  introduce(records: readonly NodeRecord[]): void;
  send(signal: NodeJS.Signals): void;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
}

export async function startRpcPeer(uuid: string): Promise<RpcPeer> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, uuid], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  return {
    record: JSON.parse(line) as NodeRecord,
    introduce: (records) => {
      child.stdin.write(`${JSON.stringify(records)}\n`);
    },
    send: (signal) => {
      child.kill(signal);
    },
    kill: async () => {
      if (!alive.has(child)) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

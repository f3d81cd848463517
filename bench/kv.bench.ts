/**
 * Keys and values: the engine beside bare better-sqlite3, one node over gRPC and HTTP JSON, three nodes with two
 * copies, and Redis, all in one run.
 * 16-byte random keys, 100-byte values, fsync always.
 * Run: npm run bench -- kv [keys, default 500000] [engine] [grpc] [http] [cluster] [redis] [growth] [--NODE-FLAG of the server, such as --cpu-prof]
 * `growth`, only when it is named: memory, disk and rate of one node while so many keys are put.
 *
 * Needs a build (`npm run build`). Client and server share the cores: CPU time per operation is the server's alone.
 */

import { benchCluster } from './kv/cluster.ts';
import { benchEngine } from './kv/engine.ts';
import { benchGrowth } from './kv/growth.ts';
import { benchRedis } from './kv/redis.ts';
import { benchServer } from './kv/server.ts';
import { Keys, type Result } from './kv/workload.ts';
import { printTable } from './load/table.ts';

const words = process.argv.slice(2);
const keyCount = Number(words.find((word) => /^\d+$/.test(word)) ?? 500_000);
const nodeArgs = words.filter((word) => word.startsWith('--'));
const chosen = words.filter((word) => /^[a-z]+$/.test(word));
const isChosen = (part: string) => chosen.length === 0 || chosen.includes(part);

function cells({ what, perSecond, cpuMicros, p50, p99 }: Result): string[] {
  const rate = perSecond >= 10_000 ? `${(perSecond / 1000).toFixed(0)} k` : perSecond.toFixed(0);
  return [what, rate, cpuMicros.toFixed(1), p50.toFixed(2), p99.toFixed(2)];
}

process.stdout.write(`${keyCount} keys\n`);
if (isChosen('engine')) await benchEngine(keyCount);
if (chosen.includes('growth')) await benchGrowth(keyCount, nodeArgs);
// They take memory themselves: not for growth alone.
const keys = new Keys(chosen.join() === 'growth' ? 0 : keyCount);
const results: Result[] = [];
if (isChosen('grpc')) results.push(...(await benchServer(keys, ['gRPC'], nodeArgs)));
if (isChosen('http')) results.push(...(await benchServer(keys, ['HTTP JSON'], nodeArgs)));
if (isChosen('cluster')) results.push(...(await benchCluster(keys, nodeArgs)));
if (isChosen('redis')) {
  const redis = await benchRedis(keys);
  if (redis === undefined) process.stdout.write('redis-server is not installed\n');
  results.push(...(redis ?? []));
}
if (results.length > 0) {
  const head = ['operation', 'per s', 'CPU µs each', 'p50 ms', 'p99 ms'];
  printTable([head, ...results.map(cells)]);
}

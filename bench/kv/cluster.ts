/** Three nodes with two copies of every shard on this machine, fsync always: batches over gRPC, spread over the nodes. */

import { startCluster } from '../../test/support/citadel-cluster.ts';
import { GrpcCaller } from './server.ts';
import { batchSize, type Keys, measure, type Result, value } from './workload.ts';

/** Of each node; what a test's node is given is so little that it would flush all the time. */
const memory = '1GiB';
const concurrency = 6;
const getCount = 300_000;

/** `nodeArgs`: of each node's Node, such as --cpu-prof. */
export async function benchCluster(keys: Keys, nodeArgs: readonly string[]): Promise<Result[]> {
  const cluster = await startCluster({
    replicas: 2,
    shards: 16,
    args: ['-memory', memory, '-log-level', 'error'],
    nodeOptions: () => ({ nodeArgs }),
  });
  const callers = cluster.grpcAddresses.map((address) => new GrpcCaller(address));
  try {
    // Shards of keys are placed with the first write.
    await callers[0]!.put(keys.slice(0, 1), value);
    const pid = cluster.nodes.map((node) => node.pid);
    const work = { operations: batchSize, concurrency, pid };
    const callerOf = (i: number) => callers[i % callers.length]!;
    // Three processes have compiled little of it after so few calls: the second round tells what it costs from then on.
    const get = (what: string) =>
      measure({
        ...{ what, ...work },
        calls: Math.min(getCount, keys.count) / batchSize,
        call: (i) => callerOf(i).get(keys.some(batchSize)),
      });
    const results = [
      await measure({
        ...{ what: '3 nodes, 2 copies: put, 1,000 a batch', ...work },
        calls: Math.floor(keys.count / batchSize),
        call: (i) => callerOf(i).put(keys.slice(i * batchSize, (i + 1) * batchSize), value),
      }),
      await get('3 nodes, 2 copies: get, 1,000 a batch'),
      await get('3 nodes, 2 copies: get again'),
    ];
    // Profiles are written by nodes that end by themselves.
    if (nodeArgs.length > 0) await Promise.all(cluster.nodes.map((node) => node.stop()));
    return results;
  } finally {
    for (const caller of callers) caller.close();
    await cluster.cleanUp();
  }
}

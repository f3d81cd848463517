/** A real cluster: etcd and several `citadel` processes on free ports, with their faults. */

import { type CitadelOptions, type CitadelProcess, startCitadel } from './citadel-process.ts';
import { type EtcdProcess, startEtcd } from './etcd-process.ts';
import { findFreePort } from './free-port.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

export interface ClusterOptions {
  readonly nodeCount?: number;
  readonly replicas?: number;
  readonly shards?: number;
  /** More arguments for every node. */
  readonly args?: readonly string[];
  /** Every node is reached by the others through a proxy, which can hold up or cut what comes in. */
  readonly proxied?: boolean;
  /** What else the n-th node (from 0) is started with. */
  readonly nodeOptions?: (index: number) => Pick<CitadelOptions, 'dataDir' | 'env' | 'nodeArgs'>;
}

export interface CitadelCluster {
  readonly etcd: EtcdProcess;
  readonly nodes: readonly CitadelProcess[];
  readonly urls: readonly string[];
  /** Of the gRPC API of each node, past its proxy. */
  readonly grpcAddresses: readonly string[];
  /** In front of each node, when the cluster is proxied. */
  readonly proxies: readonly TcpProxy[];
  /** Every node answers /health, and every shard has a primary that takes writes. */
  waitUntilHealthy(patienceMs?: number): Promise<void>;
  /** Starts one more node; it is in `nodes` afterwards. */
  addNode(): Promise<CitadelProcess>;
  cleanUp(): Promise<void>;
}

const pollMs = 50;
const healthyPatienceMs = 30_000;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls until it holds. @throws Error saying what was waited for, with the last failure */
export async function waitUntil(
  what: string,
  holds: () => Promise<boolean>,
  patienceMs = healthyPatienceMs,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  let failure: unknown;
  for (;;) {
    try {
      if (await holds()) return;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not in ${patienceMs} ms: ${what}`, { cause: failure });
    }
    await sleep(pollMs);
  }
}

async function isHealthy(node: CitadelProcess): Promise<boolean> {
  const { status } = await node.request('/health', {}, { timeoutMs: 2_000 });
  return status === 200;
}

export async function startCluster(options: ClusterOptions = {}): Promise<CitadelCluster> {
  const { nodeCount = 3, replicas = 2, shards = 8, args = [], nodeOptions } = options;
  const { proxied = false } = options;
  const etcd = await startEtcd();
  const nodes: CitadelProcess[] = [];
  const proxies: TcpProxy[] = [];
  const addressOf = new Map<CitadelProcess, string>();
  let started = 0;

  async function startNode(): Promise<CitadelProcess> {
    const grpcPort = await findFreePort();
    const proxy = proxied ? await startTcpProxy(grpcPort) : undefined;
    if (proxy !== undefined) proxies.push(proxy);
    const url = proxy === undefined ? [] : ['-url', `127.0.0.1:${proxy.port}`];
    const node = await startCitadel({
      ...nodeOptions?.(started++),
      args: [
        ...['-kvstore', etcd.url, '-grpc', `127.0.0.1:${grpcPort}`],
        ...['-replicas', String(replicas), '-shards', String(shards), '-memory', '256MiB'],
        ...url,
        ...args,
      ],
    });
    addressOf.set(node, `127.0.0.1:${grpcPort}`);
    return node;
  }

  const cluster: CitadelCluster = {
    etcd,
    nodes,
    proxies,
    get urls() {
      return nodes.map(({ url }) => url);
    },
    get grpcAddresses() {
      return nodes.map((node) => addressOf.get(node)!);
    },
    async waitUntilHealthy(patienceMs) {
      const all = async () => (await Promise.all(nodes.map(isHealthy))).every(Boolean);
      await waitUntil('all nodes healthy', all, patienceMs);
    },
    async addNode() {
      const node = await startNode();
      nodes.push(node);
      return node;
    },
    async cleanUp() {
      await Promise.all(nodes.map((node) => node.cleanUp()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await etcd.cleanUp();
    },
  };
  try {
    nodes.push(...(await Promise.all(Array.from({ length: nodeCount }, startNode))));
    await cluster.waitUntilHealthy();
    return cluster;
  } catch (error) {
    const logs = nodes.map((node) => node.stderr().slice(-2_000)).join('\n');
    await cluster.cleanUp();
    throw new Error(`the cluster did not start: ${logs}`, { cause: error });
  }
}

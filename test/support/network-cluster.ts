/** A cluster of real processes, each with etcd on a host of its own in a network whose links can be cut. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './citadel-cluster.ts';
import type { CitadelProcess } from './citadel-process.ts';
import { httpRequest, makeUrl } from './http-client.ts';
import { type Network, openNetwork } from './network-namespaces.ts';
import { type ServerProcess, startServer, waitUntilReady } from './server-process.ts';
import { makeTempDir, removeTempDir } from './temp-dir.ts';

const binary = fileURLToPath(new URL('../../bin/citadel', import.meta.url));
const httpPort = 7086;
const etcdPort = 2379;
const healthyMs = 120_000;
const startMs = 60_000;

/** `host`: its name in the network. */
export interface NetworkNode extends Pick<CitadelProcess, 'url' | 'request' | 'stderr'> {
  readonly host: string;
}

export interface NetworkCluster {
  readonly network: Network;
  readonly nodes: readonly NetworkNode[];
  waitUntilHealthy(): Promise<void>;
  cleanUp(): Promise<void>;
}

export const etcdHost = 'etcd';

async function startEtcdOn(network: Network, directory: string): Promise<ServerProcess> {
  const client = `http://${network.addressOf(etcdHost)}:${etcdPort}`;
  const flags = ['--data-dir', join(directory, 'etcd'), '--log-level', 'error'];
  const urls = ['--listen-client-urls', client, '--advertise-client-urls', client];
  const server = startServer(...network.on(etcdHost, 'etcd', [...flags, ...urls]));
  const url = await network.relay(etcdHost, etcdPort);
  await waitUntilReady(
    server,
    async () => (await httpRequest(`${url}/health`, { timeoutMs: 2_000 })).status === 200,
    startMs,
  );
  return server;
}

/** Options of every node: `-replicas`, `-shards` and so on. */
export async function startNetworkCluster(options: readonly string[]): Promise<NetworkCluster> {
  const hosts = ['a', 'b', 'c'];
  const directory = makeTempDir('network');
  const network = await openNetwork([...hosts, etcdHost]);
  const servers: ServerProcess[] = [];

  async function startNode(host: string): Promise<NetworkNode> {
    const address = network.addressOf(host);
    const where = ['-http', `${address}:${httpPort}`, '-grpc', `${address}:7087`];
    const kvstore = ['-kvstore', `http://${network.addressOf(etcdHost)}:${etcdPort}`];
    const own = ['-db', join(directory, host), '-memory', '256MiB', '-log-format', 'json'];
    const args = [binary, ...where, ...kvstore, ...own, ...options];
    const server = startServer(...network.on(host, process.execPath, args));
    servers.push(server);
    const url = await network.relay(host, httpPort);
    const request: CitadelProcess['request'] = (path, params = {}, asked = {}) =>
      httpRequest(makeUrl(url, path, params), asked);
    const isUp = async () => (await request('/ping', {}, { timeoutMs: 2_000 })).status < 300;
    await waitUntilReady(server, isUp, startMs);
    return { host, url, request, stderr: server.stderr };
  }

  async function cleanUp(): Promise<void> {
    await Promise.all(servers.map((server) => server.stop('SIGKILL')));
    await network.close();
    removeTempDir(directory);
  }

  async function isHealthy({ request }: NetworkNode): Promise<boolean> {
    return (await request('/health', {}, { timeoutMs: 2_000 })).status === 200;
  }

  try {
    servers.push(await startEtcdOn(network, directory));
    const nodes: NetworkNode[] = [];
    for (const host of hosts) nodes.push(await startNode(host));
    const waitUntilHealthy = () =>
      waitUntil(
        'all nodes healthy',
        async () => (await Promise.all(nodes.map(isHealthy))).every(Boolean),
        healthyMs,
      );
    await waitUntilHealthy();
    return { network, nodes, waitUntilHealthy, cleanUp };
  } catch (error) {
    const logs = servers.map((server) => server.stderr().slice(-2_000)).join('\n');
    await cleanUp();
    throw new Error(`the cluster did not start: ${logs}`, { cause: error });
  }
}

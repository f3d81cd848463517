/** A node's rpc alone: real sockets, a map that tests set, and whatever data node they give it. */

import type { Log, LogFields } from '../../src/env/env.ts';
import { createNodeEnv } from '../../src/env/node/node-env.ts';
import type { ClusterMap, NodeRecord, ShardRecord } from '../../src/model/cluster.ts';
import type {
  MapSource,
  RpcClients,
  RpcEnv,
  RpcIdentity,
  RpcServer,
  RpcTls,
} from '../../src/rpc/contract.ts';
import type { DataNodeApi } from '../../src/rpc/data-node-api.ts';
import { openRpcClients, startRpcServer } from '../../src/rpc/rpc.ts';

export const testCluster = '11111111-2222-4333-8444-555555555555';

export interface LoggedEvent {
  readonly level: keyof Omit<Log, 'with'>;
  readonly event: string;
  readonly fields: LogFields;
}

function collectLog(events: LoggedEvent[]): Log {
  const write =
    (level: LoggedEvent['level']) =>
    (event: string, fields: LogFields = {}) => {
      events.push({ level, event, fields });
    };
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: () => log,
  };
  return log;
}

/** The real world, but what is logged is kept. */
export function makeRpcEnv(events: LoggedEvent[] = []): RpcEnv {
  return { ...createNodeEnv({ logLevel: 'error', logFormat: 'json' }), log: collectLog(events) };
}

export function makeNodeRecord(uuid: string, more: Partial<NodeRecord> = {}): NodeRecord {
  return {
    uuid,
    storeId: `store-${uuid}`,
    rpcUrl: 'http://127.0.0.1:1',
    httpUrl: 'http://127.0.0.1:1',
    snapshotUrl: 'http://127.0.0.1:1',
    zone: '',
    version: '0.0.0',
    startedMs: 1,
    workers: 1,
    ...more,
  };
}

export function makeShardRecord(shard: number, replicas: readonly string[]): ShardRecord {
  return {
    shard,
    epoch: 1,
    primary: replicas[0] ?? '',
    replicas,
    learner: undefined,
    leaving: undefined,
    degraded: false,
    isNew: false,
    version: 1,
    revision: 1,
  };
}

export function makeMap(version: number, nodes: readonly NodeRecord[], shardCount = 0): ClusterMap {
  const uuids = nodes.map(({ uuid }) => uuid);
  const tstore = Array.from({ length: shardCount }, (_, shard) => makeShardRecord(shard, uuids));
  return {
    clusterUuid: testCluster,
    version,
    replicationFactor: 2,
    nodes: new Map(nodes.map((node) => [node.uuid, node])),
    shards: { tstore, kstore: [] },
  };
}

export interface TestMap extends MapSource {
  set(map: ClusterMap): void;
}

/** Takes whatever is newer, as the real view does. */
export function makeMapSource(first: ClusterMap): TestMap {
  let map = first;
  const listeners = new Set<(map: ClusterMap) => void>();
  const set = (next: ClusterMap): void => {
    map = next;
    for (const listener of listeners) listener(next);
  };
  return {
    get map() {
      return map;
    },
    set,
    offer: (offered) => {
      if (offered.version > map.version) set(offered);
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export interface RpcNode {
  readonly uuid: string;
  readonly identity: RpcIdentity;
  readonly view: TestMap;
  readonly clients: RpcClients;
  readonly server: RpcServer;
  readonly events: readonly LoggedEvent[];
  /** Where it can be reached. */
  readonly record: NodeRecord;
  close(): Promise<void>;
}

export interface RpcNodeOptions {
  readonly dataNode: DataNodeApi;
  readonly clusterUuid?: string;
  readonly workers?: number;
  readonly tls?: RpcTls;
  readonly port?: number;
  /** Default: the loopback address. */
  readonly host?: string;
  readonly snapshotBytesPerSecond?: number;
  readonly snapshotQuietMs?: number;
}

/** Knows nobody until its view is set. */
export async function startRpcNode(uuid: string, options: RpcNodeOptions): Promise<RpcNode> {
  const events: LoggedEvent[] = [];
  const env = makeRpcEnv(events);
  const view = makeMapSource(makeMap(1, []));
  const clusterUuid = options.clusterUuid ?? testCluster;
  const identity = { clusterUuid, node: uuid, storeId: `store-${uuid}` };
  const { tls, snapshotQuietMs } = options;
  const common = { env, identity, view, tls, snapshotQuietMs };
  const clients = openRpcClients(common);
  const server = await startRpcServer({
    ...common,
    dataNode: options.dataNode,
    inbox: clients.inbox,
    snapshotBytesPerSecond: options.snapshotBytesPerSecond,
    listen: { host: options.host ?? '127.0.0.1', port: options.port ?? 0, snapshotPort: 0 },
  });
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    uuid,
    identity,
    view,
    clients,
    server,
    events,
    record: makeNodeRecord(uuid, {
      rpcUrl: `${scheme}://127.0.0.1:${server.port}`,
      snapshotUrl: `${scheme}://127.0.0.1:${server.snapshotPort}`,
      workers: options.workers ?? 1,
    }),
    close: async () => {
      clients.close();
      await server.close(200);
    },
  };
}

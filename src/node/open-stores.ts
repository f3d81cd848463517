/**
 * Opens what keeps data: metadata, catalog, data node, and in a cluster the connections between them.
 *
 * In a cluster the order is: connections out, data node (it sends through them), server (it takes what
 * comes in). Nobody knows of this node before it attaches, which is the last step of a start.
 */

import { CitadelError } from '../base/errors.ts';
import type { MemoryLimits } from '../base/memory-budget.ts';
import { type DataNode, type DataNodeOptions, openDataNode } from '../datanode/datanode.ts';
import type { Env } from '../env/env.ts';
import { type OpenCatalog, openCatalog } from '../metadata/catalog.ts';
import type { CatalogView } from '../metadata/catalog-view.ts';
import type { NodeRecord } from '../model/cluster.ts';
import type { RpcClients, RpcServer } from '../rpc/contract.ts';
import type { DataNodeApi } from '../rpc/data-node-api.ts';
import { openRpcClients, startRpcServer } from '../rpc/rpc.ts';
import type { ClusterConfig, NodeConfig } from './config.ts';
import { DropSweeper } from './drop-sweeper.ts';
import { type NodeMetadata, openNodeMetadata } from './node-metadata.ts';
import type { Openings } from './openings.ts';
import { findTails } from './tails-at-start.ts';

const progressPeriodMs = 1_000;
/** While etcd is away at start. */
const catalogRetryMs = 500;
/** What queries may hold is shared by the half that scans and the half that makes the answer. */
export const scansShare = 0.5;

export interface Stores {
  readonly metadata: NodeMetadata;
  readonly catalog: OpenCatalog;
  readonly dataNode: DataNode;
  /** This node's own, or a client of another's. */
  readonly dataNodeOf: (uuid: string) => DataNodeApi | undefined;
  /** Undefined = alone. */
  readonly rpc: RpcServer | undefined;
  /** Called after users, grants, continuous queries or subscriptions have changed; returns how to stop. */
  readonly onAdminChange: (listener: () => void) => () => void;
}

function listRules({ databases }: CatalogView): DataNodeOptions['policies'] {
  return databases.flatMap((db) =>
    db.policies.map(({ id, durationNs, shardGroupDurationNs }) => ({
      dbId: db.id,
      rpId: id,
      durationNs,
      shardGroupDurationNs,
    })),
  );
}

/** A long replay says how far it is, once a second. */
function logProgress({ clock, log }: Env): Parameters<typeof openDataNode>[3] {
  let lastMs = clock.monotonicMs();
  return (progress) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lastMs < progressPeriodMs) return;
    lastMs = nowMs;
    log.info('recovering', { ...progress });
  };
}

export function queryMemory({ limits }: NodeConfig, share: number): MemoryLimits {
  return {
    queryBytes: limits.queryMemoryBytes * share,
    totalBytes: limits.queriesMemoryBytes * share,
  };
}

/** Waits for a metadata store that is away: without the catalog no request could be answered. */
async function openCatalogWhenReached(
  env: Env,
  open: () => Promise<OpenCatalog>,
): Promise<OpenCatalog> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof CitadelError && error.code === 'unavailable')) throw error;
      if (attempt === 1) env.log.warn('waiting for the catalog', { error: error.message });
      await env.timers.sleep(catalogRetryMs);
    }
  }
}

function openClients(env: Env, { directory, view }: NodeMetadata): RpcClients {
  const { uuid: node, storeId, clusterUuid } = directory.identity;
  return openRpcClients({ env, identity: { node, storeId, clusterUuid }, view });
}

async function startServer(
  env: Env,
  { directory, view }: NodeMetadata,
  { rpc }: ClusterConfig,
  dataNode: DataNode,
  { inbox }: RpcClients,
): Promise<RpcServer> {
  const { uuid: node, storeId, clusterUuid } = directory.identity;
  const identity = { node, storeId, clusterUuid };
  return startRpcServer({ env, identity, view, listen: rpc, dataNode, inbox });
}

export async function openStores(
  env: Env,
  config: NodeConfig,
  openings: Openings,
): Promise<Stores> {
  const metadata = await openNodeMetadata(env, config, openings);
  const { directory, store, view } = metadata;
  let dataNode: DataNode | undefined;
  let sweeper: DropSweeper | undefined;
  const adminListeners = new Set<() => void>();
  const onAdminChange = (changed: () => void) => {
    adminListeners.add(changed);
    return () => adminListeners.delete(changed);
  };
  const listener = {
    adminChanged: () => {
      for (const changed of adminListeners) changed();
    },
    databasesChanged: () => {
      dataNode?.setPolicies(listRules(catalog.view));
      sweeper?.run().catch((error) => env.log.error('cannot drop', { error }));
    },
    failed: (error: unknown) => env.log.error('cannot read the catalog', { error: String(error) }),
  };
  const catalog = await openCatalogWhenReached(env, () => openCatalog(store, env, listener));
  openings.add(async () => catalog.close());
  const { threads, fsync, fsyncIntervalMs, memoryBytes, care } = config;
  const policies = listRules(catalog.view);
  const scanMemory = queryMemory(config, scansShare);
  const clients = config.cluster && openClients(env, metadata);
  openings.add(async () => clients?.close());
  const cluster = clients && { view, transport: clients.peers, snapshots: clients.snapshots };
  const storage = { threads, fsync, fsyncIntervalMs, memoryBytes, care };
  const tails = await findTails(env.log, config, metadata, catalog);
  const options = { ...storage, scanMemory, policies, cluster, tails };
  const opened = await openDataNode(env, directory, options, logProgress(env));
  dataNode = opened;
  openings.add(() => opened.close({ flush: true }));
  sweeper = new DropSweeper(catalog, opened, env);
  openings.add(async () => sweeper?.close());
  await sweeper.run();
  const { uuid } = directory.identity;
  if (config.cluster === undefined || clients === undefined) {
    const dataNodeOf = (node: string) => (node === uuid ? opened : undefined);
    return { metadata, catalog, dataNode, dataNodeOf, rpc: undefined, onAdminChange };
  }
  const rpc = await startServer(env, metadata, config.cluster, opened, clients);
  openings.add(() => rpc.close());
  const dataNodeOf = (node: string) => (node === uuid ? opened : clients.dataNode(node));
  return { metadata, catalog, dataNode, dataNodeOf, rpc, onAdminChange };
}

/** `host` as others can reach it. */
function reachable(env: Env, host: string): string {
  const name = host === '' || host === '0.0.0.0' || host === '::' ? env.host.hostname : host;
  return name.includes(':') ? `[${name}]` : name;
}

/** What the others are told about this node. */
export function describeSelf(
  env: Env,
  config: NodeConfig,
  cluster: ClusterConfig,
  { metadata, rpc }: { readonly metadata: NodeMetadata; readonly rpc: RpcServer },
  facts: { readonly httpPort: number; readonly startedMs: number },
): NodeRecord {
  const { uuid, storeId, logCount } = metadata.directory.identity;
  const rpcUrl = cluster.url || `http://${reachable(env, cluster.rpc.host)}:${rpc.port}`;
  const { hostname } = new URL(rpcUrl);
  const httpHost = config.http.host === '' ? hostname : reachable(env, config.http.host);
  return {
    uuid,
    storeId,
    rpcUrl,
    httpUrl: `http://${httpHost}:${facts.httpPort}`,
    snapshotUrl: `http://${hostname}:${rpc.snapshotPort}`,
    zone: cluster.zone,
    version: config.version,
    startedMs: facts.startedMs,
    workers: Math.min(config.threads, logCount),
  };
}

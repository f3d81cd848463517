/**
 * Composition root: builds, starts and stops one node.
 *
 * Order at start: directory and lock, metadata, data node (replays the logs), what was left of drops,
 * broker, and HTTP last, so that nobody is answered by half a node. Stopping is the same backwards.
 */

import type { CitadelError } from '../base/errors.ts';
import type { MemoryLimits } from '../base/memory-budget.ts';
import { type Broker, createBroker } from '../broker/broker.ts';
import { AckedMarks } from '../broker/route/acked-marks.ts';
import { warmWritePath } from '../broker/warm-up.ts';
import { type DataDirectory, openDataDirectory } from '../datanode/data-directory.ts';
import { type DataNode, type DataNodeOptions, openDataNode } from '../datanode/datanode.ts';
import type { Env, Log } from '../env/env.ts';
import { type HttpServer, startHttpServer } from '../http/http-server.ts';
import { type OpenCatalog, openCatalog } from '../metadata/catalog.ts';
import type { CatalogView } from '../metadata/catalog-view.ts';
import type { NodeConfig } from './config.ts';
import { type OpenMetadata, openMetadata, refuseExternalStore } from './open-metadata.ts';

/** Requests in flight at a stop have so long to finish. */
const requestPatienceMs = 8_000;
const progressPeriodMs = 1_000;
/** Share of the memory budget that request bodies may take at once. */
const bodiesShare = 0.25;
/** What queries may hold is shared by the half that scans and the half that makes the answer. */
const scansShare = 0.5;

export interface RunningNode {
  /** With the real port when 0 was asked for. */
  readonly httpUrl: string;
  /** Rejects when a part has died: state in memory may be wrong, so the process must end. */
  readonly failed: Promise<never>;
  /** Stops taking requests, finishes those in flight, makes everything durable. Idempotent. */
  stop(): Promise<void>;
}

/** What has been opened so far; closed in reverse, whether all of it was opened or not. */
class Openings {
  readonly #closers: (() => Promise<void>)[] = [];

  add(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** Closes everything even when something fails; throws the first failure. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
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

interface Stores {
  readonly directory: DataDirectory;
  readonly metadata: OpenMetadata;
  readonly catalog: OpenCatalog;
  readonly dataNode: DataNode;
}

async function openStores(env: Env, config: NodeConfig, openings: Openings): Promise<Stores> {
  const { dataDir: path, uuid, shardCount } = config;
  const directory = await openDataDirectory(env, { path, uuid, shardCount });
  openings.add(() => directory.close());
  const metadata = await openMetadata(env, directory);
  openings.add(() => metadata.close());
  let dataNode: DataNode | undefined;
  const catalog = await openCatalog(metadata.store, env, {
    databasesChanged: () => dataNode?.setPolicies(listRules(catalog.view)),
    failed: (error) => env.log.error('cannot read the catalog', { error: String(error) }),
  });
  openings.add(async () => catalog.close());
  const { threads, fsync, fsyncIntervalMs, memoryBytes } = config;
  const policies = listRules(catalog.view);
  const scanMemory = queryMemory(config, scansShare);
  const options = { threads, fsync, fsyncIntervalMs, memoryBytes, scanMemory, policies };
  const opened = await openDataNode(env, directory, options, logProgress(env));
  dataNode = opened;
  openings.add(() => opened.close({ flush: true }));
  return { directory, metadata, catalog, dataNode };
}

function queryMemory({ limits }: NodeConfig, share: number): MemoryLimits {
  return {
    queryBytes: limits.queryMemoryBytes * share,
    totalBytes: limits.queriesMemoryBytes * share,
  };
}

/** Drops whose files may still be there, because the process ended in between. */
async function finishDrops({ catalog, dataNode }: Stores, log: Log): Promise<void> {
  for (const { dbId, rpId } of await catalog.dropped()) {
    try {
      await dataNode.dropData(dbId, rpId);
    } catch (error) {
      log.warn('dropped data stays until the next start', { dbId, rpId, error: String(error) });
    }
  }
}

async function startServing(
  env: Env,
  config: NodeConfig,
  { directory, metadata, catalog, dataNode }: Stores,
): Promise<HttpServer> {
  const { version, dataDir } = config;
  const url = config.cluster?.url ?? '';
  const limits = { ...config.limits, memory: queryMemory(config, 1 - scansShare) };
  const startedMs = env.clock.wallMs();
  const { uuid, clusterUuid } = directory.identity;
  const { view } = metadata;
  const ownNode = (node: string) => (node === uuid ? dataNode : undefined);
  const route = { env, cluster: view, dataNode: ownNode, marks: new AckedMarks() };
  const { consistency: defaultLevel } = config;
  const broker: Broker = createBroker({
    env,
    catalog,
    dataNode,
    route,
    defaultLevel,
    limits,
    build: { version, startedMs },
  });
  const facts = { version, uuid, clusterUuid, dataDir, url, metadata: 'embedded', startedMs };
  const bodiesSizeMax = Math.floor(config.memoryBytes * bodiesShare);
  return startHttpServer(
    { env, broker, catalog, facts },
    {
      ...config.http,
      bodySizeMax: config.maxBodyBytes || bodiesSizeMax,
      bodiesSizeMax,
    },
  );
}

function rejectWhenFailed({ dataNode, metadata }: Stores): Promise<never> {
  const dataNodeFailed = dataNode.failed.then((error: CitadelError) => Promise.reject(error));
  const failed = Promise.race<never>([dataNodeFailed, metadata.failed]);
  failed.catch(() => undefined);
  return failed;
}

/** @throws CitadelError, each with one clear line, when the node cannot start. */
export async function startNode(env: Env, config: NodeConfig): Promise<RunningNode> {
  refuseExternalStore(config.cluster?.etcd.urls ?? []);
  const openings = new Openings();
  try {
    // While the stores open, this thread would only wait.
    const [stores] = await Promise.all([openStores(env, config, openings), warmWritePath(env)]);
    await finishDrops(stores, env.log);
    const server = await startServing(env, config, stores);
    openings.add(() => server.stop(requestPatienceMs));
    env.log.info('ready', { url: server.url, dataDir: config.dataDir, version: config.version });
    let stopped: Promise<void> | undefined;
    return {
      httpUrl: server.url,
      failed: rejectWhenFailed(stores),
      stop: () => {
        stopped ??= openings.close();
        return stopped;
      },
    };
  } catch (error) {
    await openings.close().catch(() => undefined);
    throw error;
  }
}

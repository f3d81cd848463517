/**
 * Composition root: builds, starts and stops one node.
 *
 * Order at start: directory and lock, metadata, data node (replays the logs), what was left of drops,
 * broker, services, HTTP, and in a cluster the node's record last, so that nobody is answered by half a node.
 * Stopping is the same backwards, after the primaries were handed over.
 */

import { type Access, createAccess } from '../access/access.ts';
import type { CitadelError } from '../base/errors.ts';
import { type Broker, createBroker } from '../broker/broker.ts';
import { AckedMarks } from '../broker/route/acked-marks.ts';
import { warmWritePath } from '../broker/warm-up.ts';
import type { Env } from '../env/env.ts';
import { type HttpServer, startHttpServer } from '../http/http-server.ts';
import type { ServiceReport } from '../http/parts.ts';
import { makeShardMap } from '../metadata/cluster-record.ts';
import { type Services, startServices } from '../services/services.ts';
import { makeAskReplicas } from './ask-replicas.ts';
import { makeBackupPort } from './backup-port.ts';
import type { NodeConfig } from './config.ts';
import { describeSelf, openStores, queryMemory, type Stores, scansShare } from './open-stores.ts';
import { Openings } from './openings.ts';
import { joinReports, startAudit } from './replica-audit.ts';
import { startGrpc } from './start-grpc.ts';
import { clockSlackMs } from './tails-at-start.ts';

/** Requests in flight at a stop have so long to finish. */
const requestPatienceMs = 8_000;
/** At a stop the other replicas have so long to take over. */
const handOverPatienceMs = 1_000;
/** Share of the memory budget that request bodies may take at once. */
const bodiesShare = 0.25;

export interface RunningNode {
  /** With the real port when 0 was asked for. */
  readonly httpUrl: string;
  /** Rejects when a part has died: state in memory may be wrong, so the process must end. */
  readonly failed: Promise<never>;
  /** Stops taking requests, finishes those in flight, makes everything durable. Idempotent. */
  stop(): Promise<void>;
}

interface Serving {
  readonly broker: Broker;
  readonly access: Access;
  readonly reports: ServiceReport;
  readonly startedMs: number;
}

function startBroker(
  env: Env,
  config: NodeConfig,
  { metadata, catalog, dataNode, dataNodeOf }: Stores,
  startedMs: number,
): Broker {
  const { version, consistency: defaultLevel } = config;
  const limits = { ...config.limits, memory: queryMemory(config, 1 - scansShare) };
  const route = {
    env,
    cluster: metadata.view,
    dataNode: dataNodeOf,
    marks: new AckedMarks(),
  };
  const build = { version, startedMs };
  const { shardCount } = metadata.directory.identity;
  const setUpKeys = async () => {
    const { replicationFactor } = metadata.view.map;
    const layout = { shardCount, replicationFactor };
    await makeShardMap(metadata.store, env.clock, 'kstore', layout);
  };
  return createBroker({
    env,
    catalog,
    dataNode,
    route,
    defaultLevel,
    limits,
    build,
    setUpKeys: metadata.cluster && setUpKeys,
    allowChangesByGet: config.access.allowChangesByGet,
  });
}

function startOwnServices(
  env: Env,
  config: NodeConfig,
  { metadata, catalog, dataNode, onAdminChange }: Stores,
  broker: Broker,
): Promise<Services> {
  const { store, view, cluster, directory } = metadata;
  const { disk, identity } = directory;
  const lease = cluster && (() => cluster.lease());
  const { services: settings } = config;
  return startServices({
    env,
    broker,
    catalog,
    store,
    disk,
    self: identity.uuid,
    lease,
    cluster: view,
    tails: dataNode.tails,
    clockSlackMs: clockSlackMs(config),
    onAdminChange,
    settings,
  });
}

async function startServing(
  env: Env,
  config: NodeConfig,
  stores: Stores,
  { broker, access, reports, startedMs }: Serving,
): Promise<HttpServer> {
  const { version, dataDir } = config;
  const { catalog, metadata: open } = stores;
  const { uuid, clusterUuid } = open.directory.identity;
  const metadata = open.cluster === undefined ? 'embedded' : 'etcd';
  const url = config.cluster?.url ?? '';
  const facts = { version, uuid, clusterUuid, dataDir, url, metadata, startedMs };
  const bodiesSizeMax = Math.floor(config.memoryBytes * bodiesShare);
  return startHttpServer(
    {
      env,
      broker,
      catalog,
      access,
      facts,
      cluster: open.cluster?.admin,
      services: reports,
      backups: makeBackupPort(env, stores),
    },
    {
      ...config.http,
      bodySizeMax: config.maxBodyBytes || bodiesSizeMax,
      bodiesSizeMax,
      asksAtPing: config.access.asksAtPing,
    },
  );
}

/** The last step of a start: from here on the other nodes count on this one. */
async function attach(
  env: Env,
  config: NodeConfig,
  { metadata, rpc, dataNodeOf }: Stores,
  facts: { readonly httpPort: number; readonly startedMs: number },
): Promise<void> {
  const { cluster } = metadata;
  if (cluster === undefined || rpc === undefined || config.cluster === undefined) return;
  const self = describeSelf(env, config, config.cluster, { metadata, rpc }, facts);
  await cluster.attach(self, makeAskReplicas(env, metadata.view, dataNodeOf));
}

function rejectWhenFailed({ dataNode, metadata }: Stores): Promise<never> {
  const dataNodeFailed = dataNode.failed.then((error: CitadelError) => Promise.reject(error));
  const failed = Promise.race<never>([dataNodeFailed, metadata.failed]);
  failed.catch(() => undefined);
  return failed;
}

/** @throws CitadelError, each with one clear line, when the node cannot start. */
export async function startNode(env: Env, config: NodeConfig): Promise<RunningNode> {
  const openings = new Openings();
  const startedMs = env.clock.wallMs();
  try {
    // While the stores open, this thread would only wait.
    const [stores] = await Promise.all([openStores(env, config, openings), warmWritePath(env)]);
    const broker = startBroker(env, config, stores, startedMs);
    const services = await startOwnServices(env, config, stores, broker);
    openings.add(() => services.stop());
    const access = await createAccess({ ...env, catalog: stores.catalog }, config.access);
    const stopGrpc = await startGrpc(env, config, stores, { broker, access, startedMs });
    openings.add(() => stopGrpc(requestPatienceMs));
    const audit = startAudit(env, config, stores);
    openings.add(async () => audit?.stop());
    const reports = joinReports(services, audit);
    const serving = { broker, access, reports, startedMs };
    const server = await startServing(env, config, stores, serving);
    openings.add(() => server.stop(requestPatienceMs));
    openings.add(async () => stores.metadata.cluster?.handOver(handOverPatienceMs));
    await attach(env, config, stores, { httpPort: Number(new URL(server.url).port), startedMs });
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

/**
 * The metadata of a node in a cluster: etcd, the watched map, this node's session and the controller.
 *
 * A directory gets here in one of four states: fresh (it joins the cluster there is, or makes one), with
 * metadata of its own (which moves to etcd first), a member's (which starts with its last map, even
 * when etcd is away), or with data but nothing that says whose (which is refused).
 */

import { CitadelError } from '../base/errors.ts';
import type { DataDirectory } from '../datanode/data-directory.ts';
import { hasData, joinCluster } from '../datanode/join-cluster.ts';
import type { Env } from '../env/env.ts';
import { adoptEmbedded, findMoveState } from '../metadata/adopt.ts';
import { CatalogCopy } from '../metadata/catalog-copy.ts';
import { ClusterAdmin } from '../metadata/cluster-admin.ts';
import {
  checkCluster,
  findCluster,
  makeCluster,
  makeShardMap,
} from '../metadata/cluster-record.ts';
import type { ClusterRecord } from '../metadata/cluster-records.ts';
import { ClusterWatch } from '../metadata/cluster-watch.ts';
import { Controller } from '../metadata/controller/controller.ts';
import { type DecisionRules, defaultRules } from '../metadata/controller/decide.ts';
import type { AskReplicas } from '../metadata/controller/replica-reports.ts';
import { openEtcdMetaStore } from '../metadata/etcd/etcd-meta-store.ts';
import { handOverPrimaries } from '../metadata/hand-over.ts';
import { clusterKey } from '../metadata/meta-keys.ts';
import type { MetaStore } from '../metadata/meta-store.ts';
import { Reseeder } from '../metadata/reseed.ts';
import { Session } from '../metadata/session.ts';
import type { ClusterMap, NodeRecord, StoreKind } from '../model/cluster.ts';
import type { ClusterConfig } from './config.ts';
import { hasEmbeddedMetadata, openEmbeddedStore } from './open-metadata.ts';

/** A start that needs etcd waits so long for it. */
const startPatienceMs = 60_000;
const startRetryMs = 500;

export interface ClusterMetadataOptions {
  /** As persisted in the data directory. */
  readonly lastMap: ClusterMap | undefined;
  /** As the operator asks for it; undefined = whatever there is. */
  readonly shardCount: number | undefined;
  /** Kinds of stores beside tstore that this node serves: set up when the cluster does not have them yet. */
  readonly otherKinds?: readonly StoreKind[] | undefined;
  /** A write probe of the data directory; while it fails the lease is left to run out. */
  readonly gate?: (() => Promise<void>) | undefined;
}

export interface ClusterMetadata {
  /** The directory as a member of the cluster: use it instead of the one given. */
  readonly directory: DataDirectory;
  /** Guarded, and with a copy of the catalog for when etcd is away. */
  readonly store: MetaStore;
  readonly view: ClusterWatch;
  /** For the wishes of an operator. */
  readonly admin: ClusterAdmin;
  /** Whose controller is the active one, as last heard. */
  leader(): string | undefined;
  /** Makes this node known, when others can reach it. Resolves after the first attempt; goes on by itself. */
  attach(node: NodeRecord, askReplicas: AskReplicas): Promise<void>;
  /** Of this node's session; undefined = not attached. */
  lease(): string | undefined;
  /** Before a stop: the other replicas take over what this node is primary of. Resolves when done, or after `patienceMs`. */
  handOver(patienceMs: number): Promise<void>;
  /** Gives the lease back. */
  close(): Promise<void>;
}

function toAccess({ etcd, name }: ClusterConfig) {
  const { urls, user, password, ca, cert, key } = etcd;
  const bytes = (pem: string) => (pem === '' ? undefined : new TextEncoder().encode(pem));
  const authority = bytes(ca);
  return {
    clusterName: name,
    urls,
    user: user === '' ? undefined : { name: user, password },
    tls: authority && { ca: authority, cert: bytes(cert), key: bytes(key) },
  };
}

/** Repeats what failed for want of etcd. */
async function untilReached<T>({ clock, timers, log }: Env, work: () => Promise<T>): Promise<T> {
  const deadlineMs = clock.monotonicMs() + startPatienceMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isAway = error instanceof CitadelError && error.code === 'unavailable';
      if (!isAway || clock.monotonicMs() > deadlineMs) throw error;
      if (attempt === 1) log.warn('waiting for etcd', { error: error.message });
      await timers.sleep(startRetryMs);
    }
  }
}

/** The directory has metadata of its own that is not, or not all, in etcd. */
async function mustMove(env: Env, directory: DataDirectory): Promise<boolean> {
  if (!(await hasEmbeddedMetadata(directory))) return false;
  const embedded = await openEmbeddedStore(env, directory);
  try {
    return (await findMoveState(embedded.store)) !== 'moved';
  } finally {
    await embedded.close();
  }
}

/** Moves what the directory's own metadata has to etcd. Resolves with whether that is where it is now. */
async function adopt(
  env: Env,
  directory: DataDirectory,
  store: MetaStore,
  { replicationFactor }: ClusterConfig,
): Promise<boolean> {
  if (!(await hasEmbeddedMetadata(directory))) return false;
  const embedded = await openEmbeddedStore(env, directory);
  try {
    if ((await findMoveState(embedded.store)) === 'moved') return true;
    // A first start that was cut short before it had made anything.
    const isUnmade = (await embedded.store.get(clusterKey)) === undefined;
    if (isUnmade && !(await hasData(directory))) return false;
    const nodeUuid = directory.identity.uuid;
    const options = { nodeUuid, replicationFactor };
    await untilReached(env, () => adoptEmbedded(embedded.store, store, options, env.log));
    return true;
  } finally {
    await embedded.close();
  }
}

/** The cluster this directory belongs to; a fresh one may make it. */
async function findOwnCluster(
  env: Env,
  directory: DataDirectory,
  store: MetaStore,
  config: ClusterConfig,
): Promise<ClusterRecord> {
  const mayMake = !(await adopt(env, directory, store, config)) && !(await hasData(directory));
  const { clusterUuid, shardCount } = directory.identity;
  const { replicationFactor } = config;
  const wanted = { clusterUuid, shardCount, replicationFactor };
  const found = await untilReached(env, () =>
    mayMake ? makeCluster(store, env.clock, wanted) : findCluster(store),
  );
  if (found !== undefined) return found;
  throw new CitadelError(
    'conflict',
    `etcd has no cluster '${config.name}', but data directory ${directory.path} is a member's: correct -kvstore or -cluster, or restore etcd's data`,
  );
}

async function join(
  env: Env,
  directory: DataDirectory,
  store: MetaStore,
  config: ClusterConfig,
  { lastMap, shardCount }: ClusterMetadataOptions,
): Promise<DataDirectory> {
  const isMember = lastMap?.clusterUuid === directory.identity.clusterUuid;
  // A member has no need of etcd to start.
  if (isMember && !(await mustMove(env, directory))) return directory;
  const cluster = await findOwnCluster(env, directory, store, config);
  checkCluster(cluster, { clusterUuid: cluster.clusterUuid, shardCount });
  return joinCluster(directory, cluster);
}

class Opened implements ClusterMetadata {
  readonly directory: DataDirectory;
  readonly store: MetaStore;
  readonly view: ClusterWatch;
  readonly admin: ClusterAdmin;
  readonly #env: Env;
  readonly #ttlMs: number;
  readonly #rules: DecisionRules;
  readonly #gate: ClusterMetadataOptions['gate'];
  #session: Session | undefined;
  #controller: Controller | undefined;

  constructor(
    env: Env,
    bare: MetaStore,
    directory: DataDirectory,
    options: ClusterMetadataOptions & { readonly ttlMs: number; readonly replaceAfterMs: number },
  ) {
    this.directory = directory;
    this.#env = env;
    this.#ttlMs = options.ttlMs;
    this.#rules = { ...defaultRules, replaceAfterMs: options.replaceAfterMs };
    this.#gate = options.gate;
    const { uuid: self, clusterUuid } = directory.identity;
    const isAttached = (ms: number) => this.#session?.isAttached(ms) ?? false;
    const { lastMap } = options;
    this.view = new ClusterWatch(env, bare, { self, clusterUuid, lastMap, isAttached });
    const { disk } = directory;
    const reseeder = new Reseeder({ env, store: bare, view: this.view, disk, clusterUuid });
    this.admin = new ClusterAdmin(this.view, this.#rules, reseeder);
    // Everything below it is closed with it.
    this.store = new CatalogCopy(env, this.view.store, directory.disk, clusterUuid);
  }

  leader(): string | undefined {
    return this.#controller?.leader;
  }

  lease(): string | undefined {
    return this.#session?.lease;
  }

  async attach(node: NodeRecord, askReplicas: AskReplicas): Promise<void> {
    const session = new Session(this.#env, this.view.store, node, {
      ttlMs: this.#ttlMs,
      gate: this.#gate,
    });
    this.#session = session;
    this.#controller = new Controller(this.#env, this.view, session, askReplicas, this.#rules);
    await session.start();
    this.view.onChange((map) => session.observe(map));
    this.#controller.start();
  }

  async handOver(patienceMs: number): Promise<void> {
    if (this.#session === undefined) return;
    await handOverPrimaries(this.#env, this.view, this.#session, patienceMs);
  }

  async close(): Promise<void> {
    await this.#controller?.close();
    await this.#session?.close();
    this.view.close();
    await this.store.close();
  }
}

/** A node that starts while etcd is away leaves it to the next start. */
async function setUpKinds(
  env: Env,
  view: ClusterWatch,
  { replicationFactor }: ClusterConfig,
  kinds: readonly StoreKind[],
): Promise<void> {
  for (const kind of kinds) {
    if (!view.isFollowing || view.layout(kind) !== undefined) continue;
    const { shardCount } = view.layout('tstore') ?? {};
    await makeShardMap(view.store, env.clock, kind, { shardCount, replicationFactor });
  }
}

/**
 * @throws CitadelError `conflict` when directory and etcd do not belong together, `unavailable` when etcd is needed and away,
 *   `unauthorized`, `unsupported-version`, `corrupt`
 */
export async function openClusterMetadata(
  env: Env,
  directory: DataDirectory,
  config: ClusterConfig,
  options: ClusterMetadataOptions,
): Promise<ClusterMetadata> {
  const store = openEtcdMetaStore(env, toAccess(config));
  try {
    const joined = await join(env, directory, store, config, options);
    const { leaseTtlMs: ttlMs, replaceAfterMs } = config;
    const opened = new Opened(env, store, joined, { ...options, ttlMs, replaceAfterMs });
    await opened.view.open();
    await setUpKinds(env, opened.view, config, options.otherKinds ?? []);
    return opened;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The metadata of a node, whether it is alone or one of a cluster. */

import { loadClusterMap } from '../datanode/cluster-map-file.ts';
import { type DataDirectory, openDataDirectory } from '../datanode/data-directory.ts';
import type { Env } from '../env/env.ts';
import type { ClusterView } from '../metadata/cluster-view.ts';
import type { MetaStore } from '../metadata/meta-store.ts';
import type { ClusterConfig, NodeConfig } from './config.ts';
import type { ClusterMetadata } from './open-cluster-metadata.ts';
import { openMetadata } from './open-metadata.ts';
import type { Openings } from './openings.ts';

/** Written and synced before each renewal of the lease: a disk that hangs costs the node its lease. */
const probeFile = 'lease-probe';

export interface NodeMetadata {
  readonly directory: DataDirectory;
  readonly store: MetaStore;
  readonly view: ClusterView;
  /** Undefined = alone. */
  readonly cluster: ClusterMetadata | undefined;
  /** Rejects when the store's thread dies; never settles in a cluster. */
  readonly failed: Promise<never>;
}

async function openInCluster(
  env: Env,
  opened: DataDirectory,
  config: ClusterConfig,
  shardCount: number | undefined,
): Promise<ClusterMetadata> {
  const { disk } = opened;
  // The client of etcd takes long to load, and a node that is alone has no use for it.
  const { openClusterMetadata } = await import('./open-cluster-metadata.ts');
  const lastMap = await loadClusterMap(disk);
  const gate = () => disk.writeAtomic(probeFile, new Uint8Array(1));
  return openClusterMetadata(env, opened, config, { lastMap, shardCount, gate });
}

/** Errors: as of the data directory and of the metadata store. */
export async function openNodeMetadata(
  env: Env,
  config: NodeConfig,
  openings: Openings,
): Promise<NodeMetadata> {
  const { dataDir: path, uuid, shardCount } = config;
  const opened = await openDataDirectory(env, { path, uuid, shardCount });
  openings.add(() => opened.close());
  if (config.cluster === undefined) {
    const metadata = await openMetadata(env, opened);
    openings.add(() => metadata.close());
    return { directory: opened, cluster: undefined, ...metadata };
  }
  const cluster = await openInCluster(env, opened, config.cluster, shardCount);
  openings.add(() => cluster.close());
  const { directory, store, view } = cluster;
  return { directory, store, view, cluster, failed: new Promise<never>(() => undefined) };
}

/** What the HTTP server works with. */

import type { Access } from '../access/access.ts';
import type { Reading } from '../base/reading.ts';
import type { Broker } from '../broker/broker.ts';
import type { Env } from '../env/env.ts';
import type { Catalog } from '../metadata/catalog-view.ts';
import type { ClusterAdmin } from '../metadata/cluster-admin.ts';
import type { CatalogEntry, CatalogRestore } from '../metadata/restore-catalog.ts';
import type { ShardBackups } from '../model/store-backup.ts';

export interface NodeFacts {
  readonly version: string;
  readonly uuid: string;
  readonly clusterUuid: string;
  readonly dataDir: string;
  /** Advertised gRPC URL; '' = none. */
  readonly url: string;
  /** `etcd` or `embedded`. */
  readonly metadata: string;
  readonly startedMs: number;
}

/** What the node does by itself tells about itself. */
export interface ServiceReport {
  readings(): readonly Reading[];
  /** By service. */
  describe(): Readonly<Record<string, unknown>>;
}

/** What this node has of backups. */
export interface BackupPort {
  readonly shards: ShardBackups;
  readCatalog(): Promise<readonly CatalogEntry[]>;
  readonly catalogRestore: CatalogRestore;
  /** Sets up the shards of keys where there are none yet. */
  setUpKeys(): Promise<void>;
}

export interface HttpParts {
  readonly env: Env;
  readonly broker: Broker;
  readonly catalog: Catalog;
  readonly access: Access;
  readonly facts: NodeFacts;
  /** Undefined = this node is alone. */
  readonly cluster?: ClusterAdmin | undefined;
  /** Undefined = there are none. */
  readonly services?: ServiceReport | undefined;
  /** Undefined = this node gives and takes none. */
  readonly backups?: BackupPort | undefined;
}

export interface HttpOptions {
  /** '' = all addresses. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly bodySizeMax: number;
  /** Of all request bodies together. */
  readonly bodiesSizeMax: number;
  /** Where rights are checked, /ping, /status and /metrics are no exception. */
  readonly asksAtPing: boolean;
}

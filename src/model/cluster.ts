/**
 * The cluster as its members see it: nodes, and who holds which shard. Made by `metadata`, persisted by
 * the data node, carried by `rpc`, followed by `broker` and `replication`. Plain data (structured-clone and JSON-able).
 */

/** Each kind of store has a shard map of its own. */
export type StoreKind = 'tstore' | 'kstore';

/** A live node; lives under the node's lease, so it means liveness and addresses only. */
export interface NodeRecord {
  readonly uuid: string;
  /** Of the data directory: tells a wiped or copied directory from the one that was known. */
  readonly storeId: string;
  /** `http://host:port` of the gRPC server; `https:` when it speaks TLS. */
  readonly rpcUrl: string;
  /** `http://host:port` of the HTTP server, for clients. */
  readonly httpUrl: string;
  /** `http://host:port` (or `https:`) where `rpc` serves snapshots to the other nodes. */
  readonly snapshotUrl: string;
  /** Replicas of a shard are spread over zones; '' = none. */
  readonly zone: string;
  readonly version: string;
  /** ms since the Unix epoch. */
  readonly startedMs: number;
  /** Data worker threads: shard s is on thread `s % workers`, and a scan stream never spans threads. */
  readonly workers: number;
  /** It is about to stop and gives its primaries away. */
  readonly isStopping?: boolean;
}

/** Who holds a shard. Every change raises `version` and is guarded by `revision`. */
export interface ShardRecord {
  readonly shard: number;
  readonly epoch: number;
  /** Node uuid. */
  readonly primary: string;
  /** Node uuids, primary included; the denominator of every level. */
  readonly replicas: readonly string[];
  /** Fills up to become a member; counts nowhere. */
  readonly learner: string | undefined;
  /** On its way out: takes no local writes, its answers never count. */
  readonly leaving: string | undefined;
  /** The primary was promoted without a majority: quorum reads must first catch up. */
  readonly degraded: boolean;
  /**
   * True from the making of the map until the primary has opened its empty replica: only then may a replica
   * without data be complete. No write is accepted meanwhile.
   */
  readonly isNew: boolean;
  /** A replica that should take over as primary, by the controller's wish; goes with the next change of the primary. */
  readonly preferred?: string | undefined;
  /** The member whose place the learner takes, by the controller's wish; goes when that one begins to leave. */
  readonly replaces?: string | undefined;
  /** +1 at each change of this record; orders copies of it, over restores of the metadata store too. */
  readonly version: number;
  /** The metadata store's revision of this copy; guards the next change. */
  readonly revision: number;
}

export interface ClusterMap {
  readonly clusterUuid: string;
  /** Raised by every change of metadata but that of leases. Maps are ordered by it and never go back. */
  readonly version: number;
  readonly replicationFactor: number;
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  /** Index = shard. A kind that is not set up has no shards. */
  readonly shards: Readonly<Record<StoreKind, readonly ShardRecord[]>>;
}

/** Who must get every entry of the shard: members and the learner; the leaving one is still a member. */
export function holdersOf(record: ShardRecord): readonly string[] {
  const { replicas, learner } = record;
  return learner === undefined ? replicas : [...replicas, learner];
}

/** Nodes that can be primaries: their lease is valid and they are not about to stop. */
export function liveNodesOf({ nodes }: ClusterMap): ReadonlySet<string> {
  const live = new Set<string>();
  for (const [uuid, node] of nodes) if (node.isStopping !== true) live.add(uuid);
  return live;
}

/** floor(R/2) + 1 of the configured replicas, whoever is alive. */
export function majorityOf(record: ShardRecord): number {
  return Math.floor(record.replicas.length / 2) + 1;
}

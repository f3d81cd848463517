/** Configuration of one node, frozen, parsed and checked by `cmd/citadel/config.ts`. */

export type FsyncMode = 'always' | 'interval' | 'never';

export interface NodeConfig {
  /** Absolute path. */
  readonly dataDir: string;
  /** host '' = all addresses. */
  readonly http: { readonly host: string; readonly port: number };
  /** etcd URLs; empty = embedded metadata. */
  readonly kvstore: readonly string[];
  /** Advertised gRPC URL; '' = none. */
  readonly url: string;
  /** '' = made and kept in the data directory. */
  readonly uuid: string;
  /** Power of two; undefined = keep what the data directory has, 16 for a new one. */
  readonly shardCount: number | undefined;
  readonly fsync: FsyncMode;
  readonly fsyncIntervalMs: number;
  /** Memtables and caches together. */
  readonly memoryBytes: number;
  readonly maxBodyBytes: number;
  readonly threads: number;
  readonly limits: {
    /** 0 = none, each. */
    readonly queryTimeoutMs: number;
    readonly maxSelectPoint: number;
    readonly maxSelectSeries: number;
    readonly maxSelectBuckets: number;
    readonly maxConcurrentQueries: number;
    /** Bytes that one query may hold, and all together; Infinity = no limit. */
    readonly queryMemoryBytes: number;
    readonly queriesMemoryBytes: number;
  };
  readonly version: string;
}

/** Configuration of one node, frozen, parsed and checked by `cmd/citadel/config.ts`. */

import type { ServiceSettings } from '../services/parts.ts';

export type FsyncMode = 'always' | 'interval' | 'never';

export interface EtcdConfig {
  readonly urls: readonly string[];
  /** '' = none, each; ca, cert and key are PEM texts. */
  readonly user: string;
  readonly password: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ClusterConfig {
  readonly name: string;
  readonly etcd: EtcdConfig;
  /** Where this node listens for the others; host '' = all addresses. */
  readonly rpc: {
    readonly host: string;
    readonly port: number;
    /** 0 = any free one. */
    readonly snapshotPort: number;
  };
  /** `http://host:port` told to the others; '' = made from `rpc`. */
  readonly url: string;
  readonly zone: string;
  /** For a cluster that is new. */
  readonly replicationFactor: number;
  readonly leaseTtlMs: number;
  /** A node that was away for so long is replaced. */
  readonly replaceAfterMs: number;
}

export interface AccessConfig {
  /** Users log in and have rights. */
  readonly isEnabled: boolean;
  /** At /ping, /status and /metrics too. */
  readonly asksAtPing: boolean;
  /** Signs JSON web tokens; '' = none are taken. */
  readonly sharedSecret: string;
  readonly allowChangesByGet: boolean;
}

export interface NodeConfig {
  /** Absolute path. */
  readonly dataDir: string;
  /** host '' = all addresses. */
  readonly http: { readonly host: string; readonly port: number };
  /** The gRPC API; host '' = all addresses. `isAsked`: by the operator, so that an address that is taken is an error. */
  readonly grpc: { readonly host: string; readonly port: number; readonly isAsked: boolean };
  /** Undefined = a single node with embedded metadata. */
  readonly cluster: ClusterConfig | undefined;
  /** Of writes whose client names no level. */
  readonly consistency: 'auto' | 'one' | 'quorum' | 'all';
  /** '' = made and kept in the data directory. */
  readonly uuid: string;
  /** Power of two; undefined = keep what the data directory has, 16 for a new one. */
  readonly shardCount: number | undefined;
  readonly fsync: FsyncMode;
  readonly fsyncIntervalMs: number;
  /** Memtables and caches together. */
  readonly memoryBytes: number;
  readonly maxBodyBytes: number;
  /** How stored data is looked after; intervals of 0 = not. */
  readonly care: {
    readonly scrubIntervalMs: number;
    readonly scrubBytesPerSecond: number;
    readonly compareIntervalMs: number;
  };
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
  readonly services: ServiceSettings;
  readonly access: AccessConfig;
  readonly version: string;
}

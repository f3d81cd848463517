/**
 * The data node: shard replicas on worker threads, one commit log per worker group, one SQLite writer
 * thread. This is the main thread's side: it routes requests to the worker that owns the shard.
 */

import { CitadelError } from '../base/errors.ts';
import type { MemoryLimits } from '../base/memory-budget.ts';
import type { Env } from '../env/env.ts';
import type { StoreKind } from '../model/cluster.ts';
import type { LogTails } from '../model/log-tail.ts';
import type { ShardBackups } from '../model/store-backup.ts';
import type { DataNodeApi } from '../rpc/data-node-api.ts';
import type { ClusterParts } from './cluster-port.ts';
import type { DataDirectory } from './data-directory.ts';
import { type OpenProgress, ThreadedDataNode } from './threaded-data-node.ts';
import type { CareRules } from './worker/care-rules.ts';
import type { RetentionRule } from './worker/messages.ts';
import type { TailsAtStart } from './worker/tail-holds.ts';

export type FsyncMode = 'always' | 'interval' | 'never';

export interface DataNodeOptions {
  /** Worker threads; at most as many as the directory has logs are used. */
  readonly threads: number;
  readonly fsync: FsyncMode;
  readonly fsyncIntervalMs: number;
  /** Memtables and caches together. */
  readonly memoryBytes: number;
  /** What scans may hold, on all threads together; undefined = no limit. */
  readonly scanMemory?: MemoryLimits | undefined;
  /** Policies known at start (`dbId`, `rpId`, durations): a flush needs their partition lengths. */
  readonly policies: readonly RetentionRule[];
  /** Size of a commit log segment; default 64 MiB. */
  readonly segmentBytes?: number | undefined;
  /** Space kept back for recovery from a full disk; default 64 MiB, less on a small disk. */
  readonly ballastBytes?: number | undefined;
  /** A shard with unflushed data and no write for so long is flushed; default 5 s. */
  readonly idleFlushMs?: number | undefined;
  /** How the files are looked after; undefined = not by itself. */
  readonly care?: CareRules | undefined;
  /** Undefined: this node has all shards and no peers. */
  readonly cluster?: ClusterParts | undefined;
  /** Who follows the logs from the start on; undefined = nobody. */
  readonly tails?: TailsAtStart | undefined;
}

export interface DataNode extends DataNodeApi {
  /** What follows the logs of the shards that are here. */
  readonly tails: LogTails;
  /** Replaces the set of policies. Call it before the first write to a new policy. */
  setPolicies(policies: readonly RetentionRule[]): void;
  readonly backups: ShardBackups;
  /** The copy of a shard here shall take over what the others have: they differ. */
  repair(kind: StoreKind, shard: number): void;
  /** Resolves, once, when a thread died: state in memory may be wrong, so the process must end. */
  readonly failed: Promise<CitadelError>;
  /**
   * Stops taking requests, ends scans, makes everything durable. `flush` also moves the memtables into the
   * stores (within seconds, else the log keeps them). Idempotent.
   */
  close(options: { readonly flush: boolean }): Promise<void>;
}

/**
 * Opens every shard and replays the logs; resolves when all can serve. The process must have been given
 * the directory by `openDataDirectory`.
 *
 * Errors: `corrupt` and `unsupported-version`, naming the file; `unavailable`, `disk-full`.
 */
export async function openDataNode(
  env: Env,
  directory: DataDirectory,
  options: DataNodeOptions,
  onProgress: (progress: OpenProgress) => void = () => undefined,
): Promise<DataNode> {
  if (options.threads < 1) {
    throw new CitadelError('invalid-argument', 'cannot run with no worker threads');
  }
  const node = await ThreadedDataNode.start(env, directory, options, onProgress);
  return node;
}

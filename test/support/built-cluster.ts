/**
 * Data nodes of a cluster in this process, from the built tree (threads cannot start from TypeScript), wired
 * by a network and a metadata store in memory.
 */

import type { DataDirectory } from '../../src/datanode/data-directory.ts';
import type { DataNode, DataNodeOptions } from '../../src/datanode/datanode.ts';
import type { Env } from '../../src/env/env.ts';
import type { ShardDigest } from '../../src/rpc/data-node-api.ts';
import { MemoryCluster, memoryClusterUuid } from './memory-cluster.ts';
import { makeTempDir } from './temp-dir.ts';

type Directories = typeof import('../../src/datanode/data-directory.ts');
type Joins = typeof import('../../src/datanode/join-cluster.ts');
type DataNodes = typeof import('../../src/datanode/datanode.ts');
type Environments = typeof import('../../src/env/node/node-env.ts');

async function importBuilt<T>(path: string): Promise<T> {
  return (await import(new URL(`../../dist/src/${path}`, import.meta.url).href)) as T;
}

const { openDataDirectory } = await importBuilt<Directories>('datanode/data-directory.js');
const { joinCluster } = await importBuilt<Joins>('datanode/join-cluster.js');
const { openDataNode } = await importBuilt<DataNodes>('datanode/datanode.js');
const { createNodeEnv } = await importBuilt<Environments>('env/node/node-env.js');

const pollMs = 20;

export interface ClusterShape {
  readonly shardCount: number;
  readonly replicationFactor: number;
  readonly nodes?: number;
}

interface OpenNode {
  readonly directory: DataDirectory;
  readonly node: DataNode;
}

export class BuiltCluster {
  readonly env: Env;
  readonly cluster: MemoryCluster;
  readonly names: readonly string[];
  readonly #paths = new Map<string, string>();
  readonly #open = new Map<string, OpenNode>();
  readonly #options: Partial<DataNodeOptions>;
  readonly #shape: ClusterShape;

  constructor(shape: ClusterShape, options: Partial<DataNodeOptions> = {}) {
    this.env = createNodeEnv({ logLevel: 'error', logFormat: 'json' });
    this.#shape = shape;
    this.#options = options;
    this.names = Array.from({ length: shape.nodes ?? 3 }, (_, i) => `node-${i}`);
    this.cluster = new MemoryCluster({ ...shape, nodes: this.names, workers: 2 });
    for (const name of this.names) this.#paths.set(name, makeTempDir());
  }

  async openAll(): Promise<void> {
    for (const name of this.names) await this.open(name);
    await this.settled();
  }

  /** `isAlone`: without peers, as an embedded node opens it; it then has all shards. */
  async open(name: string, isAlone = false): Promise<void> {
    const path = this.#paths.get(name)!;
    const { shardCount } = this.#shape;
    const fresh = await openDataDirectory(this.env, { path, uuid: '', shardCount: undefined });
    const directory = await joinCluster(fresh, { clusterUuid: memoryClusterUuid, shardCount });
    const options = {
      threads: 2,
      fsync: 'always' as const,
      fsyncIntervalMs: 1_000,
      memoryBytes: 64 * 1024 * 1024,
      policies: [],
      ballastBytes: 1024 * 1024,
      ...this.#options,
      cluster: isAlone ? undefined : this.cluster.join(name),
    };
    try {
      const node = await openDataNode(this.env, directory, options);
      this.#open.set(name, { directory, node });
    } catch (error) {
      await directory.close();
      throw error;
    }
  }

  /** As a crash would, but for the locks: nothing is flushed. */
  async close(name: string, flush = false): Promise<void> {
    const one = this.#open.get(name);
    if (one === undefined) return;
    this.#open.delete(name);
    this.cluster.leave(name);
    await one.node.close({ flush });
    await one.directory.close();
  }

  async closeAll(): Promise<void> {
    for (const name of this.names) await this.close(name);
  }

  /** The node comes back with an empty disk. */
  wipe(name: string): void {
    this.#paths.set(name, makeTempDir());
  }

  isOpen(name: string): boolean {
    return this.#open.has(name);
  }

  node(name: string): DataNode {
    return this.#open.get(name)!.node;
  }

  primary(shard: number): DataNode {
    return this.node(this.cluster.map.shards.tstore[shard]!.primary);
  }

  /** Polls until it is so. */
  async until(what: string, isSo: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
    const { clock, timers } = this.env;
    for (const start = clock.monotonicMs(); !(await isSo()); ) {
      if (clock.monotonicMs() - start > withinMs) throw new Error(`not within time: ${what}`);
      await timers.sleep(pollMs);
    }
  }

  /** Every replica on an open node is active, and every primary is on one. */
  settled(): Promise<void> {
    return this.until('all replicas are active', async () => {
      const { tstore } = this.cluster.map.shards;
      if (!tstore.every(({ primary }) => this.isOpen(primary))) return false;
      for (const [name, { node }] of this.#open) {
        const { shards } = await node.status();
        const own = tstore.filter(({ replicas }) => replicas.includes(name));
        const active = shards.filter(({ replication }) => replication?.phase === 'active');
        if (active.length < own.length) return false;
      }
      return true;
    });
  }

  /** All replicas on open nodes have the same cells. */
  async areEqual(): Promise<boolean> {
    for (const { shard, replicas } of this.cluster.map.shards.tstore) {
      const open = replicas.filter((name) => this.isOpen(name));
      const digests = await Promise.all(open.map((name) => this.digest(name, shard)));
      const texts = digests.map(({ versions, parts }) => {
        return JSON.stringify([Object.entries(versions).sort(), parts]);
      });
      if (new Set(texts).size > 1) return false;
    }
    return true;
  }

  async digest(name: string, shard: number): Promise<ShardDigest> {
    const { signal } = new AbortController();
    const [digest] = await this.node(name).digest(
      'tstore',
      [shard],
      Number.POSITIVE_INFINITY,
      signal,
    );
    return digest!;
  }
}

/**
 * Data nodes of a cluster in the simulated world: worker, link and cluster port are the real ones; threads,
 * network and metadata store are stood in for. Beside them the model of what was acknowledged, and how.
 */

import { ClusterPort } from '../../../../src/datanode/cluster-port.ts';
import type {
  FromWorker,
  ToWorker,
  WorkerStart,
  WorkerStatus,
} from '../../../../src/datanode/worker/messages.ts';
import { openWorker } from '../../../../src/datanode/worker/open-worker.ts';
import type { WorkerCore } from '../../../../src/datanode/worker/worker-core.ts';
import { WorkerLink } from '../../../../src/datanode/worker-link.ts';
import type { SimDisk } from '../../../../src/env/sim/sim-disk.ts';
import { createSimEnv, type SimEnv } from '../../../../src/env/sim/sim-env.ts';
import type { WriteLevel } from '../../../../src/replication/replica-events.ts';
import type { WriteShardResponse } from '../../../../src/rpc/data-node-api.ts';
import { MemoryCluster, memoryClusterUuid } from '../../../support/memory-cluster.ts';
import { createNodeEnv, type SimNodeEnv } from '../../../support/sim-node-env.ts';
import { type FakeStore, makeFiles, openFakeStore, type StoreFiles } from './fake-store.ts';
import { makeFrame, shardCount } from './worker-rig.ts';

export interface RigOptions {
  readonly nodes?: number;
  readonly replicationFactor: number;
  readonly segmentBytes?: number;
  readonly memoryBytes?: number;
}

/** One node's process. */
interface Life {
  readonly node: SimNodeEnv;
  readonly port: ClusterPort;
  readonly link: WorkerLink;
  readonly core: WorkerCore;
  readonly stores: Map<string, FakeStore>;
}

/** What stays of a node when its process ends. */
interface Remains {
  disk: SimDisk | undefined;
  readonly files: Map<string, StoreFiles>;
}

export interface WriteOptions {
  readonly level?: WriteLevel;
  readonly isFallback?: boolean;
  readonly writeId?: Uint8Array;
  readonly value?: number;
  readonly signal?: AbortSignal;
}

export interface Acked {
  readonly shard: number;
  readonly value: number;
  readonly response: WriteShardResponse;
}

export class ClusterRig {
  readonly world: SimEnv;
  readonly cluster: MemoryCluster;
  readonly nodes: readonly string[];
  readonly lives = new Map<string, Life>();
  readonly acked: Acked[] = [];
  readonly refused: { readonly value: number; readonly code: string }[] = [];
  readonly faults = { failFlushes: 0, failMerges: 0 };
  readonly #options: RigOptions;
  readonly #remains = new Map<string, Remains>();
  #value = 0;
  #writeId = 0;

  constructor(seed: number, options: RigOptions) {
    this.#options = options;
    this.world = createSimEnv(seed);
    this.nodes = Array.from({ length: options.nodes ?? 3 }, (_, i) => `node-${i}`);
    const { timers } = this.world.scheduler;
    this.cluster = new MemoryCluster({
      shardCount,
      nodes: this.nodes,
      replicationFactor: options.replicationFactor,
      later: (run) => timers.after(this.world.rng.next() * 3, run),
    });
    for (const node of this.nodes) {
      this.#remains.set(node, { disk: undefined, files: new Map() });
    }
  }

  async openAll(): Promise<void> {
    for (const node of this.nodes) await this.open(node);
  }

  async open(name: string): Promise<void> {
    const remains = this.#remains.get(name)!;
    const node = createNodeEnv(this.world, remains.disk);
    remains.disk = node.disk;
    const parts = this.cluster.join(name);
    const stores = new Map<string, FakeStore>();
    const made: { link?: WorkerLink; port?: ClusterPort; core?: WorkerCore } = {};
    const { env } = node;
    const opening = async () => {
      made.port = await ClusterPort.open({
        env,
        disk: node.disk,
        parts,
        clusterUuid: memoryClusterUuid,
        shardCount,
        workerCount: 1,
        worker: () => made.link,
        workerOf: () => 0,
      });
      const toMain: ((message: FromWorker) => void)[] = [];
      const pass = <T>(message: T, transfer: readonly ArrayBuffer[], to: (copy: T) => void) => {
        const copy = structuredClone(message, { transfer: [...transfer] });
        env.timers.after(0, () => to(copy));
      };
      const start: WorkerStart = {
        root: '/sim',
        shardCount,
        logCount: 2,
        logIds: [0, 1],
        fsync: 'always',
        fsyncIntervalMs: 20,
        segmentBytes: this.#options.segmentBytes ?? 4_000,
        memoryBytes: this.#options.memoryBytes ?? 200_000,
        scanMemory: { queryBytes: 1e9, totalBytes: 1e9 },
        idleFlushMs: 5_000,
        policies: [],
        care: { scrubIntervalMs: 0, scrubBytesPerSecond: 1 },
        writerPort: undefined as never,
        cluster: made.port.describe(0),
      };
      const worker = {
        on: (_event: string, listener: (message: FromWorker) => void) => toMain.push(listener),
        postMessage: (message: ToWorker, transfer: readonly ArrayBuffer[]) =>
          pass(message, transfer, (copy) => made.core?.receive(copy)),
      };
      made.link = new WorkerLink({
        worker: worker as never,
        timers: env.timers,
        log: env.log,
        inFlightBytesMax: 1e9,
        onProgress: () => undefined,
        onDiskFull: () => undefined,
        onCluster: (message) => made.port?.fromWorker(0, message),
      });
      made.core = await openWorker({
        env,
        disk: node.disk,
        start,
        openStore: async (_shard, directory) => {
          const files = remains.files.get(directory) ?? makeFiles();
          remains.files.set(directory, files);
          await node.disk.makeDirectory(directory);
          const store = openFakeStore(env, files, this.faults);
          stores.set(directory, store);
          return store;
        },
        cacheBytes: () => 0,
        send: (message, transfer = []) =>
          pass(message, transfer, (copy) => {
            for (const listener of toMain) listener(copy);
          }),
        onClosed: () => undefined,
      });
      made.port.start();
    };
    await this.world.scheduler.run(opening());
    const { link, port, core } = made;
    this.lives.set(name, { node, stores, link: link!, port: port!, core: core! });
  }

  /** The process ends as it is. */
  end(name: string, how: 'kill' | 'power-cut', options: { keepsLease?: boolean } = {}): void {
    const life = this.lives.get(name);
    life?.node.die(how);
    if (life !== undefined) life.node.disk.faults.failSyncs = 0;
    this.lives.delete(name);
    this.cluster.leave(name, options);
  }

  /** The disk of a node that is down is lost. */
  wipe(name: string): void {
    this.#remains.set(name, { disk: undefined, files: new Map() });
  }

  /** Sends one write in the background. */
  write(to: string, shard: number, options: WriteOptions = {}): void {
    this.ask(to, shard, options).catch(() => undefined);
  }

  /** Resolves with the answer; undefined = it was refused. */
  ask(
    to: string,
    shard: number,
    options: WriteOptions = {},
  ): Promise<WriteShardResponse | undefined> {
    const value = options.value ?? ++this.#value;
    const { level = 'auto', isFallback = false } = options;
    const writeId = options.writeId ?? new Uint8Array(16);
    if (options.writeId === undefined) {
      new DataView(writeId.buffer).setUint32(0, ++this.#writeId);
    }
    const { epoch } = this.cluster.map.shards.tstore[shard]!;
    const frame = makeFrame(shard, value);
    const request = { shard, epoch, mapVersion: 1, writeId, level, isFallback, frame };
    const link = this.lives.get(to)?.link;
    if (link === undefined) return Promise.resolve(undefined);
    return link.write(request, options.signal).then(
      (response) => {
        this.acked.push({ shard, value, response });
        return response;
      },
      (error: { readonly code: string }) => {
        this.refused.push({ value, code: error.code });
        return undefined;
      },
    );
  }

  async statusOf(name: string): Promise<WorkerStatus> {
    const status = await this.world.scheduler.run(
      this.lives.get(name)!.link.call({ kind: 'status' }),
    );
    return status!;
  }

  /** By all nodes, in all lives. */
  snapshotsMerged(): number {
    return this.world.events.filter(({ event }) => event === 'snapshot merged').length;
  }

  primaryOf(shard: number): string {
    return this.cluster.map.shards.tstore[shard]!.primary;
  }

  advance(ms: number): Promise<void> {
    return this.world.scheduler.advance(ms);
  }

  /** Waits, in virtual time, until it is so. */
  async until(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 30_000) {
    for (let waited = 0; waited < withinMs; waited += 50) {
      if (await isSo()) return;
      await this.advance(50);
    }
    throw new Error(`not within ${withinMs} ms of virtual time: ${what}`);
  }

  storeOf(name: string, shard: number): FakeStore | undefined {
    const life = this.lives.get(name);
    const status = this.cluster.map.shards.tstore[shard]!;
    if (life === undefined || !status.replicas.includes(name)) return undefined;
    const replica = life.core.replicaOf(shard);
    return replica === undefined ? undefined : (replica.store as FakeStore);
  }

  stores(name: string): Iterable<FakeStore> {
    return this.cluster.map.shards.tstore.flatMap(({ shard }) => this.storeOf(name, shard) ?? []);
  }

  phaseOf(name: string, shard: number): string | undefined {
    return this.lives.get(name)?.core.replicaOf(shard)?.state.phase;
  }

  /** Values that a replica holds. */
  valuesOf(name: string, shard: number): Set<number> {
    const values = new Set<number>();
    for (const { frame } of this.storeOf(name, shard)?.contents().values() ?? []) {
      values.add(rowOf(frame));
    }
    return values;
  }

  /** Every replica that is up holds the same entries, and all that were acknowledged. */
  areAllEqual(): boolean {
    for (const { shard, replicas } of this.cluster.map.shards.tstore) {
      const up = replicas.filter((name) => this.lives.has(name));
      const wanted = this.acked.filter((one) => one.shard === shard).map(({ value }) => value);
      const contents = up.map((name) => this.#describe(name, shard));
      if (new Set(contents).size > 1) return false;
      for (const name of up) {
        const values = this.valuesOf(name, shard);
        if (!wanted.every((value) => values.has(value))) return false;
      }
    }
    return true;
  }

  #describe(name: string, shard: number): string {
    const entries = this.storeOf(name, shard)?.contents() ?? new Map();
    return [...entries]
      .map(([key, { hlc }]) => `${key}@${hlc}`)
      .sort()
      .join(' ');
  }
}

/** The time of the frame's one row is its value. */
function rowOf(frame: Uint8Array): number {
  return Number(new DataView(frame.buffer, frame.byteOffset).getBigInt64(72, true));
}

/**
 * The main thread's side of replication: peer messages, map changes and link states to the worker that has
 * the shard, proposals to the metadata store, snapshots in and out. It decides nothing: the workers do.
 */

import { CitadelError } from '../base/errors.ts';
import type { Disk, Env, TimerHandle } from '../env/env.ts';
import type { ClusterView, ProposalResult } from '../metadata/cluster-view.ts';
import {
  type ClusterMap,
  holdersOf,
  liveNodesOf,
  type ShardRecord,
  type StoreKind,
} from '../model/cluster.ts';
import type { PeerMessage, PeerTransport } from '../rpc/peer-api.ts';
import type { SnapshotTransport } from '../rpc/snapshot-api.ts';
import { ClusterMapFile, loadClusterMap } from './cluster-map-file.ts';
import { packMessages } from './pack-messages.ts';
import { fromSlotRecord, kindOfSlot, shardOfSlot, slotOf, toSlotRecord } from './slots.ts';
import { SnapshotFetcher } from './snapshot-fetcher.ts';
import type {
  ClusterFromWorker,
  ClusterToWorker,
  ShardMessage,
  WorkerCluster,
  WorkerMap,
} from './worker/cluster-messages.ts';
import type { StreamBlock } from './worker/messages.ts';
import type { WorkerLink } from './worker-link.ts';

/** How often this node's own lease is looked at. */
const leaseCheckMs = 200;
/** Of both the shards have the same count: the data directory's. */
const kinds: readonly StoreKind[] = ['tstore', 'kstore'];
/** Snapshots that go out at once. */
const snapshotCountMax = 2;

export interface ClusterParts {
  readonly view: ClusterView;
  readonly transport: PeerTransport;
  readonly snapshots: SnapshotTransport;
}

/** A worker, as far as replication goes. */
export type ClusterWorker = Pick<WorkerLink, 'post' | 'stream'>;

export interface ClusterPortOptions {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  readonly disk: Disk;
  readonly parts: ClusterParts;
  readonly clusterUuid: string;
  readonly shardCount: number;
  readonly workerCount: number;
  /** Undefined before it is started. */
  readonly worker: (index: number) => ClusterWorker | undefined;
  /** Index of the worker that has a shard. */
  readonly workerOf: (shard: number) => number;
}

function groupBy<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** Of all shards, whoever holds them: who had one must hear that it no longer does. */
function recordsOf(map: ClusterMap): ShardRecord[] {
  return kinds.flatMap((kind) => map.shards[kind].map((record) => toSlotRecord(kind, record)));
}

export class ClusterPort {
  readonly #options: ClusterPortOptions;
  readonly #mapFile: ClusterMapFile;
  readonly #fetcher: SnapshotFetcher;
  readonly #stops: (() => void)[] = [];
  readonly #timers: TimerHandle[] = [];
  /** Shard -> the record last told. */
  readonly #told = new Map<number, ShardRecord>();
  /** The map that was last given to the file. */
  #kept: ClusterMap | undefined;
  #isAttached: boolean;
  /** What came in this turn of the event loop, by sender. */
  #inbound = new Map<string, ShardMessage[]>();
  #snapshotCount = 0;
  #closed = false;

  /** @throws CitadelError `conflict` for a map of another cluster or shape; `corrupt`, `unsupported-version` */
  static async open(options: ClusterPortOptions): Promise<ClusterPort> {
    const { disk, env, parts, clusterUuid, shardCount } = options;
    const saved = await loadClusterMap(disk);
    checkMap(parts.view.map, clusterUuid, shardCount);
    if (saved !== undefined) checkMap(saved, clusterUuid, shardCount);
    const failed = (error: unknown) => env.log.warn('cannot save the cluster map', { error });
    return new ClusterPort(options, new ClusterMapFile(disk, saved, failed));
  }

  private constructor(options: ClusterPortOptions, mapFile: ClusterMapFile) {
    const { env, parts, workerOf, worker } = options;
    this.#options = options;
    this.#mapFile = mapFile;
    this.#isAttached = parts.view.isAttached(env.clock.monotonicMs());
    this.#fetcher = new SnapshotFetcher({
      env,
      isUrgent: (slot) => this.#isUrgent(slot),
      transport: parts.snapshots,
      send: (shard, message, transfer) => worker(workerOf(shard))?.post(message, transfer),
    });
  }

  /** What a worker starts with; the rest comes as messages. */
  describe(worker: number): WorkerCluster {
    const { view } = this.#options.parts;
    const { map } = view;
    const records = recordsOf(map).filter(({ shard }) => this.#isOf(shard, worker));
    for (const record of records) this.#told.set(record.shard, record);
    const liveNodes = [...liveNodesOf(map)];
    return { self: view.self, records, liveNodes, isAttached: this.#isAttached };
  }

  /** All workers are open: the traffic may begin. */
  start(): void {
    const { env, parts } = this.#options;
    const { view, transport, snapshots } = parts;
    transport.listen((from, messages) => this.#deliver(from, messages));
    transport.onLink((node, state) => this.#postAll({ kind: 'link', node, state }));
    this.#stops.push(view.onChange((map) => this.#mapChanged(map)));
    this.#timers.push(env.timers.every(leaseCheckMs, () => this.#checkLease()));
    snapshots.serveSnapshots((kind, shard, signal) => this.#openSnapshot(kind, shard, signal));
    this.#mapChanged(view.map);
  }

  fromWorker(worker: number, message: ClusterFromWorker): void {
    switch (message.kind) {
      case 'peer-messages':
        this.#send(message.messages);
        return;
      case 'propose':
        this.#propose(worker, message);
        return;
      case 'confirm-removal':
        this.#confirmRemoval(worker, message.shard).catch((error: unknown) => {
          this.#options.env.log.debug('cannot confirm a removal now', { error: String(error) });
        });
        return;
      case 'fetch-snapshot':
        this.#fetcher.start(message.shard, message.from);
        return;
      case 'snapshot-taken':
        this.#fetcher.taken(message.shard, message.bytes);
        return;
      case 'stop-fetch':
        this.#fetcher.stop(message.shard);
        return;
    }
  }

  /** The caller knows a newer map: it is read before its request is looked at. */
  isBehind(mapVersion: number): boolean {
    return mapVersion > this.#options.parts.view.map.version;
  }

  async catchUp(): Promise<void> {
    try {
      await this.#options.parts.view.refresh();
    } catch (error) {
      // With the metadata store away the request is judged by the map that is here.
      if (!(error instanceof CitadelError) || error.code !== 'unavailable') throw error;
    }
  }

  get isAttached(): boolean {
    const { parts, env } = this.#options;
    return parts.view.isAttached(env.clock.monotonicMs());
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    for (const timer of this.#timers) timer.cancel();
    await this.#fetcher.close();
    await this.#mapFile.settled();
  }

  #isOf(shard: number, worker: number): boolean {
    return this.#options.workerOf(shard) === worker;
  }

  /** A copy is made that is only to even out nodes when all members are alive, and there are as many as there should be. */
  #isUrgent(slot: number): boolean {
    const { map, self } = this.#options.parts.view;
    const record = map.shards[kindOfSlot(slot)][shardOfSlot(slot)];
    if (record?.learner !== self) return true;
    const alive = record.replicas.filter((node) => map.nodes.has(node));
    return alive.length < map.replicationFactor;
  }

  #mapChanged(map: ClusterMap): void {
    if (this.#closed) return;
    if (map !== this.#kept) this.#mapFile.save(map);
    this.#kept = map;
    const changed = recordsOf(map).filter(
      (record) => this.#told.get(record.shard)?.version !== record.version,
    );
    for (const record of changed) this.#told.set(record.shard, record);
    this.#tellMap(changed);
  }

  #tellMap(changed: readonly ShardRecord[]): void {
    const { parts, worker, workerCount } = this.#options;
    const liveNodes = [...liveNodesOf(parts.view.map)];
    const isAttached = this.#isAttached;
    for (let i = 0; i < workerCount; i++) {
      const records = changed.filter(({ shard }) => this.#isOf(shard, i));
      const map: WorkerMap = { records, liveNodes, isAttached };
      worker(i)?.post({ kind: 'map', map });
    }
  }

  #checkLease(): void {
    const isAttached = this.isAttached;
    if (isAttached === this.#isAttached) return;
    this.#isAttached = isAttached;
    this.#tellMap([]);
  }

  #postAll(message: ClusterToWorker): void {
    const { worker, workerCount } = this.#options;
    for (let i = 0; i < workerCount; i++) worker(i)?.post(message);
  }

  /** What comes in one turn of the event loop goes on together: each message to a worker wakes a thread. */
  #deliver(from: string, messages: readonly PeerMessage[]): void {
    if (this.#inbound.size === 0) {
      this.#options.env.timers.yieldNow().then(
        () => this.#passInbound(),
        () => undefined,
      );
    }
    const waiting = this.#inbound.get(from) ?? [];
    this.#inbound.set(from, waiting);
    for (const { kind, shard, bytes } of messages) {
      if (shard < 0 || shard >= this.#options.shardCount) continue;
      waiting.push({ shard: slotOf(kind, shard), bytes });
    }
  }

  #passInbound(): void {
    const inbound = this.#inbound;
    this.#inbound = new Map();
    if (this.#closed) return;
    const { worker, workerOf } = this.#options;
    for (const [from, messages] of inbound) {
      for (const [index, group] of groupBy(messages, ({ shard }) => workerOf(shard))) {
        // They are views of what came in, which others look into.
        const sent = packMessages(group);
        const buffers = new Set(sent.map(({ bytes }) => bytes.buffer as ArrayBuffer));
        worker(index)?.post({ kind: 'peer-messages', from, messages: sent }, [...buffers]);
      }
    }
  }

  #send(messages: readonly (ShardMessage & { readonly to: string })[]): void {
    if (this.#closed) return;
    const byNode = groupBy(messages, ({ to }) => to);
    for (const [to, group] of byNode) {
      const sent = group.map(({ shard: slot, bytes }): PeerMessage => {
        return { kind: kindOfSlot(slot), shard: shardOfSlot(slot), bytes };
      });
      this.#options.parts.transport.send(to, sent);
    }
  }

  #propose(worker: number, asked: Extract<ClusterFromWorker, { kind: 'propose' }>): void {
    const { shard, id, record } = asked;
    const { env, parts } = this.#options;
    const tell = (result: ProposalResult | 'unknown') => {
      // The newer map comes first.
      this.#mapChanged(parts.view.map);
      this.#options.worker(worker)?.post({ kind: 'proposed', shard, id, result });
    };
    parts.view.propose(kindOfSlot(shard), fromSlotRecord(record)).then(tell, (error: unknown) => {
      env.log.warn('a change of the shard map may not have happened', { shard, error });
      tell('unknown');
    });
  }

  async #confirmRemoval(worker: number, shard: number): Promise<void> {
    const { view } = this.#options.parts;
    const map = await view.refresh();
    const record = map.shards[kindOfSlot(shard)][shardOfSlot(shard)];
    if (record === undefined || holdersOf(record).includes(view.self)) return;
    this.#options.worker(worker)?.post({ kind: 'removal-confirmed', shard });
  }

  async *#pieces(blocks: AsyncIterable<StreamBlock>): AsyncGenerator<Uint8Array> {
    if (this.#snapshotCount >= snapshotCountMax) {
      throw new CitadelError('overloaded', 'cannot give another snapshot now, retry later');
    }
    this.#snapshotCount++;
    try {
      for await (const block of blocks) if ('piece' in block) yield block.piece;
    } finally {
      this.#snapshotCount--;
    }
  }

  #openSnapshot(kind: StoreKind, shard: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const { worker, workerOf, shardCount } = this.#options;
    const slot = slotOf(kind, shard);
    const isHere = shard >= 0 && shard < shardCount && !this.#closed;
    const owner = isHere ? worker(workerOf(slot)) : undefined;
    if (owner === undefined) return refuse(`shard ${shard} of ${kind} is not here`);
    return this.#pieces(owner.stream([slot], { kind: 'snapshot' }, signal));
  }
}

async function* refuse(message: string): AsyncGenerator<Uint8Array> {
  yield* [];
  throw new CitadelError('redirect', message);
}

function checkMap(map: ClusterMap, clusterUuid: string, shardCount: number): void {
  if (map.clusterUuid !== clusterUuid) {
    throw new CitadelError(
      'conflict',
      `cannot join cluster ${map.clusterUuid}: the data directory belongs to cluster ${clusterUuid}`,
    );
  }
  for (const kind of kinds) {
    const { length } = map.shards[kind];
    if (length === 0 || length === shardCount) continue;
    throw new CitadelError(
      'conflict',
      `cannot join a cluster with ${length} shards: the data directory was made with ${shardCount}`,
    );
  }
}

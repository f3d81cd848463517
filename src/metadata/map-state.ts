/**
 * The metadata store's copy of the map: loaded whole at one revision, then kept by changes.
 *
 * Knows nothing of what other nodes say or of what was known before: whether it may be shown is decided
 * by its owner (cluster-watch.ts).
 */

import type { ClusterMap, NodeRecord, ShardRecord, StoreKind } from '../model/cluster.ts';
import { type BalanceWish, readBalance } from './balance-wish.ts';
import {
  type ClusterRecord,
  readCluster,
  readLayout,
  readNode,
  readShard,
  type ShardLayout,
} from './cluster-records.ts';
import {
  balanceKey,
  clusterKey,
  mapVersionKey,
  marksPrefix,
  nodesPrefix,
  shardMapKeys,
  shardsPrefixes,
} from './meta-keys.ts';
import type { MetaChange, MetaOp, MetaRecord, MetaTransactionResult } from './meta-store.ts';
import { type NodeMark, readMark } from './node-marks.ts';

export const storeKinds: readonly StoreKind[] = ['tstore', 'kstore'];

/** Reads everything that the map is made of, at one revision. */
export const readWholeMap: readonly MetaOp[] = [
  { kind: 'get', key: clusterKey },
  { kind: 'get', key: mapVersionKey },
  { kind: 'range', prefix: nodesPrefix },
  { kind: 'range', prefix: marksPrefix },
  { kind: 'get', key: balanceKey },
  ...storeKinds.map((kind): MetaOp => ({ kind: 'get', key: shardMapKeys[kind] })),
  ...storeKinds.map((kind): MetaOp => ({ kind: 'range', prefix: shardsPrefixes[kind] })),
];

/** What a change did to the map; of two the later word counts more. */
export type Effect = 'nothing' | 'version' | 'content';

class KindState {
  readonly #kind: StoreKind;
  readonly #shards = new Map<number, ShardRecord>();
  #layout: ShardLayout | undefined;
  #list: readonly ShardRecord[] | undefined;

  constructor(kind: StoreKind) {
    this.#kind = kind;
  }

  get layout(): ShardLayout | undefined {
    return this.#layout;
  }

  /** All shards, or none as long as some have no record yet. */
  get list(): readonly ShardRecord[] {
    this.#list ??= this.#makeList();
    return this.#list;
  }

  /** The shards that have a record, while some have none. */
  get placed(): ReadonlyMap<number, ShardRecord> {
    return this.#shards;
  }

  apply(key: string, record: MetaRecord | undefined): boolean {
    if (key === shardMapKeys[this.#kind]) {
      this.#layout = record && readLayout(record);
    } else if (!key.startsWith(shardsPrefixes[this.#kind])) {
      return false;
    } else if (record === undefined) {
      this.#shards.delete(Number(key.slice(shardsPrefixes[this.#kind].length)));
    } else {
      const read = readShard(this.#kind, record);
      this.#shards.set(read.shard, read);
    }
    this.#list = undefined;
    return true;
  }

  #makeList(): readonly ShardRecord[] {
    const list: ShardRecord[] = [];
    for (let shard = 0; shard < (this.#layout?.shardCount ?? 0); shard++) {
      const record = this.#shards.get(shard);
      if (record === undefined) return [];
      list.push(record);
    }
    return list;
  }
}

export class MapState {
  readonly #kinds: Readonly<Record<StoreKind, KindState>> = {
    tstore: new KindState('tstore'),
    kstore: new KindState('kstore'),
  };
  readonly #nodes = new Map<string, NodeRecord>();
  readonly #marks = new Map<string, NodeMark>();
  readonly #failed: (error: unknown) => void;
  #cluster: ClusterRecord | undefined;
  #balance: BalanceWish | undefined;
  /** Of the cluster's record: which making of the cluster this is. */
  #createRevision = 0;
  /** Writes of the map version's key. */
  #writes = 0;
  /** Of the store: all changes up to it are in. */
  #revision = 0;
  #map: ClusterMap | undefined;

  /** `failed`: a record could not be read; what it said before stays. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  get revision(): number {
    return this.#revision;
  }

  get cluster(): ClusterRecord | undefined {
    return this.#cluster;
  }

  get clusterCreateRevision(): number {
    return this.#createRevision;
  }

  get version(): number {
    return (this.#cluster?.mapVersionBase ?? 0) + this.#writes;
  }

  /** What the operator wants, by node. */
  get marks(): ReadonlyMap<string, NodeMark> {
    return this.#marks;
  }

  /** Undefined = the operator has not asked to even out. */
  get balance(): BalanceWish | undefined {
    return this.#balance;
  }

  layout(kind: StoreKind): ShardLayout | undefined {
    return this.#kinds[kind].layout;
  }

  placed(kind: StoreKind): ReadonlyMap<number, ShardRecord> {
    return this.#kinds[kind].placed;
  }

  /** Undefined as long as there is no cluster. */
  get map(): ClusterMap | undefined {
    if (this.#cluster === undefined) return undefined;
    const { clusterUuid, replicationFactor } = this.#cluster;
    this.#map ??= {
      clusterUuid,
      version: this.version,
      replicationFactor: this.layout('tstore')?.replicationFactor ?? replicationFactor,
      nodes: new Map(this.#nodes),
      shards: { tstore: this.#kinds.tstore.list, kstore: this.#kinds.kstore.list },
    };
    return this.#map;
  }

  /** From the answers to `readWholeMap`. */
  load({ revision, results }: MetaTransactionResult): void {
    this.#revision = revision;
    for (const { records } of results) {
      for (const record of records) this.#apply(record.key, record);
    }
    this.#map = undefined;
  }

  /** Changes of one revision; older ones than it has are passed over. */
  follow(revision: number, changes: readonly MetaChange[]): Effect {
    if (revision <= this.#revision) return 'nothing';
    this.#revision = revision;
    let effect: Effect = 'nothing';
    for (const change of changes) {
      const isPut = change.kind === 'put';
      const key = isPut ? change.record.key : change.key;
      const one = this.#apply(key, isPut ? change.record : undefined);
      if (one === 'content' || effect === 'nothing') effect = one;
    }
    if (effect !== 'nothing') this.#map = undefined;
    return effect;
  }

  #apply(key: string, record: MetaRecord | undefined): Effect {
    try {
      if (key === mapVersionKey) {
        this.#writes = record?.version ?? 0;
        return 'version';
      }
      if (key === clusterKey) {
        this.#cluster = record && readCluster(record);
        this.#createRevision = record?.createRevision ?? 0;
        return 'content';
      }
      if (key === balanceKey) {
        this.#balance = record && readBalance(record);
        return 'content';
      }
      if (key.startsWith(marksPrefix)) {
        if (record === undefined) this.#marks.delete(key.slice(marksPrefix.length));
        else this.#marks.set(key.slice(marksPrefix.length), readMark(record));
        return 'content';
      }
      if (key.startsWith(nodesPrefix)) {
        this.#applyNode(key, record);
        return 'content';
      }
      const isOurs = storeKinds.some((kind) => this.#kinds[kind].apply(key, record));
      return isOurs ? 'content' : 'nothing';
    } catch (error) {
      this.#failed(error);
      return 'nothing';
    }
  }

  #applyNode(key: string, record: MetaRecord | undefined): void {
    if (record !== undefined) {
      const node = readNode(record);
      this.#nodes.set(node.uuid, node);
      return;
    }
    // Uuids are plain: the key's last part is the uuid itself.
    this.#nodes.delete(key.slice(nodesPrefix.length));
  }
}

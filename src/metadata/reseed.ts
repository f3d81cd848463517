/**
 * Writes what this cluster knows into an etcd that was emptied or brought back from an old backup.
 *
 * Of every shard the record with the highest version that any node knows counts; the catalog comes from the copy in the
 * data directory of the node that is asked. Versions of the map and of records go on above everything that
 * may ever have been written, so that a node that was away takes the new ones; epochs never go down.
 *
 * Order, as in adopt.ts: `adopting` claims the place and the old `cluster` goes, everything is copied in guarded
 * transactions, the last one makes `cluster`. Nodes refuse the store until then, and follow it from then on.
 */

import { CitadelError } from '../base/errors.ts';
import type { Disk, Env } from '../env/env.ts';
import type { ClusterMap, ShardRecord, StoreKind } from '../model/cluster.ts';
import { catalogCopyFile, droppedCopyFile, readCatalogCopy } from './catalog-copy.ts';
import { parseRecord, renderRecord } from './catalog-records.ts';
import { touchMapVersion } from './cluster-record.ts';
import {
  featureLevel,
  readCluster,
  renderCluster,
  renderLayout,
  renderShard,
} from './cluster-records.ts';
import type { ClusterWatch } from './cluster-watch.ts';
import { storeKinds } from './map-state.ts';
import {
  adoptingKey,
  catalogPrefix,
  clusterKey,
  droppedPrefix,
  leaderKey,
  mapVersionKey,
  marksPrefix,
  nodesPrefix,
  shardKey,
  shardMapKeys,
  shardsPrefixes,
} from './meta-keys.ts';
import {
  isAbsent,
  isUnchanged,
  type MetaCompare,
  type MetaOp,
  type MetaRange,
  type MetaRecord,
  type MetaStore,
} from './meta-store.ts';
import { PutBatches } from './put-batches.ts';

/** What nodes that do not answer may have seen: more changes than come in the last moments of a store. */
const versionMargin = 1_000;
const ownPrefixes = [
  catalogPrefix,
  droppedPrefix,
  marksPrefix,
  shardsPrefixes.tstore,
  shardsPrefixes.kstore,
] as const;

/** What a node knows of the cluster: all it takes to choose, and nothing secret. */
export interface KnownMetadata {
  readonly node: string;
  readonly clusterUuid: string;
  readonly mapVersion: number;
  /** Revision of its copy of the catalog; 0 = it has no whole one. */
  readonly catalogRevision: number;
  /** Why it takes nothing from the store; '' = it follows it. */
  readonly refusal: string;
  readonly shards: Readonly<Record<StoreKind, readonly ShardRecord[]>>;
  /** Where the others are. */
  readonly nodes: readonly { readonly uuid: string; readonly httpUrl: string }[];
}

export interface ReseedPlan {
  readonly clusterUuid: string;
  /** That the cluster will have at least. */
  readonly mapVersion: number;
  readonly shards: number;
  readonly databases: number;
  readonly catalogRecords: number;
  readonly droppedRecords: number;
  /** What is in the place now; '' = nothing. */
  readonly replaces: string;
}

interface Prepared extends ReseedPlan {
  readonly records: Readonly<Record<StoreKind, readonly ShardRecord[]>>;
  readonly copied: readonly MetaRecord[];
  /** How the cluster's record must still be. */
  readonly guard: MetaCompare;
}

export interface ReseedParts {
  readonly env: Pick<Env, 'clock' | 'log'>;
  /** Not guarded: the guard is what refuses this store. */
  readonly store: MetaStore;
  readonly view: ClusterWatch;
  readonly disk: Disk;
  readonly clusterUuid: string;
}

function conflict(message: string): CitadelError {
  return new CitadelError('conflict', message);
}

/** By shard the record with the highest version, and the highest epoch of any. */
function joinRecords(
  kind: StoreKind,
  known: readonly Pick<KnownMetadata, 'shards'>[],
): readonly ShardRecord[] {
  const best = new Map<number, ShardRecord>();
  for (const { shards } of known) {
    for (const record of shards[kind]) {
      const other = best.get(record.shard);
      const newer = other === undefined || record.version > other.version ? record : other;
      const epoch = Math.max(record.epoch, other?.epoch ?? 0);
      best.set(record.shard, { ...newer, epoch });
    }
  }
  return [...best.values()]
    .sort((a, b) => a.shard - b.shard)
    .map((record) => ({
      ...record,
      preferred: undefined,
      replaces: undefined,
      version: record.version + versionMargin,
      revision: 0,
    }));
}

export class Reseeder {
  readonly #parts: ReseedParts;

  constructor(parts: ReseedParts) {
    this.#parts = parts;
  }

  async describe(): Promise<KnownMetadata> {
    const { view, clusterUuid } = this.#parts;
    const { map } = view;
    const catalog = await this.#readCopy(catalogCopyFile);
    return {
      node: view.self,
      clusterUuid,
      mapVersion: map.version,
      catalogRevision: catalog?.revision ?? 0,
      refusal: view.refusal ?? '',
      shards: map.shards,
      nodes: [...map.nodes.values()].map(({ uuid, httpUrl }) => ({ uuid, httpUrl })),
    };
  }

  /** `others`: what they said of themselves. @throws CitadelError `conflict` when it must not be done, `unavailable` */
  async plan(others: readonly KnownMetadata[]): Promise<ReseedPlan> {
    const {
      records: _records,
      copied: _copied,
      guard: _guard,
      ...plan
    } = await this.#prepare(others);
    return plan;
  }

  /** Resolves when this node follows the store again; the others do within seconds. @throws CitadelError as `plan` */
  async run(others: readonly KnownMetadata[]): Promise<ReseedPlan> {
    const { env, store, view } = this.#parts;
    const prepared = await this.#prepare(others);
    const claim = await this.#claim(prepared);
    const batches = new PutBatches((ops) => this.#change(claim, ops));
    await this.#change(claim, [
      ...ownPrefixes.map((prefix): MetaOp => ({ kind: 'delete-prefix', prefix })),
      ...Object.values(shardMapKeys).map((key): MetaOp => ({ kind: 'delete', key })),
      { kind: 'delete', key: mapVersionKey },
    ]);
    for (const { key, value } of prepared.copied) await batches.put(key, value);
    for (const kind of storeKinds) {
      for (const record of prepared.records[kind]) {
        await batches.put(shardKey(kind, record.shard), renderShard(record));
      }
    }
    await batches.finish();
    await this.#change(claim, [...this.#lastChanges(prepared)]);
    env.log.warn('metadata store was reseeded', { mapVersion: prepared.mapVersion });
    await store.get(clusterKey);
    await view.check();
    const { records: _records, copied: _copied, guard: _guard, ...plan } = prepared;
    return plan;
  }

  *#lastChanges({ records, mapVersion }: Prepared): Generator<MetaOp> {
    const { clusterUuid, env, view } = this.#parts;
    const { replicationFactor } = view.map;
    const createdMs = env.clock.wallMs();
    for (const kind of storeKinds) {
      const shardCount = records[kind].length;
      if (shardCount === 0) continue;
      const value = renderLayout({ shardCount, replicationFactor, createdMs });
      yield { kind: 'put', key: shardMapKeys[kind], value };
    }
    const shardCount = records.tstore.length;
    const shape = { shardCount, replicationFactor, createdMs, mapVersionBase: mapVersion - 1 };
    const value = renderCluster({ clusterUuid, featureLevel, ...shape });
    yield { kind: 'put', key: clusterKey, value };
    yield { kind: 'delete', key: adoptingKey };
    yield touchMapVersion;
  }

  async #prepare(others: readonly KnownMetadata[]): Promise<Prepared> {
    const { clusterUuid, view } = this.#parts;
    await view.check().catch((error: unknown) => {
      // Refused is what it shall be; away is another matter.
      if (view.refusal === undefined) throw error;
    });
    if (view.refusal === undefined) {
      throw conflict('nothing to reseed: the metadata store is the one that this cluster follows');
    }
    const own = await this.describe();
    const known = [own, ...others];
    const stranger = known.find((one) => one.clusterUuid !== clusterUuid);
    if (stranger !== undefined) {
      throw conflict(`node ${stranger.node} belongs to cluster ${stranger.clusterUuid}`);
    }
    const records = {
      tstore: joinRecords('tstore', known),
      kstore: joinRecords('kstore', known),
    };
    checkWhole(view.map, records);
    const catalog = await this.#readCopy(catalogCopyFile);
    if (catalog === undefined) {
      throw conflict('this node has no whole copy of the catalog: ask another one');
    }
    const better = others.find(({ catalogRevision }) => catalogRevision > catalog.revision);
    if (better !== undefined) {
      throw conflict(`node ${better.node} has a newer copy of the catalog: ask that one`);
    }
    const dropped = (await this.#readCopy(droppedCopyFile))?.records ?? [];
    const { replaces, guard } = await this.#look();
    const highest = Math.max(...known.map(({ mapVersion }) => mapVersion));
    return {
      clusterUuid,
      mapVersion: highest + versionMargin,
      shards: records.tstore.length + records.kstore.length,
      databases: catalog.records.filter(({ key }) => key.startsWith('catalog/databases/')).length,
      catalogRecords: catalog.records.length,
      droppedRecords: dropped.length,
      replaces,
      records,
      copied: [...catalog.records, ...dropped],
      guard,
    };
  }

  /** What is in the place. @throws CitadelError `conflict` for what is not this cluster's */
  async #look(): Promise<{ readonly replaces: string; readonly guard: MetaCompare }> {
    const { store, clusterUuid } = this.#parts;
    const { records } = await store.range('');
    const cluster = records.find(({ key }) => key === clusterKey);
    const guard = isUnchanged(clusterKey, cluster);
    if (cluster !== undefined) {
      const found = readCluster(cluster);
      if (found.clusterUuid !== clusterUuid) {
        throw conflict(
          `cannot reseed: the store has another cluster, ${found.clusterUuid}; correct -kvstore or -cluster`,
        );
      }
      return { replaces: `an older state of this cluster, ${records.length} records`, guard };
    }
    const adopting = records.find(({ key }) => key === adoptingKey);
    if (adopting !== undefined && parseRecord(adopting).clusterUuid !== clusterUuid) {
      throw conflict('cannot reseed: another cluster is being moved to that place');
    }
    const isLeft = (key: string) => key.startsWith(nodesPrefix) || key === leaderKey;
    const stranger = records.find(({ key }) => key !== adoptingKey && !isLeft(key));
    if (stranger !== undefined && adopting === undefined) {
      throw conflict(`cannot reseed: '${stranger.key}' is there, and no cluster`);
    }
    return { replaces: adopting === undefined ? '' : 'a reseed that was cut short', guard };
  }

  /** From here on the place has no cluster, and nobody else makes one. Resolves with the guard of what follows. */
  async #claim({ guard }: Prepared): Promise<MetaCompare> {
    const { store, view, clusterUuid } = this.#parts;
    const value = renderRecord({ clusterUuid, node: view.self });
    const { succeeded, revision } = await store.transaction({
      compare: [guard],
      onSuccess: [
        { kind: 'put', key: adoptingKey, value },
        { kind: 'delete', key: clusterKey },
      ],
    });
    if (!succeeded) throw lost();
    return { key: adoptingKey, target: 'mod', op: '=', value: revision };
  }

  async #change(claim: MetaCompare, ops: readonly MetaOp[]): Promise<void> {
    const { succeeded } = await this.#parts.store.transaction({
      compare: [claim, isAbsent(clusterKey)],
      onSuccess: ops,
    });
    if (!succeeded) throw lost();
  }

  /** Undefined: there is none, or it is damaged. */
  async #readCopy(file: string): Promise<MetaRange | undefined> {
    const { disk, clusterUuid } = this.#parts;
    try {
      return readCatalogCopy(await disk.readAll(file), clusterUuid);
    } catch (error) {
      if (error instanceof CitadelError && error.code === 'not-found') return undefined;
      throw error;
    }
  }
}

function lost(): CitadelError {
  return conflict('cannot reseed: somebody else is writing there; look again');
}

/** @throws CitadelError `conflict` */
function checkWhole(map: ClusterMap, records: Prepared['records']): void {
  if (records.tstore.length === 0) {
    throw conflict('cannot reseed: no node knows where the shards are');
  }
  for (const kind of storeKinds) {
    const isWhole = records[kind].every(({ shard }, i) => shard === i);
    const { length } = records[kind];
    if (isWhole && length >= map.shards[kind].length) continue;
    throw conflict(`cannot reseed: records of some shards of ${kind} are not known`);
  }
}

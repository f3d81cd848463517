/**
 * Moves a single node's own metadata into an empty place in etcd, so that its data becomes a cluster's.
 *
 * Order: `adopting` claims the place; everything is copied in guarded transactions; the embedded store is marked
 * `moving`, from where on it is not used alone again; one transaction makes `cluster` and removes
 * `adopting`; the embedded store is marked `moved`. Whoever dies in between is followed by a start
 * that clears the half copy and begins anew, or finds `cluster` made and only marks. A place that has
 * anything else in it is never touched.
 *
 * The map version goes on from where it was: its old count becomes the base of the new one.
 */

import { CitadelError } from '../base/errors.ts';
import type { Log } from '../env/env.ts';
import { parseRecord, renderRecord } from './catalog-records.ts';
import { touchMapVersion } from './cluster-record.ts';
import {
  type ClusterRecord,
  readCluster,
  readLayout,
  renderCluster,
  renderLayout,
} from './cluster-records.ts';
import {
  adoptingKey,
  catalogPrefix,
  clusterKey,
  continuousKeys,
  cursorsPrefix,
  droppedPrefix,
  mapVersionKey,
  movedKey,
  shardMapKeys,
  shardsPrefixes,
} from './meta-keys.ts';
import {
  isAbsent,
  type MetaCompare,
  type MetaOp,
  type MetaRecord,
  type MetaStore,
} from './meta-store.ts';
import { PutBatches } from './put-batches.ts';

const movedPrefixes = [
  catalogPrefix,
  cursorsPrefix,
  droppedPrefix,
  continuousKeys.progress,
  continuousKeys.late,
  shardsPrefixes.tstore,
  shardsPrefixes.kstore,
] as const;

export type MoveState = 'here' | 'moving' | 'moved';

export interface AdoptionOptions {
  readonly nodeUuid: string;
  /** Of the cluster; the shards have one replica until more nodes are there. */
  readonly replicationFactor: number;
}

/** Whether embedded metadata may still be used alone: only while it is `here`. */
export async function findMoveState(embedded: MetaStore): Promise<MoveState> {
  const record = await embedded.get(movedKey);
  if (record === undefined) return 'here';
  return parseRecord(record).state === 'moving' ? 'moving' : 'moved';
}

/** @throws CitadelError `conflict` */
export async function refuseMoved(embedded: MetaStore): Promise<void> {
  if ((await findMoveState(embedded)) === 'here') return;
  throw new CitadelError(
    'conflict',
    'cannot use the metadata of this data directory: it has moved to etcd, start with -kvstore',
  );
}

function markMoved(embedded: MetaStore, state: MoveState) {
  const put: MetaOp = { kind: 'put', key: movedKey, value: renderRecord({ state }) };
  return embedded.transaction({ compare: [], onSuccess: [put] });
}

async function readOwn(from: MetaStore): Promise<ClusterRecord> {
  const record = await from.get(clusterKey);
  if (record === undefined) throw new CitadelError('corrupt', 'embedded metadata has no cluster');
  return readCluster(record);
}

/** Whether the cluster is there already: an earlier move got as far as that. */
async function isMade(to: MetaStore, own: ClusterRecord): Promise<boolean> {
  const record = await to.get(clusterKey);
  if (record === undefined) return false;
  const { clusterUuid } = readCluster(record);
  if (clusterUuid === own.clusterUuid) return true;
  throw new CitadelError(
    'conflict',
    `cannot move the metadata of this node to etcd: cluster ${clusterUuid} is there; choose another name with -cluster`,
  );
}

/** Resolves with the guard of everything that follows. */
async function claim(
  to: MetaStore,
  { clusterUuid }: ClusterRecord,
  nodeUuid: string,
): Promise<MetaCompare> {
  const { records } = await to.range('');
  const claimed = records.find(({ key }) => key === adoptingKey);
  const isOurs = claimed !== undefined && parseRecord(claimed).clusterUuid === clusterUuid;
  if (!isOurs && records.length > 0) {
    const message = `cannot move the metadata of this node to etcd: '${records[0]!.key}' is there already`;
    throw new CitadelError('conflict', message);
  }
  if (claimed !== undefined) {
    return { key: adoptingKey, target: 'create', op: '=', value: claimed.createRevision };
  }
  const value = renderRecord({ clusterUuid, node: nodeUuid });
  const { succeeded, revision } = await to.transaction({
    compare: [isAbsent(clusterKey), isAbsent(adoptingKey)],
    onSuccess: [{ kind: 'put', key: adoptingKey, value }],
  });
  if (!succeeded) throw lost();
  return { key: adoptingKey, target: 'create', op: '=', value: revision };
}

function lost(): CitadelError {
  const message = 'cannot move the metadata of this node to etcd: somebody else is writing there';
  return new CitadelError('conflict', message);
}

async function change(to: MetaStore, guard: MetaCompare, ops: readonly MetaOp[]): Promise<void> {
  const { succeeded } = await to.transaction({
    compare: [guard, isAbsent(clusterKey)],
    onSuccess: ops,
  });
  if (!succeeded) throw lost();
}

async function copy(
  to: MetaStore,
  guard: MetaCompare,
  records: readonly MetaRecord[],
): Promise<void> {
  const batches = new PutBatches((ops) => change(to, guard, ops));
  for (const { key, value } of records) await batches.put(key, value);
  await batches.finish();
}

/** The layouts, with the replication factor of the cluster. */
async function copyLayouts(from: MetaStore, replicationFactor: number): Promise<MetaOp[]> {
  const ops: MetaOp[] = [];
  for (const key of Object.values(shardMapKeys)) {
    const record = await from.get(key);
    if (record === undefined) continue;
    const value = renderLayout({ ...readLayout(record), replicationFactor });
    ops.push({ kind: 'put', key, value });
  }
  return ops;
}

/**
 * Moves what `from` has to `to`, or finishes a move that was cut short. `from` must not change meanwhile.
 *
 * @throws CitadelError `conflict` when the place is not empty, `unavailable`
 */
export async function adoptEmbedded(
  from: MetaStore,
  to: MetaStore,
  { nodeUuid, replicationFactor }: AdoptionOptions,
  log: Pick<Log, 'info'>,
): Promise<void> {
  const own = await readOwn(from);
  if (!(await isMade(to, own))) {
    const guard = await claim(to, own, nodeUuid);
    const clear = movedPrefixes.map((prefix): MetaOp => ({ kind: 'delete-prefix', prefix }));
    await change(to, guard, clear);
    let count = 0;
    for (const prefix of movedPrefixes) {
      const { records } = await from.range(prefix);
      await copy(to, guard, records);
      count += records.length;
    }
    const writes = (await from.get(mapVersionKey))?.version ?? 0;
    const mapVersionBase = own.mapVersionBase + writes;
    const cluster = renderCluster({ ...own, replicationFactor, mapVersionBase });
    await markMoved(from, 'moving');
    await change(to, guard, [
      ...(await copyLayouts(from, replicationFactor)),
      { kind: 'put', key: clusterKey, value: cluster },
      { kind: 'delete', key: adoptingKey },
      touchMapVersion,
    ]);
    log.info('metadata of this node has moved to etcd', { records: count });
  }
  await markMoved(from, 'moved');
}

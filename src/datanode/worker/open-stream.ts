/**
 * What a stream is made of: rows of the stores, after the replicas have said that they may answer, or a
 * snapshot for a peer.
 */

import { CitadelError, invariant } from '../../base/errors.ts';
import type { MemoryAccount } from '../../base/memory-budget.ts';
import type { Env } from '../../env/env.ts';
import { getFromStores, type KStore, scanStores as scanKeys } from '../../kstore/kstore.ts';
import type { Hlc } from '../../model/entry.ts';
import type { KvGetBlock, KvKeys, ReadOptions } from '../../rpc/data-node-api.ts';
import { scanStores, schemaStores } from '../../tstore/tstore.ts';
import { kindOfSlot, shardOfSlot } from '../slots.ts';
import { refuseHidden } from './log-faults.ts';
import type { StreamBlock, StreamRequest } from './messages.ts';
import { isTStore } from './replica-store.ts';
import type { ShardReplica } from './shard-replica.ts';

/** Values that are answered in one turn. */
const quickBytesMax = 32 * 1024;

export interface StreamWork {
  readonly shards: readonly number[];
  readonly request: StreamRequest;
  readonly memory: MemoryAccount;
}

export interface StreamContext {
  readonly env: Pick<Env, 'clock' | 'timers'>;
  readonly replica: (shard: number) => ShardReplica | undefined;
  /** Why a replica that is here cannot be opened; undefined = there is none such. */
  readonly problem: (shard: number) => CitadelError | undefined;
  /** False: a shard of keys that is not here was never written to. */
  readonly hasPeers: boolean;
  readonly signal: AbortSignal;
}

type RowsRequest = Extract<StreamRequest, { kind: 'scan' | 'schema' }>;
type KeysRequest = Extract<StreamRequest, { kind: 'kv-get' | 'kv-scan' }>;
/** Where replicas are found, and in what state. */
type ReplicaContext = Omit<StreamContext, 'signal'>;

function refuse({ shard }: ShardReplica, reason: string, message: string): CitadelError {
  return new CitadelError('redirect', message, { details: { shard, reason } });
}

/** @throws CitadelError `redirect`, with the `reason` (ReadRefusal): another replica may answer */
function checkRead(replica: ShardReplica, read: ReadOptions, env: StreamContext['env']): void {
  const marks = read.marks.filter(({ shard }) => shard === replica.shard);
  const times = { wallMs: env.clock.wallMs(), monotonicMs: env.clock.monotonicMs() };
  const refusal = replica.state.checkRead(read.level, marks, times);
  if (refusal !== undefined) throw refuse(replica, refusal.kind, refusal.message);
}

/** What damage hides here another replica may have. */
function checkDamage(replica: ShardReplica, { plan }: RowsRequest): void {
  const { dbId, rpId, range } = plan;
  try {
    refuseHidden(replica.faults, { dbId, rpId, range });
  } catch (error) {
    if (replica.peers === undefined || !(error instanceof CitadelError)) throw error;
    throw refuse(replica, 'damaged', error.message);
  }
}

function find({ replica, problem, hasPeers }: ReplicaContext, shard: number): ShardReplica {
  const found = replica(shard);
  if (found !== undefined) return found;
  const damage = problem(shard);
  if (damage !== undefined && !hasPeers) throw damage;
  const details = { shard, reason: damage === undefined ? 'not-here' : 'damaged' };
  if (damage !== undefined) throw new CitadelError('redirect', damage.message, { details });
  throw new CitadelError('redirect', `shard ${shardOfSlot(shard)} is not here`, { details });
}

/** When a stream has seen all that it will give: rows of points at its first block, keys only at its end. */
type SeenAt = 'first block' | 'end';

/** The blocks, and before they end the proof that they may count. */
async function* confirm(
  blocks: AsyncIterable<StreamBlock>,
  replicas: readonly ShardReplica[],
  seenAt: SeenAt,
): AsyncGenerator<StreamBlock> {
  const ask = () => replicas.map(async ({ peers }) => peers?.confirmRead());
  let answers: Promise<string | undefined>[] | undefined;
  for await (const block of blocks) {
    if (seenAt === 'first block') answers ??= ask();
    yield block;
  }
  const refusals = await Promise.all(answers ?? ask());
  for (const [i, refusal] of refusals.entries()) {
    if (refusal !== undefined) throw refuse(replicas[i]!, 'not-confirmed', refusal);
  }
}

function openRows(
  context: StreamContext,
  { shards, memory }: StreamWork,
  request: RowsRequest,
): AsyncIterable<StreamBlock> {
  const { env, signal } = context;
  const { read } = request;
  const replicas = shards.map((shard) => find(context, shard));
  for (const replica of replicas) {
    if (read !== undefined) checkRead(replica, read, env);
    checkDamage(replica, request);
  }
  const stores = replicas.map(({ store }) => store).filter(isTStore);
  const control = { signal, env, memory };
  const blocks =
    request.kind === 'scan'
      ? scanStores(stores, request.plan, control)
      : schemaStores(stores, request.plan, control);
  return read?.level === 'quorum' ? confirm(blocks, replicas, 'first block') : blocks;
}

/** Damage to the log may have taken any of the keys: what is not there may have been. */
function checkWhole(replica: ShardReplica): void {
  if (replica.faults.length === 0) return;
  const message = `the log of shard ${shardOfSlot(replica.shard)} is damaged`;
  if (replica.peers !== undefined) throw refuse(replica, 'damaged', message);
  throw new CitadelError('corrupt', `cannot read keys: ${message}`);
}

/** Without peers a shard that was never written to has no replica yet: it holds nothing. */
function findKeys(
  context: ReplicaContext,
  shards: readonly number[],
  { read }: KeysRequest,
): ShardReplica[] {
  const replicas: ShardReplica[] = [];
  for (const shard of shards) {
    const replica = findUnlessUnmade(context, shard);
    if (replica === undefined) continue;
    if (read !== undefined) checkRead(replica, read, context.env);
    checkWhole(replica);
    replicas.push(replica);
  }
  return replicas;
}

function kstoreOf({ store }: ShardReplica): KStore {
  invariant(!isTStore(store), 'a slot of keys has a store of keys');
  return store;
}

/** Keys of shards that are not here yet: absent, all of them. */
function* nothingOf(
  parts: readonly KvKeys[],
  replicas: readonly ShardReplica[],
): Generator<KvGetBlock> {
  const here = new Set(replicas.map(({ shard }) => shard));
  for (const { shard, keys } of parts) {
    if (here.has(shard)) continue;
    const { length } = keys.ends;
    const values = { bytes: new Uint8Array(0), ends: new Uint32Array(length) };
    yield { shard, start: 0, present: new Uint8Array(length), values, hasTable: false };
  }
}

async function* readKeys(
  request: KeysRequest,
  replicas: readonly ShardReplica[],
  { env, signal }: StreamContext,
): AsyncGenerator<StreamBlock> {
  if (request.kind === 'kv-scan') {
    yield* scanKeys(replicas.map(kstoreOf), env, request.plan, signal);
    return;
  }
  const { parts, table } = request;
  yield* nothingOf(parts, replicas);
  yield* getFromStores(askedOf(parts, replicas), table, signal);
}

function askedOf(parts: readonly KvKeys[], replicas: readonly ShardReplica[]) {
  return replicas.flatMap((replica) =>
    parts
      .filter(({ shard }) => shard === replica.shard)
      .map(({ shard, keys }) => ({ shard, store: kstoreOf(replica), keys })),
  );
}

/**
 * Few keys, in one turn. Undefined = their values are large: they are to be read as a stream.
 *
 * @throws CitadelError `redirect`, `corrupt`
 */
export function readKeysNow(
  context: ReplicaContext,
  request: Extract<StreamRequest, { kind: 'kv-get' }>,
): readonly KvGetBlock[] | undefined {
  const { parts, table } = request;
  const shards = parts.map(({ shard }) => shard);
  const replicas = findKeys(context, shards, request);
  const blocks = [...nothingOf(parts, replicas)];
  let room = quickBytesMax;
  for (const { shard, store, keys } of askedOf(parts, replicas)) {
    const values = store.getNow(table, keys, room);
    if (values === undefined) return undefined;
    room -= values.values.bytes.length;
    blocks.push({ ...values, shard, hasTable: store.hasTable(table) });
  }
  return blocks;
}

function openKeys(
  context: StreamContext,
  shards: readonly number[],
  request: KeysRequest,
): AsyncIterable<StreamBlock> {
  const replicas = findKeys(context, shards, request);
  const blocks = readKeys(request, replicas, context);
  return request.read?.level === 'quorum' ? confirm(blocks, replicas, 'end') : blocks;
}

async function* openSnapshot(
  context: StreamContext,
  shards: readonly number[],
): AsyncGenerator<StreamBlock> {
  const [shard] = shards;
  invariant(shard !== undefined, 'a snapshot is of one shard');
  const replica = find(context, shard);
  const { state, store } = replica;
  if (state.phase !== 'active' && state.phase !== 'catching-up') {
    throw refuse(replica, 'not-active', `the replica of shard ${shard} has no complete data`);
  }
  if (replica.faults.length > 0) {
    throw refuse(replica, 'damaged', `the replica of shard ${shard} is damaged`);
  }
  // Versions first, then the view: what they count is in it.
  const { versions } = state;
  const { gcVersions, hlcMax } = store.positions;
  const facts = { versions, gcVersions, hlcMax: Math.max(hlcMax, replica.clock.last) };
  for await (const piece of store.snapshot(facts, context.signal)) yield { piece };
}

/** Of a copy that has everything. A shard of keys that nothing was written to has no sections. */
async function* openBackup(
  context: StreamContext,
  shards: readonly number[],
  request: Extract<StreamRequest, { kind: 'backup-list' | 'backup-section' }>,
): AsyncGenerator<StreamBlock> {
  const [shard] = shards;
  invariant(shard !== undefined, 'a backup is of one shard at a time');
  const replica = findUnlessUnmade(context, shard);
  if (replica === undefined) {
    yield { sections: [] };
    return;
  }
  const { state, store, faults } = replica;
  if (state.phase !== 'active' || faults.length > 0 || store.hasDamagedFiles) {
    throw refuse(replica, 'damaged', `the copy of shard ${shardOfSlot(shard)} here is not whole`);
  }
  if (request.kind === 'backup-list') yield { sections: [...store.sections] };
  else for await (const piece of store.section(request.name, context.signal)) yield { piece };
}

/** Undefined: a shard of keys that nothing was ever written to. */
function findUnlessUnmade(context: ReplicaContext, shard: number): ShardReplica | undefined {
  const mayBeUnmade = kindOfSlot(shard) === 'kstore' && !context.hasPeers;
  const isHere = context.replica(shard) !== undefined || context.problem(shard) !== undefined;
  return mayBeUnmade && !isHere ? undefined : find(context, shard);
}

async function* openDigests(
  context: StreamContext,
  shards: readonly number[],
  horizon: Hlc,
): AsyncGenerator<StreamBlock> {
  for (const shard of shards) {
    const replica = findUnlessUnmade(context, shard);
    if (replica === undefined) {
      yield { digest: { shard, versions: {}, parts: [] } };
      continue;
    }
    const { state, store } = replica;
    const { versions } = state;
    const parts = await store.digest(horizon, context.signal);
    yield { digest: { shard, versions, parts } };
  }
}

/** Errors: `redirect`, `corrupt`, `cancelled`, `limit-exceeded`. */
export function openStream(context: StreamContext, work: StreamWork): AsyncIterable<StreamBlock> {
  const { request, shards } = work;
  switch (request.kind) {
    case 'scan':
    case 'schema':
      return openRows(context, work, request);
    case 'kv-get':
    case 'kv-scan':
      return openKeys(context, shards, request);
    case 'snapshot':
      return openSnapshot(context, shards);
    case 'backup-list':
    case 'backup-section':
      return openBackup(context, shards, request);
    case 'digest':
      return openDigests(context, shards, request.horizon);
  }
}

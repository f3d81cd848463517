/**
 * Opens one log's replicas: stores first, then the log is replayed into them, then damage is judged.
 *
 * What was read is made durable before anything counts, the clock starts above every stamp ever given,
 * and every replica gets a new origin.
 */

import type { CitadelError } from '../../base/errors.ts';
import type { Disk, Env, Log } from '../../env/env.ts';
import { HybridClock, hlcPerMs, reserveAheadMs } from '../../replication/hybrid-clock.ts';
import type { LogRecord } from '../log/log-layout.ts';
import {
  type LogDamage,
  type LogPlace,
  type LogSummary,
  readLog,
  syncLog,
} from '../log/log-reader.ts';
import {
  describeFault,
  type LogFault,
  loadFaults,
  readScope,
  saveFaults,
  unknownScope,
} from './log-faults.ts';
import type { PostFromWorker, WorkerStart, WriteAnswer } from './messages.ts';
import { findReplicas } from './open-replica.ts';
import type { PeerOutbox } from './peer-outbox.ts';
import { ReplicaGroup } from './replica-group.ts';
import { ReplicaSet } from './replica-set.ts';
import type { OpenStore } from './replica-store.ts';
import type { ShardReplica } from './shard-replica.ts';
import { loadReserve, StampReserve } from './stamp-reserve.ts';
import type { TailHolds } from './tail-holds.ts';

/** While replaying, a store is flushed when memtables pass this share of the memory budget. */
const replayShare = 0.5;
/** After a flush that failed the next one is tried when so much more is in memory. */
const retryGrowth = 1.25;

export interface OpenGroup {
  readonly env: Env;
  readonly disk: Disk;
  readonly start: WorkerStart;
  readonly logId: number;
  readonly openStore: OpenStore;
  readonly onProgress: (readBytes: number) => void;
  readonly answer: (answer: WriteAnswer) => void;
  readonly tails: TailHolds;
  /** The log could not take a write. */
  readonly onLogFailure: (error: CitadelError) => void;
  /** To the main thread, about the cluster. */
  readonly post: PostFromWorker;
  /** Of the thread. */
  readonly outbox: PeerOutbox;
}

function memoryOf(replicas: Iterable<ShardReplica>): number {
  let sum = 0;
  for (const { store } of replicas) sum += store.memoryBytes;
  return sum;
}

/** Keeps a replay of a log larger than memory within the budget. False: it did not work this time. */
async function flushLargest(
  replicas: ReadonlyMap<number, ShardReplica>,
  clock: HybridClock,
  log: Log,
): Promise<boolean> {
  const bySize = [...replicas.values()].sort((a, b) => b.store.memoryBytes - a.store.memoryBytes);
  try {
    // Entries with older stamps may still follow: nothing is stable yet.
    await bySize[0]?.flush(async () => ({ hlcMax: clock.last, stableHlc: 0 }));
    log.debug('memtable flushed', { shard: bySize[0]?.shard, reason: 'replay' });
    return true;
  } catch (error) {
    // A full disk must not keep the node from opening: the memtable holds what the log has.
    log.warn('flush failed while opening', { shard: bySize[0]?.shard, error });
    return false;
  }
}

/** A record of the log that was lost, and whose header was read. */
function toFault(damage: LogDamage, record: NonNullable<LogDamage['record']>): LogFault {
  return {
    file: damage.file,
    offset: damage.offset,
    shard: record.shard,
    replicaId: record.replicaId,
    lsnFrom: record.lsn,
    lsnTo: record.lsn,
    ...readScope(record.scope),
  };
}

function isBefore(place: LogPlace | undefined, damage: LogDamage): boolean {
  if (place === undefined || place.file < damage.file) return true;
  return place.file === damage.file && place.offset < damage.offset;
}

/**
 * A place whose owner is unknown: replicas with a later record have shown by their lsns whether they lost
 * something; the others may have lost what came last.
 */
function suspectAll(damage: LogDamage, replicas: Iterable<ShardReplica>): void {
  for (const replica of replicas) {
    if (!isBefore(replica.lastPlace, damage)) continue;
    const { shard, replicaId, state } = replica;
    const { file, offset } = damage;
    const lsnFrom = state.lsn + 1;
    replica.faults.push({ file, offset, shard, replicaId, lsnFrom, lsnTo: 0, ...unknownScope });
  }
}

async function judgeDamage(
  options: OpenGroup,
  directory: string,
  summary: LogSummary,
  replicas: ReadonlyMap<number, ShardReplica>,
): Promise<void> {
  const { disk, env } = options;
  for (const { file, offset } of summary.torn)
    env.log.warn('unfinished log tail', { file, offset });
  for (const damage of summary.damage) {
    const { file, offset, size, record, losesRecords } = damage;
    env.log.error('commit log damaged', {
      file,
      offset,
      size,
      shard: record?.shard,
      lsn: record?.lsn,
    });
    if (losesRecords && record === undefined) suspectAll(damage, replicas.values());
  }
  const found = [...replicas.values()].flatMap(({ faults }) => faults);
  const kept = await loadFaults(disk, directory);
  const isNew = (fault: LogFault) =>
    !kept.some(
      ({ replicaId, lsnFrom }) => replicaId === fault.replicaId && lsnFrom === fault.lsnFrom,
    );
  const added = found.filter(isNew);
  const all = [...kept, ...added];
  if (added.length > 0) await saveFaults(disk, directory, all);
  for (const replica of replicas.values()) {
    replica.faults = all.filter(({ replicaId }) => replicaId === replica.replicaId);
  }
  for (const fault of all) env.log.error('data lost', { fault: describeFault(fault) });
}

async function replayLog(
  options: OpenGroup,
  directory: string,
  clock: HybridClock,
  set: ReplicaSet,
): Promise<LogSummary> {
  const { env, start } = options;
  const { replicas } = set;
  const byId = new Map([...replicas.values()].map((replica) => [replica.replicaId, replica]));
  const strangers = new Set<string>();
  let memoryMax = (start.memoryBytes * replayShare) / start.logIds.length;
  const now = env.clock.monotonicMs();
  return readLog(options.disk, directory, {
    record: (record: LogRecord, place: LogPlace, segment: number) => {
      const replica = byId.get(record.replicaId);
      if (replica !== undefined) {
        const { origin, sequence, frame } = record;
        replica.replay(record, place, now);
        const { offset } = place;
        replica.index.add(origin, sequence, { segment, offset, size: frame.length });
        return;
      }
      const isolated = set.findIsolated(record.replicaId);
      if (isolated !== undefined) {
        const { origin, sequence, frame, hlc } = record;
        clock.observe(hlc);
        isolated.index.add(origin, sequence, { segment, offset: place.offset, size: frame.length });
      } else if (!strangers.has(record.replicaId)) {
        strangers.add(record.replicaId);
        env.log.warn('log entries of an unknown replica ignored', {
          replicaId: record.replicaId,
          shard: record.shard,
          file: place.file,
        });
      }
    },
    damage: (damage) => {
      const { record } = damage;
      if (record !== undefined) byId.get(record.replicaId)?.skipDamaged(toFault(damage, record));
    },
    pause: async (readBytes) => {
      options.onProgress(readBytes);
      const isFull = memoryOf(replicas.values()) > memoryMax;
      if (isFull && !(await flushLargest(replicas, clock, env.log))) memoryMax *= retryGrowth;
      await env.timers.yieldNow();
    },
  });
}

export async function openGroup(options: OpenGroup): Promise<ReplicaGroup> {
  const { env, disk, start, logId } = options;
  const directory = `log/${logId}`;
  await disk.makeDirectory(directory);
  await disk.syncDirectory('log');
  const reserveFile = `${directory}/stamps`;
  const reservedTo = await loadReserve(disk, reserveFile);
  const clock = new HybridClock(reservedTo ?? 0);
  const set = new ReplicaSet({ ...options, clock, logDirectory: directory });
  await set.open(await findReplicas(disk));
  await syncLog(disk, directory);
  const replicas = set.replicas;
  const summary = await replayLog(options, directory, clock, set);
  await judgeDamage(options, directory, summary, replicas);
  for (const replica of replicas.values()) replica.endReplay();
  if (reservedTo === undefined) {
    // Whatever was reserved lay less than this above the last stamp that was used.
    env.log.error('damaged file replaced', { file: reserveFile });
    clock.observe(clock.last + 2 * reserveAheadMs * hlcPerMs);
  }
  const reserve = new StampReserve(disk, reserveFile, env.clock, clock);
  // A full disk must not keep the node from opening: the first write then asks again.
  await reserve.extend().catch((error) => env.log.warn('cannot reserve stamps', { error }));
  const { fsync, fsyncIntervalMs, segmentBytes } = start;
  const log = { directory, logId, fsync, fsyncIntervalMs, segmentBytes };
  return new ReplicaGroup({ ...options, clock, reserve, log, set }, summary);
}

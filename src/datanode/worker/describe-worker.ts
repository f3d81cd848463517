/** What a worker says of its replicas when it is asked. */

import type { ReplicationStatus, ShardStatus } from '../../rpc/data-node-api.ts';
import { kindOfSlot, shardOfSlot } from '../slots.ts';
import type { IsolatedReplica } from './isolated-replica.ts';
import { describeFault } from './log-faults.ts';
import { isTStore } from './replica-store.ts';
import type { ShardReplica } from './shard-replica.ts';

function namesOf(slot: number): Pick<ShardStatus, 'shard' | 'kind'> {
  const kind = kindOfSlot(slot);
  return { shard: shardOfSlot(slot), ...(kind === 'tstore' ? {} : { kind }) };
}

function describeReplication(state: ShardReplica['state']): ReplicationStatus {
  const { phase, epoch, promised, isPrimary, lag, versions, stableHlc } = state;
  return { phase, epoch, promised, isPrimary, lagEntries: lag, versions, stableHlc };
}

export function describeReplica(replica: ShardReplica, nowMs: number): ShardStatus {
  const { store, state, faults, peers } = replica;
  const { diskBytes, faults: storeFaults } = store.status;
  return {
    ...namesOf(replica.shard),
    state: 'active',
    ...(peers === undefined ? {} : { replication: describeReplication(state) }),
    replicaId: replica.replicaId,
    memoryBytes: store.memoryBytes,
    diskBytes,
    seriesCount: isTStore(store) ? store.status.seriesCount : 0,
    writtenBytesPerSecond: Math.round(replica.writes.perSecond(nowMs)),
    partitions: isTStore(store) ? store.status.partitions : [],
    lsn: state.lsn,
    replayFrom: replica.replayFrom,
    faults: [...faults.map(describeFault), ...storeFaults],
  };
}

/** It serves nothing; what is damaged is named. */
export function describeIsolated({ found, error }: IsolatedReplica): ShardStatus {
  return {
    ...namesOf(found.shard),
    state: 'failed',
    replicaId: found.replicaId,
    memoryBytes: 0,
    diskBytes: 0,
    seriesCount: 0,
    partitions: [],
    lsn: 0,
    replayFrom: 0,
    faults: [error.message],
  };
}

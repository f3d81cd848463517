/**
 * Goal: copies that differ are told and repaired, and only they; copies that are alike or not comparable are left alone.
 * Method: data nodes that answer digests as the test says, a period of 100 ms, pauses cut short.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { ReplicaAudit } from '../../../../src/broker/cluster/audit-replicas.ts';
import { AckedMarks } from '../../../../src/broker/route/acked-marks.ts';
import type { RouteParts } from '../../../../src/broker/route/route-parts.ts';
import { createSimEnv } from '../../../../src/env/sim/sim-env.ts';
import type { ClusterMap, NodeRecord, ShardRecord } from '../../../../src/model/cluster.ts';
import type { DataNodeApi, ShardDigest } from '../../../../src/rpc/data-node-api.ts';

const audits: ReplicaAudit[] = [];

afterEach(async () => {
  await Promise.all(audits.splice(0).map((audit) => audit.stop()));
});

function recordOf(shard: number): ShardRecord {
  return {
    shard,
    epoch: 1,
    primary: 'a',
    replicas: ['a', 'b'],
    learner: undefined,
    leaving: undefined,
    degraded: false,
    isNew: false,
    version: 1,
    revision: 1,
  };
}

function nodeOf(uuid: string): NodeRecord {
  const url = 'http://127.0.0.1:1';
  const place = { rpcUrl: url, httpUrl: url, snapshotUrl: url, zone: '' };
  return { uuid, storeId: uuid, ...place, version: '1', startedMs: 0, workers: 1 };
}

/** Shard 0 differs in one part, shard 1 is alike, shard 2 has a copy that does not answer. */
function digestOf(node: string, shard: number): ShardDigest {
  if (shard === 2 && node === 'b') throw new Error('no answer');
  const part = { name: 'db/rp/0/1', cells: 7 };
  const digest = (shard === 0 && node === 'b' ? 'ff' : '00').repeat(16);
  return { shard, versions: { o1: 5 }, parts: [{ ...part, digest }] };
}

function startAudit(repaired: number[]): ReplicaAudit {
  const { log } = createSimEnv(1);
  const map: ClusterMap = {
    clusterUuid: 'c',
    version: 1,
    replicationFactor: 2,
    nodes: new Map(['a', 'b'].map((uuid) => [uuid, nodeOf(uuid)])),
    shards: { tstore: [0, 1, 2].map(recordOf), kstore: [] },
  };
  const dataNode = (uuid: string) =>
    ({
      digest: async (_kind: string, [shard]: readonly number[]) => [digestOf(uuid, shard!)],
      status: async () => ({ shards: [] }),
    }) as unknown as DataNodeApi;
  const timers = {
    sleep: (ms: number, signal?: AbortSignal) =>
      sleep(Math.min(ms, 20), undefined, signal === undefined ? {} : { signal }),
  };
  const env = { clock: { monotonicMs: () => performance.now() }, timers, log };
  const cluster = { map, self: 'a' };
  const route = { env, cluster, dataNode, marks: new AckedMarks() } as unknown as RouteParts;
  const audit = new ReplicaAudit({
    route,
    rules: { compareIntervalMs: 100 },
    repair: (_kind, shard) => repaired.push(shard),
  });
  audits.push(audit);
  return audit;
}

test('of three shards the one that differs is repaired, and each is counted', async () => {
  const repaired: number[] = [];
  const audit = startAudit(repaired);
  const deadlineMs = performance.now() + 60_000;
  const isDone = () => audit.describe().undecided > 0 && repaired.length > 0;
  while (!isDone() && performance.now() < deadlineMs) await sleep(10);
  await audit.stop();
  const { different, undecided, compared } = audit.describe();
  expect(new Set(repaired)).toEqual(new Set([0]));
  expect(different).toBe(repaired.length);
  expect(undecided).toBeGreaterThan(0);
  expect(compared).toBeGreaterThanOrEqual(different + undecided);
  const readings = new Map(audit.readings().map(({ name, values }) => [name, values[0]?.value]));
  expect(readings.get('copies_different')).toBe(different);
});

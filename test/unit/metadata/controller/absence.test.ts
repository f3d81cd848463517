/** For how long a node was away: by the controller's own watch, and never by time in which it saw nothing. */

import { expect, test } from 'vitest';
import { AbsenceWatch } from '../../../../src/metadata/controller/absence.ts';
import type { ClusterMap, ShardRecord } from '../../../../src/model/cluster.ts';
import { makeNodeRecord } from '../../../support/cluster-member.ts';

function mapOf(live: readonly string[], replicas: readonly string[]): ClusterMap {
  const record: ShardRecord = {
    shard: 0,
    epoch: 1,
    primary: 'a',
    replicas,
    learner: undefined,
    leaving: undefined,
    degraded: false,
    isNew: false,
    version: 1,
    revision: 1,
  };
  const nodes = new Map(live.map((uuid) => [uuid, makeNodeRecord(uuid)]));
  const shards = { tstore: [record], kstore: [] };
  return { clusterUuid: 'c', version: 1, replicationFactor: 2, nodes, shards };
}

test('counts from the first look that misses a node, and ends when it is back', () => {
  const watch = new AbsenceWatch();
  expect(watch.look(mapOf(['a', 'b'], ['a', 'b']), 0).size).toBe(0);
  expect(watch.look(mapOf(['a'], ['a', 'b']), 500).get('b')).toBe(0);
  expect(watch.look(mapOf(['a'], ['a', 'b']), 3_000).get('b')).toBe(2_500);
  expect(watch.look(mapOf(['a', 'b'], ['a', 'b']), 4_000).size).toBe(0);
  expect(watch.look(mapOf(['a'], ['a', 'b']), 5_000).get('b')).toBe(0);
});

test('a node that no shard names is nobody to wait for', () => {
  const watch = new AbsenceWatch();
  expect([...watch.look(mapOf(['a'], ['a']), 0)]).toEqual([]);
});

test('begins anew after a gap in which nothing was seen', () => {
  const watch = new AbsenceWatch();
  watch.look(mapOf(['a'], ['a', 'b']), 0);
  expect(watch.look(mapOf(['a'], ['a', 'b']), 5_000).get('b')).toBe(5_000);
  expect(watch.look(mapOf(['a'], ['a', 'b']), 10_001).get('b')).toBe(0);
});

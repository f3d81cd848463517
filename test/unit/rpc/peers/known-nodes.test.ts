/** Which nodes are known: those of the map, and those that hold shards at the address they last had. */

import { expect, test } from 'vitest';
import type { ClusterMap } from '../../../../src/model/cluster.ts';
import { followNodes } from '../../../../src/rpc/peers/known-nodes.ts';
import { makeMap, makeNodeRecord, makeShardRecord } from '../../../support/rpc-node.ts';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((uuid) => makeNodeRecord(uuid));
const all = new Map([a!, b!, c!, d!].map((node) => [node.uuid, node]));

test('a node without a lease is known while it holds a shard, in whatever role', () => {
  const shard = { ...makeShardRecord(0, ['a', 'b']), learner: 'c', leaving: 'd' };
  const map: ClusterMap = { ...makeMap(1, [a!]), shards: { tstore: [], kstore: [shard] } };
  expect([...followNodes(all, map).keys()].sort()).toEqual(['a', 'b', 'c', 'd']);
  expect([...followNodes(all, makeMap(2, [a!])).keys()]).toEqual(['a']);
});

test('a holder whose address was never known is not invented', () => {
  const map: ClusterMap = {
    ...makeMap(1, []),
    shards: { tstore: [makeShardRecord(0, ['x'])], kstore: [] },
  };
  expect(followNodes(all, map).size).toBe(0);
});

test('the newest record counts', () => {
  const moved = makeNodeRecord('a', { rpcUrl: 'http://127.0.0.1:2' });
  expect(followNodes(all, makeMap(1, [moved], 1)).get('a')).toBe(moved);
});

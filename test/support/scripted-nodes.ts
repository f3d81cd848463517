/** Several data nodes that do as a test says, behind a cluster map the test can change. */

import { CitadelError } from '../../src/base/errors.ts';
import { AckedMarks } from '../../src/broker/route/acked-marks.ts';
import type { RouteParts } from '../../src/broker/route/route-parts.ts';
import { createSimEnv, type SimEnv } from '../../src/env/sim/sim-env.ts';
import type { ClusterView } from '../../src/metadata/cluster-view.ts';
import type { ClusterMap, ShardRecord } from '../../src/model/cluster.ts';
import { createFakeDataNode, type FakeDataNode } from './fake-data-node.ts';

export interface ScriptedNodes {
  readonly env: SimEnv;
  readonly parts: RouteParts;
  readonly nodes: ReadonlyMap<string, FakeDataNode>;
  /** The map that `refresh` finds from now on. */
  change(change: Partial<ShardRecord>): void;
  refreshes: number;
}

function makeMap(names: readonly string[], shardCount: number, factor: number): ClusterMap {
  const shards = Array.from({ length: shardCount }, (_, shard): ShardRecord => {
    const replicas = Array.from({ length: factor }, (_, i) => names[(shard + i) % names.length]!);
    return {
      shard,
      epoch: 1,
      primary: replicas[0]!,
      replicas,
      learner: undefined,
      leaving: undefined,
      degraded: false,
      isNew: false,
      version: 1,
      revision: 1,
    };
  });
  const nodes = names.map((uuid) => {
    const url = `http://${uuid}`;
    const addresses = { rpcUrl: url, httpUrl: url, snapshotUrl: url };
    const rest = { zone: '', version: '', startedMs: 0, workers: 1, isStopping: false };
    return [uuid, { uuid, storeId: uuid, ...addresses, ...rest }] as const;
  });
  return {
    clusterUuid: 'c',
    version: 1,
    replicationFactor: factor,
    nodes: new Map(nodes),
    shards: { tstore: shards, kstore: [] },
  };
}

/** Nodes `n0`, `n1`, ...; shard s has its primary on node s. `n0` is the asking one. */
export function createScriptedNodes(
  seed: number,
  { nodeCount = 3, shardCount = 3, factor = 2 } = {},
): ScriptedNodes {
  const env = createSimEnv(seed);
  const names = Array.from({ length: nodeCount }, (_, i) => `n${i}`);
  const nodes = new Map(names.map((name) => [name, createFakeDataNode()]));
  let stored = makeMap(names, shardCount, factor);
  const view = { map: stored };
  const cluster: ClusterView = {
    get map() {
      return view.map;
    },
    self: 'n0',
    onChange: () => () => undefined,
    refresh: async () => {
      scripted.refreshes++;
      view.map = stored;
      return stored;
    },
    offer: (map) => {
      view.map = map;
    },
    propose: async () => {
      throw new CitadelError('unsupported', 'brokers propose nothing');
    },
    isAttached: () => true,
  };
  const parts: RouteParts = {
    env,
    cluster,
    dataNode: (uuid) => nodes.get(uuid),
    marks: new AckedMarks(),
  };
  const scripted: ScriptedNodes = {
    env,
    parts,
    nodes,
    refreshes: 0,
    change(change) {
      const { shards, version, ...rest } = stored;
      const tstore = shards.tstore.map((record) => ({ ...record, ...change }));
      stored = { ...rest, version: version + 1, shards: { ...shards, tstore } };
    },
  };
  return scripted;
}

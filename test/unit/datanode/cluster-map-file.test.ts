/** The last cluster map on disk: it comes back as it was, never goes back, and damage is noticed. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ClusterMapFile,
  clusterMapFile,
  loadClusterMap,
} from '../../../src/datanode/cluster-map-file.ts';
import { createSimEnv } from '../../../src/env/sim/sim-env.ts';
import type { ClusterMap } from '../../../src/model/cluster.ts';
import { MemoryCluster } from '../../support/memory-cluster.ts';

function makeMap(version: number): ClusterMap {
  const nodes = ['a', 'b'];
  const cluster = new MemoryCluster({ shardCount: 2, nodes, replicationFactor: 2 });
  for (const node of nodes) cluster.join(node);
  const { map } = cluster;
  const tstore = map.shards.tstore.with(1, {
    ...map.shards.tstore[1]!,
    learner: 'b',
    degraded: true,
  });
  return { ...map, version, shards: { tstore, kstore: [] } };
}

function refuse(error: unknown): void {
  throw error;
}

test('what is loaded after a power cut is the newest map that was saved, or one before it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.array(fc.nat(20), { minLength: 1 }),
      async (seed, versions) => {
        const env = createSimEnv(seed);
        const file = new ClusterMapFile(env.disk, undefined, refuse);
        const newest = Math.max(...versions);
        for (const version of versions) file.save(makeMap(version));
        await env.scheduler.run(file.settled());
        env.crash();
        const saved = await env.scheduler.run(loadClusterMap(env.disk));
        expect(saved).toEqual(makeMap(newest));
        const later = new ClusterMapFile(env.disk, saved, refuse);
        if (newest > 0) later.save(makeMap(newest - 1));
        await env.scheduler.run(later.settled());
        expect((await env.scheduler.run(loadClusterMap(env.disk)))?.version).toBe(newest);
      },
    ),
    { numRuns: 30 },
  );
});

test('a directory that never was in a cluster has none; a damaged one is refused', async () => {
  const env = createSimEnv(1);
  expect(await env.scheduler.run(loadClusterMap(env.disk))).toBeUndefined();
  const file = new ClusterMapFile(env.disk, undefined, refuse);
  file.save(makeMap(3));
  await env.scheduler.run(file.settled());
  env.disk.flip(clusterMapFile, 60, 2);
  await expect(env.scheduler.run(loadClusterMap(env.disk))).rejects.toMatchObject({
    code: 'corrupt',
  });
});

test('a save that fails is told, and the next one is made', async () => {
  const env = createSimEnv(1);
  const errors: unknown[] = [];
  const file = new ClusterMapFile(env.disk, undefined, (error) => errors.push(error));
  env.disk.faults.failSyncs = 1;
  file.save(makeMap(1));
  await env.scheduler.run(file.settled());
  file.save(makeMap(1));
  await env.scheduler.run(file.settled());
  expect(errors).toHaveLength(1);
  expect((await env.scheduler.run(loadClusterMap(env.disk)))?.version).toBe(1);
});

/**
 * Data nodes as replica holders, in the simulated world: what is acknowledged is where its level says, and
 * every replica ends up with the same entries, whatever was lost on the way.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { WriteLevel } from '../../../../src/replication/replica-events.ts';
import { ClusterRig } from './cluster-rig.ts';
import { shardCount } from './worker-rig.ts';

function areActive(rig: ClusterRig): boolean {
  return rig.cluster.map.shards.tstore.every(({ shard, replicas }) =>
    replicas.every((name) => !rig.lives.has(name) || rig.phaseOf(name, shard) === 'active'),
  );
}

async function openCluster(
  seed: number,
  options: ConstructorParameters<typeof ClusterRig>[1],
): Promise<ClusterRig> {
  const rig = new ClusterRig(seed, options);
  await rig.openAll();
  await rig.until('all replicas are active', () => areActive(rig));
  return rig;
}

/** Writes to the primaries; resolves when all are answered. */
async function writeAll(rig: ClusterRig, count: number, level: WriteLevel = 'auto') {
  const before = rig.acked.length;
  for (let i = 0; i < count; i++) {
    const shard = i % shardCount;
    rig.write(rig.primaryOf(shard), shard, { level });
    if (i % 8 === 7) await rig.advance(5);
  }
  await rig.until('all writes are answered', () => rig.acked.length === before + count);
}

describe('a new cluster', () => {
  test.each([
    2, 3,
  ])('at RF %i its replicas become active, and writes reach all of them', async (replicationFactor) => {
    const rig = await openCluster(1, { replicationFactor });
    await writeAll(rig, 20, 'all');
    for (const { shard, value, response } of rig.acked) {
      expect(response).toMatchObject({ copies: replicationFactor, levelReached: 'all' });
      for (const name of rig.cluster.map.shards.tstore[shard]!.replicas) {
        expect(rig.valuesOf(name, shard)).toContain(value);
      }
    }
    expect(rig.refused).toEqual([]);
  });

  test('of one node has no clock ticking once its shards are made', async () => {
    const rig = await openCluster(1, { nodes: 1, replicationFactor: 1 });
    await writeAll(rig, 8, 'all');
    expect(rig.acked.every(({ response }) => response.copies === 1)).toBe(true);
    expect(rig.cluster.map.shards.tstore.every(({ isNew }) => !isNew)).toBe(true);
    expect(rig.cluster.deliveredCount).toBe(0);
  });
});

describe('levels', () => {
  test('with one of two replicas away `auto` says that it is alone, `all` waits for the other', async () => {
    const rig = await openCluster(2, { replicationFactor: 2 });
    const shard = 0;
    const [primary, other] = rig.cluster.map.shards.tstore[shard]!.replicas;
    rig.end(other!, 'kill', { keepsLease: true });
    const alone = rig.ask(primary!, shard);
    const both = rig.ask(primary!, shard, { level: 'all' });
    await rig.until('the degraded write is answered', () => rig.acked.length === 1);
    expect(await alone).toMatchObject({ copies: 1, levelReached: 'one' });
    await rig.advance(5_000);
    expect(rig.acked).toHaveLength(1);
    await rig.open(other!);
    await rig.until('the other write is answered', () => rig.acked.length === 2);
    expect(await both).toMatchObject({ copies: 2, levelReached: 'all' });
    expect(rig.valuesOf(other!, shard)).toEqual(rig.valuesOf(primary!, shard));
  });

  test('a write that nobody waits for any more is kept, and gives its memory back', async () => {
    const rig = await openCluster(3, { replicationFactor: 2 });
    const [primary, other] = rig.cluster.map.shards.tstore[0]!.replicas;
    rig.end(other!, 'kill', { keepsLease: true });
    const abort = new AbortController();
    const gone = rig.ask(primary!, 0, { level: 'all', signal: abort.signal });
    await rig.advance(100);
    abort.abort();
    await gone;
    expect(rig.refused.map(({ code }) => code)).toEqual(['cancelled']);
    await rig.open(other!);
    await rig.until('it spreads', () => rig.valuesOf(other!, 0).size === 1);
  });

  test('sent again to another replica it is the entry that it already was', async () => {
    const rig = await openCluster(4, { replicationFactor: 3 });
    const [primary, other] = rig.cluster.map.shards.tstore[0]!.replicas;
    const writeId = new Uint8Array(16).fill(7);
    const first = rig.ask(primary!, 0, { writeId, level: 'all', value: 5 });
    await rig.until('the first is answered', () => rig.acked.length === 1);
    const again = rig.ask(other!, 0, { writeId, isFallback: true, value: 5 });
    await rig.until('the second is answered', () => rig.acked.length === 2);
    const { origin, sequence } = (await first)!;
    expect(await again).toMatchObject({ origin, sequence });
  });

  test('a replica that is not the primary takes a write only as a fallback; one that is not here redirects', async () => {
    const rig = await openCluster(5, { replicationFactor: 2 });
    const { replicas } = rig.cluster.map.shards.tstore[0]!;
    const stranger = rig.nodes.find((name) => !replicas.includes(name))!;
    rig.write(replicas[1]!, 0);
    rig.write(stranger, 0, { isFallback: true });
    rig.write(replicas[1]!, 0, { isFallback: true });
    await rig.until('all are answered', () => rig.refused.length === 2 && rig.acked.length === 1);
    expect(rig.refused.map(({ code }) => code)).toEqual(['redirect', 'redirect']);
    await rig.until('it spreads', () => rig.areAllEqual());
  });
});

describe('catch-up', () => {
  test.each([
    'kill',
    'power-cut',
  ] as const)('after a %s a replica gets what it missed from the log', async (how) => {
    const rig = await openCluster(6, { replicationFactor: 3 });
    // Each replica but the first of its shard began with one.
    const before = 2 * shardCount;
    await writeAll(rig, 12);
    rig.end('node-1', how);
    await rig.until('its primaries moved', () =>
      rig.cluster.map.shards.tstore.every(({ primary }) => primary !== 'node-1'),
    );
    await writeAll(rig, 40, 'quorum');
    await rig.open('node-1');
    await rig.until('it has all', () => rig.areAllEqual() && areActive(rig));
    expect(rig.snapshotsMerged()).toBe(before);
  });

  test('a wiped replica is filled by a snapshot while writes go on', async () => {
    const rig = await openCluster(7, { replicationFactor: 2 });
    const before = rig.snapshotsMerged();
    await writeAll(rig, 60);
    rig.end('node-2', 'kill');
    rig.wipe('node-2');
    await rig.until('its primaries moved', () =>
      rig.cluster.map.shards.tstore.every(({ primary }) => primary !== 'node-2'),
    );
    await writeAll(rig, 10);
    await rig.open('node-2');
    await writeAll(rig, 30);
    await rig.until('it has all', () => rig.areAllEqual() && areActive(rig));
    expect(rig.snapshotsMerged()).toBeGreaterThan(before);
    // What came by snapshot is durable, and counted.
    rig.end('node-2', 'power-cut');
    await rig.open('node-2');
    await rig.until('it has all again', () => rig.areAllEqual() && areActive(rig));
  });

  test('a snapshot that breaks off is begun anew', async () => {
    const rig = await openCluster(8, { replicationFactor: 2 });
    await writeAll(rig, 40);
    rig.end('node-0', 'kill');
    rig.wipe('node-0');
    await rig.until('its primaries moved', () =>
      rig.cluster.map.shards.tstore.every(({ primary }) => primary !== 'node-0'),
    );
    rig.faults.failMerges = 3;
    await rig.open('node-0');
    await rig.until('it has all', () => rig.areAllEqual() && areActive(rig), 120_000);
    expect(rig.faults.failMerges).toBe(0);
  });

  test('where the log was trimmed a snapshot takes its place', async () => {
    const rig = await openCluster(9, {
      replicationFactor: 3,
      segmentBytes: 1_000,
      memoryBytes: 20_000,
    });
    const before = rig.snapshotsMerged();
    rig.end('node-1', 'kill');
    await rig.until('its primaries moved', () =>
      rig.cluster.map.shards.tstore.every(({ primary }) => primary !== 'node-1'),
    );
    for (let i = 0; i < 20; i++) {
      await writeAll(rig, 40, 'quorum');
      await rig.advance(1_000);
    }
    await rig.open('node-1');
    await rig.until('it has all', () => rig.areAllEqual() && areActive(rig), 120_000);
    expect(rig.snapshotsMerged()).toBeGreaterThan(before);
  });

  test('a replica that misses what was collected as garbage gives away what only it has, and starts anew', async () => {
    const rig = await openCluster(11, { replicationFactor: 2, nodes: 2 });
    await writeAll(rig, 20, 'all');
    rig.cluster.cut('node-0', 'node-1');
    await rig.advance(100);
    for (const name of rig.nodes) {
      for (let shard = 0; shard < shardCount; shard++) {
        rig.write(name, shard, { level: 'one', isFallback: true });
      }
    }
    await rig.until(
      'each has something of its own',
      () => rig.acked.length === 20 + 2 * shardCount,
    );
    for (let shard = 0; shard < shardCount; shard++) {
      const store = rig.storeOf('node-0', shard)!;
      store.toCollect = rig.lives.get('node-0')!.core.replicaOf(shard)!.state.versions;
    }
    await rig.until('garbage is collected', () =>
      [...rig.stores('node-0')].every(
        ({ positions }) => Object.keys(positions.gcVersions).length > 0,
      ),
    );
    rig.cluster.heal();
    const renewed = () =>
      rig.world.events.filter(({ event }) => event.startsWith('replica starts anew')).length;
    await rig.until('the other starts anew', () => renewed() === shardCount);
    await rig.until('both agree', () => rig.areAllEqual() && areActive(rig));
    rig.end('node-1', 'power-cut');
    await rig.open('node-1');
    await writeAll(rig, 8);
    await rig.until('both still agree', () => rig.areAllEqual() && areActive(rig));
    expect(renewed()).toBe(shardCount);
  });

  test('damage to the log is healed from peers', async () => {
    const rig = await openCluster(12, { replicationFactor: 2 });
    await writeAll(rig, 40, 'all');
    await rig.advance(200);
    const { disk } = rig.lives.get('node-1')!.node;
    rig.end('node-1', 'kill');
    const size = (await rig.world.scheduler.run(disk.readAll('log/1/00000001.log'))).length;
    disk.flip('log/1/00000001.log', Math.floor(size / 2));
    await rig.open('node-1');
    const faults = async () => (await rig.statusOf('node-1')).shards.flatMap((one) => one.faults);
    expect((await faults()).length).toBeGreaterThan(0);
    await rig.until('nothing is hidden any more', async () => (await faults()).length === 0);
    expect(rig.areAllEqual()).toBe(true);
    rig.end('node-1', 'kill');
    await rig.open('node-1');
    await rig.until('it stays so', async () => areActive(rig) && (await faults()).length === 0);
  });

  test('with all replicas there an idle log is empty', async () => {
    const rig = await openCluster(10, { replicationFactor: 2 });
    await writeAll(rig, 40);
    const logBytes = async () => (await rig.statusOf('node-0')).logBytes;
    await rig.until('the logs are empty', async () => (await logBytes()) === 0, 60_000);
    expect(rig.areAllEqual()).toBe(true);
  });
});

type Step =
  | { readonly kind: 'write'; readonly shard: number; readonly level: WriteLevel }
  | { readonly kind: 'wait'; readonly ms: number }
  | {
      readonly kind: 'end';
      readonly node: number;
      readonly how: 'kill' | 'power-cut';
      readonly keepsLease: boolean;
    }
  | { readonly kind: 'open'; readonly node: number }
  | { readonly kind: 'cut'; readonly a: number; readonly b: number }
  | { readonly kind: 'heal' }
  | { readonly kind: 'blackout' }
  | { readonly kind: 'store'; readonly isUp: boolean }
  | { readonly kind: 'fail-sync'; readonly node: number };

const node = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      shard: fc.nat(shardCount - 1),
      level: fc.constantFrom<WriteLevel>('auto', 'one', 'quorum', 'all'),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(400) }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'wait', ms: 6_000 }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      node,
      how: fc.constantFrom('kill' as const, 'power-cut' as const),
      keepsLease: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('open' as const), node }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), a: node, b: node }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'heal' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'blackout' }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('store' as const), isUp: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail-sync' as const), node }) },
);

async function perform(rig: ClusterRig, next: Step): Promise<void> {
  const { cluster, nodes, lives } = rig;
  switch (next.kind) {
    case 'write': {
      const { replicas, primary } = cluster.map.shards.tstore[next.shard]!;
      const to = lives.has(primary) ? primary : replicas.find((name) => lives.has(name));
      if (to === undefined) return;
      rig.write(to, next.shard, { level: next.level, isFallback: to !== primary });
      return;
    }
    case 'wait':
      return rig.advance(next.ms);
    case 'end':
      if (lives.has(nodes[next.node]!)) {
        rig.end(nodes[next.node]!, next.how, { keepsLease: next.keepsLease });
      }
      return;
    case 'open':
      if (!lives.has(nodes[next.node]!)) await rig.open(nodes[next.node]!);
      return;
    case 'cut':
      if (next.a !== next.b) cluster.cut(nodes[next.a]!, nodes[next.b]!);
      return;
    case 'heal':
      cluster.heal();
      return;
    case 'blackout':
      for (const name of [...lives.keys()]) rig.end(name, 'power-cut');
      for (const name of nodes) await rig.open(name);
      return;
    case 'store':
      cluster.isStoreUp = next.isUp;
      return;
    case 'fail-sync': {
      const life = lives.get(nodes[next.node]!);
      if (life !== undefined) life.node.disk.faults.failSyncs = 1;
      return;
    }
  }
}

// Goal: what was acknowledged is on every replica after the heal, and the replicas hold the same entries.
// Method: random kills, power cuts, partitions, failing syncs and metadata outages between random writes.
test.each([
  2, 3,
])('nothing acknowledged is lost, and replicas agree, at RF %i', async (replicationFactor) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.array(step, { maxLength: 60, size: 'max' }),
      async (seed, steps) => {
        const rig = await openCluster(seed, {
          replicationFactor,
          segmentBytes: 2_000,
          memoryBytes: 20_000,
        });
        for (const next of steps) await perform(rig, next);
        rig.cluster.heal();
        rig.cluster.isStoreUp = true;
        for (const name of rig.nodes) if (!rig.lives.has(name)) await rig.open(name);
        await rig.until('all replicas agree', () => rig.areAllEqual() && areActive(rig), 120_000);
      },
    ),
    { numRuns: 25 },
  );
});

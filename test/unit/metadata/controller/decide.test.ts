/**
 * Goal: whatever nodes there are and come to be, the controller's decisions lead to a map that is right, even, and
 * then left alone.
 * Method: random clusters; the actions are carried out on a copy of the map and decided on again.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Action, decide, defaultRules } from '../../../../src/metadata/controller/decide.ts';
import { liveNodesOf, type NodeRecord, type ShardRecord } from '../../../../src/model/cluster.ts';
import { makeNodeRecord } from '../../../support/cluster-member.ts';

const calm = 60_000;

interface World {
  nodes: readonly NodeRecord[];
  readonly shardCount: number;
  readonly replicationFactor: number;
  readonly placed: Map<number, ShardRecord>;
}

function makeWorld(
  nodes: readonly NodeRecord[],
  shardCount: number,
  replicationFactor: number,
): World {
  return { nodes, shardCount, replicationFactor, placed: new Map() };
}

function mapOf({ nodes, replicationFactor }: World) {
  return {
    clusterUuid: 'c',
    version: 1,
    replicationFactor,
    nodes: new Map(nodes.map((node) => [node.uuid, node])),
    shards: { tstore: [], kstore: [] },
  };
}

function decideOn(world: World, calmMs = calm): readonly Action[] {
  const { shardCount, replicationFactor, placed } = world;
  const layout = { shardCount, replicationFactor, createdMs: 0 };
  return decide({ map: mapOf(world), kinds: [{ kind: 'tstore', layout, placed }], calmMs });
}

/** As the store would: records come into being once, changes raise the version by one. */
function perform({ placed }: World, action: Action): void {
  if (action.kind === 'place') {
    for (const record of action.records) {
      expect(placed.has(record.shard)).toBe(false);
      placed.set(record.shard, { ...record, isNew: false, revision: 1 });
    }
    return;
  }
  if (action.kind === 'balanced') throw new Error('nobody wished for it');
  const { record } = action;
  expect(placed.get(record.shard)!.revision).toBe(record.revision);
  expect(placed.get(record.shard)!.version + 1).toBe(record.version);
  placed.set(record.shard, { ...record, revision: record.revision + 1 });
}

/** The replicas that are wished for take over. */
function fulfil({ placed }: World): void {
  for (const [shard, record] of placed) {
    const { preferred, ...rest } = record;
    if (preferred === undefined) continue;
    const { epoch, version } = record;
    placed.set(shard, { ...rest, primary: preferred, epoch: epoch + 1, version: version + 1 });
  }
}

function settle(world: World): number {
  for (let round = 0; round < 2_000; round++) {
    const actions = decideOn(world);
    if (actions.length === 0) return round;
    for (const action of actions) perform(world, action);
    fulfil(world);
  }
  throw new Error('the controller never comes to rest');
}

function countBy(world: World, of: (record: ShardRecord) => readonly string[]): number[] {
  const live = liveNodesOf(mapOf(world));
  const counts = new Map([...live].map((uuid) => [uuid, 0]));
  for (const record of world.placed.values()) {
    for (const uuid of of(record)) counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
  }
  return [...counts.values()];
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

const shardCounts = fc.integer({ min: 0, max: 8 }).map((power) => 2 ** power);
/** Zones of equal size; one zone = none. */
const equalZones = fc
  .record({ zones: fc.integer({ min: 1, max: 4 }), each: fc.integer({ min: 1, max: 4 }) })
  .map(({ zones, each }) =>
    Array.from({ length: zones * each }, (_, i) => makeNodeRecord(`n${i}`, `z${i % zones}`)),
  );
const anyNodes = fc
  .array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 9 })
  .map((zones) => zones.map((zone, i) => makeNodeRecord(`n${i}`, zone === 0 ? '' : `z${zone}`)));

describe('placing a new cluster', () => {
  test('no two replicas on one node, zones before anything else, every shard once', async () => {
    const cases = fc.property(anyNodes, shardCounts, fc.integer({ min: 1, max: 5 }), (...args) => {
      const [nodes, shardCount, replicationFactor] = args;
      fc.pre(replicationFactor <= nodes.length);
      const world = makeWorld(nodes, shardCount, replicationFactor);
      for (const action of decideOn(world)) perform(world, action);
      expect(world.placed.size).toBe(shardCount);
      const zoneOf = new Map(nodes.map(({ uuid, zone }) => [uuid, zone]));
      const zoneCount = new Set(zoneOf.values()).size;
      for (const { replicas, primary } of world.placed.values()) {
        expect(new Set(replicas).size).toBe(replicationFactor);
        expect(replicas).toContain(primary);
        const zones = new Set(replicas.map((uuid) => zoneOf.get(uuid)));
        expect(zones.size).toBe(Math.min(zoneCount, replicationFactor));
      }
      expect(settle(world)).toBeGreaterThanOrEqual(0);
    });
    await fc.assert(cases, { numRuns: 300 });
  });

  test('no node has more than one replica or primary more than another', async () => {
    const cases = fc.property(
      equalZones,
      shardCounts,
      fc.integer({ min: 1, max: 4 }),
      (...args) => {
        const [nodes, shardCount, replicationFactor] = args;
        fc.pre(replicationFactor <= nodes.length);
        const world = makeWorld(nodes, shardCount, replicationFactor);
        for (const action of decideOn(world)) perform(world, action);
        const zones = new Set(nodes.map(({ zone }) => zone)).size;
        // With more copies than zones some zone has one more of a shard, and another one of the next.
        const slack = replicationFactor % zones === 0 || replicationFactor < zones ? 1 : 2;
        expect(spread(countBy(world, ({ replicas }) => replicas))).toBeLessThanOrEqual(slack);
        settle(world);
        expect(spread(countBy(world, ({ primary }) => [primary]))).toBeLessThanOrEqual(1);
      },
    );
    await fc.assert(cases, { numRuns: 300 });
  });

  test('waits for enough nodes, and a moment for more; a placement cut short goes on at once', () => {
    const nodes = ['a', 'b', 'c'].map((uuid) => makeNodeRecord(uuid));
    const world = makeWorld(nodes.slice(0, 1), 256, 2);
    expect(decideOn(world)).toEqual([]);
    world.nodes = nodes;
    expect(decideOn(world, defaultRules.settleMs - 1)).toEqual([]);
    const actions = decideOn(world, defaultRules.settleMs);
    expect(actions.map((one) => one.kind === 'place' && one.records.length)).toEqual([
      100, 100, 56,
    ]);
    perform(world, actions[0]!);
    world.nodes = nodes.slice(1);
    const rest = decideOn(world, 0);
    for (const action of rest) perform(world, action);
    expect(world.placed.size).toBe(256);
  });

  test('a node that is about to stop gets nothing', () => {
    const nodes = ['a', 'b', 'c'].map((uuid) => makeNodeRecord(uuid));
    const world = makeWorld([{ ...nodes[0]!, isStopping: true }, ...nodes.slice(1)], 16, 2);
    for (const action of decideOn(world)) perform(world, action);
    expect([...world.placed.values()].every(({ replicas }) => !replicas.includes('a'))).toBe(true);
  });
});

describe('evening out primaries', () => {
  /** Placed, and then everything has gone to whoever could take it when nodes went away in turn. */
  function skewed(nodeCount: number, shardCount: number, gone: readonly number[]): World {
    const nodes = Array.from({ length: nodeCount }, (_, i) => makeNodeRecord(`n${i}`));
    const world = makeWorld(nodes, shardCount, 2);
    for (const action of decideOn(world)) perform(world, action);
    for (const one of gone) {
      for (const [shard, record] of world.placed) {
        const other = record.replicas.find((uuid) => uuid !== `n${one}`)!;
        if (record.primary === `n${one}`) world.placed.set(shard, { ...record, primary: other });
      }
    }
    return world;
  }

  const skews = fc.tuple(
    fc.integer({ min: 2, max: 7 }),
    shardCounts,
    fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 8 }),
  );

  test('comes to rest, touches only primaries, and only while it evens out', async () => {
    const cases = fc.property(skews, ([nodeCount, shardCount, gone]) => {
      const world = skewed(nodeCount, shardCount, gone);
      const before = new Map(world.placed);
      const skewBefore = spread(countBy(world, ({ primary }) => [primary]));
      settle(world);
      const skewAfter = spread(countBy(world, ({ primary }) => [primary]));
      expect(skewAfter).toBeLessThanOrEqual(1);
      let handOvers = 0;
      for (const [shard, { replicas, epoch }] of world.placed) {
        expect(replicas).toEqual(before.get(shard)!.replicas);
        handOvers += epoch - before.get(shard)!.epoch;
      }
      expect(handOvers).toBeLessThanOrEqual(shardCount * nodeCount);
      if (skewBefore <= 1) expect([...world.placed]).toEqual([...before]);
    });
    await fc.assert(cases, { numRuns: 300 });
  });

  test('nothing is wished for while nodes come and go, or of a shard that is not well', () => {
    const world = skewed(3, 16, [0]);
    expect(decideOn(world, defaultRules.balanceAfterMs - 1)).toEqual([]);
    expect(decideOn(world).length).toBeGreaterThan(0);
    expect(decideOn(world).length).toBeLessThanOrEqual(6);
    for (const [shard, record] of world.placed) world.placed.set(shard, { ...record, isNew: true });
    expect(decideOn(world)).toEqual([]);
    for (const [shard, record] of world.placed) {
      world.placed.set(shard, { ...record, isNew: false, degraded: true });
    }
    expect(decideOn(world)).toEqual([]);
  });

  test('a wish for a node that is gone is withdrawn, at once', () => {
    const world = skewed(3, 16, [0]);
    for (const action of decideOn(world)) perform(world, action);
    expect(decideOn(world)).toEqual([]);
    const wishes = [...world.placed.values()].filter(({ preferred }) => preferred !== undefined);
    expect(wishes.length).toBeGreaterThan(0);
    world.nodes = world.nodes.filter(({ uuid }) => uuid !== wishes[0]!.preferred);
    const actions = decideOn(world, 0);
    for (const action of actions) perform(world, action);
    expect([...world.placed.values()].filter((one) => one.preferred !== undefined)).toEqual(
      wishes.filter(({ preferred }) => preferred !== wishes[0]!.preferred),
    );
  });
});

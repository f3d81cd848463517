/**
 * Goal: whatever nodes come, go, die or are drained, and whatever the replication factor becomes, the controller's
 * decisions lead to full and even redundancy, never give a copy up too early, and move no more than needed.
 * Method: random clusters and events; the actions and what the replicas do of themselves are carried out in random order on a
 * copy of the map. Every record on the way is decided on anew, so each is one that a new leader could find.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BalanceWish } from '../../../../src/metadata/balance-wish.ts';
import {
  type Action,
  decide,
  type NodeFacts,
  replicaName,
  shardName,
} from '../../../../src/metadata/controller/decide.ts';
import { movesMax } from '../../../../src/metadata/controller/move-slots.ts';
import type { CopyLoad } from '../../../../src/metadata/controller/shard-loads.ts';
import {
  type ClusterMap,
  holdersOf,
  type NodeRecord,
  type ShardRecord,
} from '../../../../src/model/cluster.ts';
import { makeNodeRecord } from '../../../support/cluster-member.ts';

const calm = 60_000;
const rules = { settleMs: 0, balanceAfterMs: 0, replaceAfterMs: 600_000 };
const roundsMax = 5_000;

type Choice = (count: number) => number;

class World {
  readonly nodes = new Map<string, NodeRecord>();
  readonly absentMs = new Map<string, number>();
  readonly outgoing = new Set<string>();
  readonly placed = new Map<number, ShardRecord>();
  readonly unfit = new Set<string>();
  /** By shard; none = not known. */
  readonly loads = new Map<number, CopyLoad>();
  balance: BalanceWish | undefined;
  readonly shardCount: number;
  readonly choose: Choice;
  factor: number;
  moves = 0;

  constructor(zones: readonly string[], shardCount: number, factor: number, choose: Choice) {
    this.shardCount = shardCount;
    this.factor = factor;
    this.choose = choose;
    for (const zone of zones) this.join(zone);
    for (const action of this.decide()) this.perform(action);
    expect(this.placed.size).toBe(shardCount);
  }

  get records(): readonly ShardRecord[] {
    return [...this.placed.values()];
  }

  join(zone: string): string {
    const uuid = `n${String(this.nodes.size + this.absentMs.size).padStart(2, '0')}`;
    this.nodes.set(uuid, makeNodeRecord(uuid, zone));
    return uuid;
  }

  die(uuid: string): void {
    this.nodes.delete(uuid);
    this.absentMs.set(uuid, rules.replaceAfterMs);
    // The replicas promote one of the others.
    for (const [shard, record] of this.placed) {
      const other = record.replicas.find((node) => this.nodes.has(node) && node !== record.leaving);
      if (record.primary === uuid && other !== undefined) {
        this.#put(shard, { primary: other, epoch: record.epoch + 1, preferred: undefined });
      }
    }
  }

  decide(): readonly Action[] {
    const map: ClusterMap = {
      clusterUuid: 'c',
      version: 1,
      replicationFactor: this.factor,
      nodes: this.nodes,
      shards: { tstore: this.records, kstore: [] },
    };
    const complete = new Set<string>();
    for (const { shard, replicas } of this.records) {
      for (const node of replicas) complete.add(replicaName('tstore', shard, node));
    }
    const { absentMs, outgoing, placed, shardCount, factor: replicationFactor } = this;
    const { unfit, balance } = this;
    const loads = new Map(
      [...this.loads].map(([shard, load]) => [shardName('tstore', shard), load]),
    );
    const nodes: NodeFacts = { outgoing, absentMs, givenUp: new Set(), complete, unfit, loads };
    const layout = { shardCount, replicationFactor, createdMs: 0 };
    const kinds = [{ kind: 'tstore', layout, placed }] as const;
    return decide({ map, kinds, calmMs: calm, nodes, balance }, rules);
  }

  perform(action: Action): void {
    if (action.kind === 'place') {
      for (const record of action.records) {
        this.placed.set(record.shard, { ...record, isNew: false, revision: 1 });
      }
      return;
    }
    if (action.kind === 'balanced') {
      expect(action.wish).toEqual(this.balance);
      this.balance = undefined;
      return;
    }
    const { record } = action;
    const before = this.placed.get(record.shard)!;
    expect(before.revision).toBe(record.revision);
    expect(before.version + 1).toBe(record.version);
    this.placed.set(record.shard, { ...record, revision: record.revision + 1 });
    this.#check(before, this.placed.get(record.shard)!);
  }

  /** One of the things that replicas do of themselves; false = there is none to do. */
  stepReplica(): boolean {
    const steps = this.records.flatMap((record) => this.#stepsOf(record));
    if (steps.length === 0) return false;
    steps[this.choose(steps.length)]!();
    return true;
  }

  settle(): void {
    for (let round = 0; round < roundsMax; round++) {
      const actions = this.decide();
      const isLeaderLost = this.choose(4) === 0;
      for (const action of isLeaderLost ? actions.slice(0, 1) : actions) this.perform(action);
      this.#checkSlots();
      let hasMoved = false;
      for (let i = this.choose(3); i >= 0; i--) hasMoved = this.stepReplica() || hasMoved;
      if (actions.length === 0 && !hasMoved) return;
    }
    throw new Error('the controller never comes to rest');
  }

  loadOf(node: string): number {
    const own = this.records.filter(({ replicas }) => replicas.includes(node));
    return own.reduce((sum, { shard }) => sum + this.loads.get(shard)!.heldBytes, 0);
  }

  countCopies(): Map<string, number> {
    const counts = new Map([...this.nodes.keys()].map((uuid) => [uuid, 0]));
    for (const { replicas } of this.records) {
      for (const uuid of replicas) counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
    }
    return counts;
  }

  #stepsOf(record: ShardRecord): (() => void)[] {
    const { shard, learner, leaving, preferred, replicas, primary, epoch } = record;
    const steps: (() => void)[] = [];
    if (learner !== undefined && this.nodes.has(learner)) {
      steps.push(() => {
        this.moves++;
        this.#put(shard, { replicas: [...replicas, learner], learner: undefined });
      });
    }
    const others = replicas.filter((node) => node !== leaving);
    const canDrain = others.every((node) => this.nodes.has(node));
    if (leaving !== undefined && this.nodes.has(leaving) && canDrain) {
      steps.push(() => this.#put(shard, { replicas: others, leaving: undefined }));
    }
    if (preferred !== undefined && preferred !== primary && this.nodes.has(preferred)) {
      const change = { primary: preferred, preferred: undefined, epoch: epoch + 1 };
      steps.push(() => this.#put(shard, change));
    }
    return steps;
  }

  #put(shard: number, change: Partial<ShardRecord>): void {
    const record = this.placed.get(shard)!;
    const { version, revision } = record;
    const next = { ...record, ...change, version: version + 1, revision: revision + 1 };
    this.placed.set(shard, next);
    this.#check(record, next);
  }

  #check(before: ShardRecord, after: ShardRecord): void {
    const holders = holdersOf(after);
    expect(new Set(holders).size).toBe(holders.length);
    expect(after.replicas).toContain(after.primary);
    expect(after.leaving).not.toBe(after.primary);
    // Copies that count and are alive: never fewer because of a change of the record, unless there are enough.
    const counted = ({ replicas, leaving }: ShardRecord) =>
      replicas.filter((node) => node !== leaving && this.nodes.has(node)).length;
    if (counted(after) < counted(before))
      expect(counted(after)).toBeGreaterThanOrEqual(this.factor);
  }

  #checkSlots(): void {
    const learners = this.records.flatMap(({ learner }) => learner ?? []);
    const leavers = this.records.flatMap(({ leaving }) => leaving ?? []);
    expect(new Set(learners).size).toBe(learners.length);
    expect(new Set(leavers).size).toBe(leavers.length);
    expect(learners.length).toBeLessThanOrEqual(movesMax);
    expect(leavers.length).toBeLessThanOrEqual(movesMax);
  }
}

function expectRight(world: World): void {
  const zoneOf = (uuid: string) => world.nodes.get(uuid)?.zone;
  const nodes = [...world.nodes.keys()].filter((uuid) => !world.outgoing.has(uuid));
  for (const { replicas, learner, leaving } of world.records) {
    expect([learner, leaving]).toEqual([undefined, undefined]);
    expect(replicas).toHaveLength(world.factor);
    for (const node of replicas) expect(nodes).toContain(node);
    expect(new Set(replicas.map(zoneOf)).size).toBeGreaterThanOrEqual(1);
  }
}

const choices = fc.infiniteStream(fc.nat(1_000)).map((stream): Choice => {
  return (count) => (stream.next().value as number) % count;
});
const shardCounts = fc.integer({ min: 1, max: 5 }).map((power) => 2 ** power);
const noZones = (count: number) => Array.from({ length: count }, () => '');

describe('moves of replicas', () => {
  test('a node that joins takes its share, and nothing else moves', async () => {
    const cases = fc.property(
      fc.integer({ min: 2, max: 5 }),
      shardCounts,
      fc.integer({ min: 1, max: 3 }),
      choices,
      (nodeCount, shardCount, factor, choose) => {
        fc.pre(factor <= nodeCount);
        const world = new World(noZones(nodeCount), shardCount, factor, choose);
        world.settle();
        expect(world.moves).toBe(0);
        const uuid = world.join('');
        world.settle();
        expectRight(world);
        const counts = world.countCopies();
        expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
        expect(world.moves).toBe(counts.get(uuid));
      },
    );
    await fc.assert(cases, { numRuns: 100 });
  });

  test('a drained node is left by all, a dead one replaced, and no shard has too few copies on the way', async () => {
    const cases = fc.property(
      fc.integer({ min: 2, max: 5 }),
      shardCounts,
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      fc.nat(20),
      choices,
      (nodeCount, shardCount, factor, isDead, early, choose) => {
        fc.pre(factor < nodeCount && (!isDead || factor > 1));
        const world = new World(noZones(nodeCount), shardCount, factor, choose);
        // Something is under way already when it happens.
        world.join('');
        for (let i = 0; i < early; i++) {
          for (const action of world.decide()) world.perform(action);
          world.stepReplica();
        }
        if (isDead) world.die('n00');
        else world.outgoing.add('n00');
        world.settle();
        expectRight(world);
        expect(world.countCopies().get('n00') ?? 0).toBe(0);
      },
    );
    await fc.assert(cases, { numRuns: 200 });
  });

  test('the replication factor goes up and down, over zones first', async () => {
    const cases = fc.property(
      fc.integer({ min: 2, max: 3 }),
      fc.integer({ min: 1, max: 2 }),
      shardCounts,
      choices,
      (zoneCount, each, shardCount, choose) => {
        const zones = Array.from({ length: zoneCount * each }, (_, i) => `z${i % zoneCount}`);
        const world = new World(zones, shardCount, 1, choose);
        for (const factor of [2, Math.min(3, zones.length), 2, 1]) {
          world.factor = factor;
          world.settle();
          expectRight(world);
          for (const { replicas } of world.records) {
            const used = new Set(replicas.map((node) => world.nodes.get(node)?.zone));
            expect(used.size).toBe(Math.min(factor, zoneCount));
          }
        }
      },
    );
    await fc.assert(cases, { numRuns: 100 });
  });

  test('a node that is away for less than the grace period is waited for', () => {
    const world = new World(noZones(3), 8, 2, () => 0);
    world.die('n00');
    world.absentMs.set('n00', rules.replaceAfterMs - 1);
    world.settle();
    expect(world.moves).toBe(0);
    world.absentMs.set('n00', rules.replaceAfterMs);
    world.settle();
    expectRight(world);
  });

  test('nothing is given up while another copy is away, and what had begun is taken back', () => {
    const world = new World(noZones(3), 1, 2, () => 0);
    const [record] = world.records;
    const [staying, leaver] = [
      record!.primary,
      record!.replicas.find((n) => n !== record!.primary)!,
    ];
    const newcomer = [...world.nodes.keys()].find((uuid) => !record!.replicas.includes(uuid))!;
    world.placed.set(0, { ...record!, replicas: [staying, leaver, newcomer], leaving: leaver });
    world.nodes.delete(newcomer);
    world.absentMs.set(newcomer, 10_000);
    for (const action of world.decide()) world.perform(action);
    expect(world.records[0]).toMatchObject({ leaving: undefined });
    expect(world.decide()).toEqual([]);
  });
});

const gib = 1024 ** 3;
/** Held bytes per shard; some have none, some much. */
const weights = fc.array(
  fc.oneof(fc.constant(0), fc.nat(100), fc.integer({ min: 500, max: 2_000 })),
  {
    minLength: 32,
    maxLength: 32,
  },
);

function setLoads(world: World, held: readonly number[], unit: number): void {
  for (let shard = 0; shard < world.shardCount; shard++) {
    world.loads.set(shard, { heldBytes: held[shard]! * unit, writtenBytesPerSecond: 0 });
  }
}

/** What a move, or two copies changing places, would take from the fullest node: the slow, obvious way. */
function canGain(world: World, gainMin: number): boolean {
  const nodes = [...world.nodes.keys()];
  const mean = nodes.reduce((sum, node) => sum + world.loadOf(node), 0) / nodes.length;
  const counts = world.countCopies();
  const isOn = (record: ShardRecord | undefined, node: string) => record?.replicas.includes(node);
  return nodes.some((from) => {
    if (world.loadOf(from) <= mean * 1.0501) return false;
    return nodes.some((to) => {
      const gap = world.loadOf(from) - world.loadOf(to);
      const given = world.records.filter((one) => isOn(one, from) && !isOn(one, to));
      const taken = world.records.filter((one) => isOn(one, to) && !isOn(one, from));
      const mayGive = counts.get(from)! > counts.get(to)!;
      return given.some((one) => {
        const load = world.loads.get(one.shard)!.heldBytes;
        const gain = gainMin * Math.max(mean, load);
        const others = [...(mayGive ? [undefined] : []), ...taken];
        return others.some((other) => {
          const moved = load - (other === undefined ? 0 : world.loads.get(other.shard)!.heldBytes);
          // A hair more than the rule, for sums in another order.
          return moved > gain * 1.001 && gap - moved > gain * 1.001;
        });
      });
    });
  });
}

describe('evening out loads', () => {
  const clusters = fc.tuple(
    fc.integer({ min: 2, max: 5 }),
    shardCounts,
    fc.integer({ min: 1, max: 3 }),
    weights,
    choices,
  );

  test('on request: ends, keeps numbers of copies even, and leaves nothing that would bring more', async () => {
    const cases = fc.property(clusters, ([nodeCount, shardCount, factor, held, choose]) => {
      fc.pre(factor <= nodeCount && held.slice(0, shardCount).some((one) => one > 0));
      const world = new World(noZones(nodeCount), shardCount, factor, choose);
      setLoads(world, held, 1);
      const fullest = () => Math.max(...[...world.nodes.keys()].map((node) => world.loadOf(node)));
      const before = fullest();
      world.balance = { by: 'load', revision: 7 };
      world.settle();
      expectRight(world);
      expect(world.balance).toBeUndefined();
      expect(fullest()).toBeLessThanOrEqual(before);
      const counts = [...world.countCopies().values()];
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(canGain(world, 0.02)).toBe(false);
      const { moves } = world;
      world.balance = { by: 'load', revision: 8 };
      world.settle();
      expect(world.moves).toBe(moves);
    });
    await fc.assert(cases, { numRuns: 100 });
  });

  test('by number only: loads move nothing, and the wish goes', async () => {
    const cases = fc.property(clusters, ([nodeCount, shardCount, factor, held, choose]) => {
      fc.pre(factor <= nodeCount);
      const world = new World(noZones(nodeCount), shardCount, factor, choose);
      setLoads(world, held, gib);
      world.balance = { by: 'count', revision: 7 };
      const uuid = world.join('');
      for (let i = 0; world.balance !== undefined && i < roundsMax; i++) {
        for (const action of world.decide()) world.perform(action);
        world.stepReplica();
      }
      expect(world.balance).toBeUndefined();
      expect(world.moves).toBe(world.countCopies().get(uuid));
    });
    await fc.assert(cases, { numRuns: 50 });
  });

  test('unasked: nothing within a quarter of the mean, nothing for little; what is begun ends', async () => {
    const cases = fc.property(clusters, ([nodeCount, shardCount, factor, held, choose]) => {
      fc.pre(factor <= nodeCount);
      const world = new World(noZones(nodeCount), shardCount, factor, choose);
      setLoads(world, held, 1);
      world.settle();
      expect(world.moves).toBe(0);
      setLoads(world, held, gib);
      const nodes = [...world.nodes.keys()];
      const mean = nodes.reduce((sum, node) => sum + world.loadOf(node), 0) / nodes.length;
      const isEven = nodes.every((node) => world.loadOf(node) <= mean * 1.25);
      world.settle();
      expectRight(world);
      if (isEven) expect(world.moves).toBe(0);
      expect(world.decide()).toEqual([]);
    });
    await fc.assert(cases, { numRuns: 100 });
  });

  test('two copies change places, and the one that was meant leaves', () => {
    const world = new World(noZones(2), 4, 1, () => 0);
    const [first, second] = [...world.nodes.keys()] as [string, string];
    const on = (node: string) => world.records.filter(({ replicas }) => replicas.includes(node));
    for (const { shard } of on(first)) {
      world.loads.set(shard, { heldBytes: 9, writtenBytesPerSecond: 100 });
    }
    for (const { shard } of on(second)) {
      world.loads.set(shard, { heldBytes: 1, writtenBytesPerSecond: 0 });
    }
    world.balance = { by: 'load', revision: 7 };
    world.settle();
    expect(world.moves).toBe(2);
    expect([world.loadOf(first), world.loadOf(second)]).toEqual([10, 10]);
    expect(world.records.map(({ replaces }) => replaces)).toEqual(Array(4).fill(undefined));
  });
});

describe('a learner that cannot be opened', () => {
  test('is given up, and its shard goes elsewhere, or waits', () => {
    const world = new World(noZones(4), 1, 2, () => 0);
    const [record] = world.records;
    const [first, second] = [...world.nodes.keys()].filter(
      (node) => !record!.replicas.includes(node),
    );
    world.factor = 3;
    for (const action of world.decide()) world.perform(action);
    expect(world.records[0]!.learner).toBe(first);
    world.unfit.add(replicaName('tstore', 0, first!));
    for (const action of world.decide()) world.perform(action);
    expect(world.records[0]!.learner).toBeUndefined();
    for (const action of world.decide()) world.perform(action);
    expect(world.records[0]!.learner).toBe(second);
    world.unfit.add(replicaName('tstore', 0, second!));
    for (const action of world.decide()) world.perform(action);
    expect(world.records[0]!.learner).toBeUndefined();
    expect(world.decide()).toEqual([]);
  });
});

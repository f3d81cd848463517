/** Schedules made by hand: a calm cluster in which the test says what goes wrong and when. */

import type { WriteLevel } from '../../src/replication/replica-events.ts';
import { encodeOp, type Op, writeIdOf } from './operations.ts';
import { calmPlan, type Plan } from './plan.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { SimCluster } from './sim-cluster.ts';
import type { SimNode, WriteReply } from './sim-node.ts';
import { World } from './world.ts';

/** Until every replica is filled. */
const setUpMs = 2_000;

export interface ScenarioOptions {
  readonly replicaCount: number;
  readonly bug?: PlantedBug | undefined;
  readonly seed?: number;
  readonly plan?: Partial<Plan>;
}

type What =
  | { readonly kind: 'write'; readonly cell: number }
  | { readonly kind: 'delete'; readonly low: number; readonly high: number };

export interface SentWrite {
  readonly op: Op;
  reply: WriteReply | undefined;
  repliedMs: number;
}

export class Scenario {
  readonly world: World;
  readonly cluster: SimCluster;

  constructor({ replicaCount, bug, seed = 1, plan = {} }: ScenarioOptions) {
    this.world = new World(seed, true);
    this.cluster = new SimCluster(this.world, { ...calmPlan(replicaCount), ...plan }, bug);
    this.world.run(setUpMs);
  }

  get primary(): SimNode {
    return this.cluster.node(this.cluster.register.record.primary)!;
  }

  /** Members but the primary. */
  get others(): SimNode[] {
    const { primary, replicas } = this.cluster.register.record;
    return replicas.filter((name) => name !== primary).map((name) => this.cluster.node(name)!);
  }

  run(forMs: number): void {
    this.world.run(this.world.now + forMs);
  }

  write(node: SimNode, cell: number, level: WriteLevel, isFallback = false): SentWrite {
    return this.#send(node, { kind: 'write', cell }, level, isFallback);
  }

  /** Cells [low, high). */
  delete(node: SimNode, [low, high]: readonly [number, number], level: WriteLevel): SentWrite {
    return this.#send(node, { kind: 'delete', low, high }, level, false);
  }

  #send(node: SimNode, what: What, level: WriteLevel, isFallback: boolean): SentWrite {
    const { ops } = this.cluster;
    const op: Op = {
      ...what,
      index: ops.length,
      client: 'test',
      level,
      invokedMs: this.world.now,
      stamp: undefined,
      sequence: 0,
      ackedMs: undefined,
      levelReached: undefined,
      copies: [],
      acceptor: undefined,
      acceptors: new Set<string>(),
    };
    ops.push(op);
    const sent: SentWrite = { op, reply: undefined, repliedMs: Number.POSITIVE_INFINITY };
    this.retry(sent, node, isFallback);
    return sent;
  }

  /** The same write again. */
  retry(sent: SentWrite, node: SimNode, isFallback = false): void {
    const { op } = sent;
    const { index, level } = op;
    const writeId = writeIdOf(index);
    const write = { writeId, frame: encodeOp(index), checksum: index + 1, level, isFallback };
    const note = (reply: WriteReply) => {
      sent.reply = reply;
      sent.repliedMs = this.world.now;
      if (reply.effect.kind !== 'answer') return;
      const { origin, sequence, levelReached } = reply.effect;
      const known = this.cluster.entryOf(origin, sequence);
      op.ackedMs = this.world.now;
      op.levelReached = levelReached;
      op.sequence = sequence;
      op.stamp = known && { hlc: known.entry.hlc, origin };
      op.acceptor = known?.acceptor;
      op.copies = known?.copies ?? [];
    };
    node.write(write, note, this.world.now);
  }

  /** Cuts some nodes off from the other nodes, and what else is named, in both directions. */
  cutOff(names: readonly string[]): void {
    const cut = new Set(names);
    this.cluster.network.partition = (from, to) => cut.has(from) === cut.has(to);
  }
}

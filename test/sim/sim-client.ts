/** A client with its broker: writes, deletes and reads one after the other, retries under the same write id, falls back. */

import type { ShardRecord } from '../../src/model/cluster.ts';
import type { WriteLevel } from '../../src/replication/replica-events.ts';
import { encodeOp, type Op, writeIdOf } from './operations.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { WriteReply } from './sim-node.ts';
import type { World } from './world.ts';

const attemptMs = 600;
const attemptsMax = 6;
const readMs = 1_500;
/** Cells above this are written once. */
const coldCellFirst = 1_000;

const levels: readonly WriteLevel[] = ['one', 'quorum', 'quorum', 'auto', 'auto', 'all', 'any'];

function maySwitch(level: WriteLevel): boolean {
  return level === 'one' || level === 'any' || level === 'auto';
}

export class SimClient {
  readonly name: string;
  readonly #cluster: SimCluster;
  readonly #world: World;
  readonly #untilMs: number;
  #record: ShardRecord;
  /** The newest entry acknowledged through this broker. */
  #mark: { origin: string; sequence: number } | undefined;

  constructor(cluster: SimCluster, name: string, untilMs: number) {
    this.#cluster = cluster;
    this.#world = cluster.world;
    this.name = name;
    this.#untilMs = untilMs;
    this.#record = cluster.register.record;
    this.#world.after(600 + this.#world.random() * 300, () => this.#next());
  }

  get #cellCount(): number {
    return this.#cluster.plan.isHot ? 8 : 30;
  }

  #next(): void {
    const world = this.#world;
    if (world.now >= this.#untilMs) return;
    if (world.chance(0.25)) this.#read();
    else this.#write(this.#make());
  }

  #idle(): void {
    this.#world.after(this.#world.between(3, 60), () => this.#next());
  }

  #make(): Op {
    const world = this.#world;
    const { ops, plan } = this.#cluster;
    const base = {
      index: ops.length,
      client: this.name,
      level: world.pick(levels),
      invokedMs: world.now,
      stamp: undefined,
      sequence: 0,
      ackedMs: undefined,
      levelReached: undefined,
      copies: [],
      acceptor: undefined,
      acceptors: new Set<string>(),
    };
    const isDelete = world.chance(plan.isHot ? 0.1 : 0.06);
    const near = world.below(this.#cellCount);
    const op: Op = isDelete
      ? { ...base, kind: 'delete', low: near, high: near + 1 + world.below(5) }
      : { ...base, kind: 'write', cell: world.chance(0.5) ? near : coldCellFirst + ops.length };
    ops.push(op);
    return op;
  }

  #refreshMap(): void {
    const { register, network } = this.#cluster;
    const isReachable = network.reaches(this.name, 'etcd') && network.reaches('etcd', this.name);
    if (register.isUp && isReachable && register.record.version > this.#record.version) {
      this.#record = register.record;
    }
  }

  #write(op: Op): void {
    const { plan } = this.#cluster;
    const world = this.#world;
    let tries = 0;
    const attempt = () => {
      if (op.ackedMs !== undefined) return;
      if (tries++ >= attemptsMax || world.now >= this.#untilMs + attemptMs) return this.#idle();
      const { primary, replicas } = this.#record;
      const isEager = plan.isHot && world.chance(0.2);
      const isFallback = maySwitch(op.level) && (tries > 2 || isEager);
      this.#send(op, isFallback ? world.pick(replicas) : primary, isFallback, attempt);
    };
    attempt();
  }

  #send(op: Op, to: string, isFallback: boolean, again: () => void): void {
    const { network } = this.#cluster;
    const world = this.#world;
    let isOver = false;
    const retry = () => {
      if (isOver || op.ackedMs !== undefined) return;
      isOver = true;
      this.#refreshMap();
      again();
    };
    const reply = (answer: WriteReply) => {
      network.send(to, this.name, () => {
        if (answer.isAcked) this.#acked(op, answer);
        else world.after(20, retry);
      });
    };
    const sentMs = world.now;
    network.send(this.name, to, () => {
      const frame = encodeOp(op.index);
      const { level, index } = op;
      const write = { writeId: writeIdOf(index), frame, checksum: index + 1, level, isFallback };
      this.#cluster.node(to)?.write(write, reply, sentMs);
    });
    world.after(attemptMs, retry);
  }

  #acked(op: Op, { effect }: WriteReply): void {
    const cluster = this.#cluster;
    if (op.ackedMs !== undefined || effect.kind !== 'answer') return;
    const { origin, sequence, levelReached } = effect;
    op.ackedMs = this.#world.now;
    op.levelReached = levelReached;
    op.sequence = sequence;
    const known = cluster.entryOf(origin, sequence);
    op.stamp = known && { hlc: known.entry.hlc, origin };
    op.acceptor = known?.acceptor;
    op.copies = known?.copies ?? [];
    cluster.stats.acked++;
    this.#mark = { origin, sequence };
    this.#world.note(this.name, `acked ${op.index} ${levelReached} ${origin}#${sequence}`);
    this.#idle();
  }

  #read(): void {
    const world = this.#world;
    const { bug, network, reads } = this.#cluster;
    const level = world.pick(['one', 'primary', 'quorum', 'quorum'] as const);
    const cell = world.below(this.#cellCount);
    const invokedMs = world.now;
    const isAnywhere = level === 'one' || bug === 'readone';
    const node = isAnywhere ? world.pick(this.#record.replicas) : this.#record.primary;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      this.#refreshMap();
      this.#idle();
    };
    world.after(readMs, end);
    network.send(this.name, node, () => {
      const target = this.#cluster.node(node)!;
      const marks = this.#mark === undefined || level !== 'one' ? [] : [this.#mark];
      const sight = target.readNow(cell, level, marks);
      if (sight === undefined) return network.send(node, this.name, end);
      const answer = () =>
        network.send(node, this.name, () => {
          if (isOver) return;
          const { stamp, op } = sight;
          reads.push({
            client: this.name,
            cell,
            level,
            invokedMs,
            endedMs: world.now,
            node,
            stamp: stamp && { hlc: stamp.hlc, origin: stamp.origin },
            op,
          });
          world.note(this.name, `read ${level} ${cell} = ${op} on ${node}`);
          end();
        });
      if (level !== 'quorum') return answer();
      target.confirmRead((refusal) => {
        if (refusal !== undefined) return network.send(node, this.name, end);
        this.#cluster.stats.quorumReads++;
        answer();
      });
    });
  }
}

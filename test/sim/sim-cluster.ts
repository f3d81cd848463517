/** One shard on a few nodes, with network, metadata store and clients; and the checks that watch every step. */

import type { ShardRecord } from '../../src/model/cluster.ts';
import type { Entry } from '../../src/model/entry.ts';
import type { ReplicaEffect } from '../../src/replication/replica-events.ts';
import { Network } from './network.ts';
import { covers, type DeleteOp, type Op, opIndexOf, overlap, type ReadOp } from './operations.ts';
import type { Plan } from './plan.ts';
import type { PlantedBug } from './planted-bugs.ts';
import { Register } from './register.ts';
import { placeNew, SimController } from './sim-controller.ts';
import { SimNode } from './sim-node.ts';
import { isNewer, type Stamp } from './sim-store.ts';
import type { World } from './world.ts';

/** The network holds nothing up for so long, and pauses that are overlooked are shorter. */
const attemptLifeMs = 2_000;

type Answer = Extract<ReplicaEffect, { kind: 'answer' }>;

interface KnownEntry {
  readonly entry: Entry;
  readonly acceptor: string;
  /** Nodes that had it durably when it was last acknowledged. */
  copies: readonly string[];
}

interface Accident {
  readonly node: string;
  readonly atMs: number;
}

export class SimCluster {
  readonly world: World;
  readonly plan: Plan;
  readonly bug: PlantedBug | undefined;
  readonly network: Network;
  readonly register: Register;
  readonly nodes: SimNode[] = [];
  readonly controller: SimController | undefined;
  readonly ops: Op[] = [];
  readonly reads: ReadOp[] = [];
  readonly stats = {
    acked: 0,
    degraded: 0,
    snapshots: 0,
    promotions: 0,
    pulledEntries: 0,
    unreadable: 0,
    quorumReads: 0,
    collections: 0,
    rebuilds: 0,
    moves: 0,
    retired: 0,
  };
  /** The one disk that was wiped or rolled back. */
  accident: Accident | undefined;
  hasClockJumped = false;
  readonly #byName = new Map<string, SimNode>();
  readonly #entries = new Map<string, KnownEntry>();
  readonly #deletes: (Stamp & { readonly op: DeleteOp })[] = [];
  readonly #primaries = new Map<number, string>();

  constructor(world: World, plan: Plan, bug?: PlantedBug) {
    this.world = world;
    this.plan = plan;
    this.bug = bug;
    const { loss, isRough } = plan;
    const [repeats, late] = isRough ? [0.03, 0.04] : [0, 0];
    this.network = new Network(world, { loss, repeats, late, lateMs: 400 });
    const names = Array.from({ length: plan.nodeCount }, (_, i) => `n${i}`);
    const placed = placeNew(names, plan.replicaCount);
    this.register = new Register(world, this.network, placed[0]!);
    this.register.onChange = (next, by) => this.#checkRecord(next, by);
    for (const name of names) {
      const node = new SimNode(this, name);
      this.nodes.push(node);
      this.#byName.set(name, node);
    }
    for (const node of this.nodes) node.start();
    if (plan.isControlled) this.controller = new SimController(world, this.register, placed);
  }

  node(name: string): SimNode | undefined {
    return this.#byName.get(name);
  }

  opOf(entry: Entry): Op {
    return this.ops[opIndexOf(entry.frame)]!;
  }

  entryOf(origin: string, sequence: number): KnownEntry | undefined {
    return this.#entries.get(`${origin}#${sequence}`);
  }

  /** The newest delete of a cell that anyone has accepted, of those that began by then: its tombstone may be gone. */
  newestDelete(cell: number, beganByMs: number): Stamp | undefined {
    let newest: Stamp | undefined;
    for (const one of this.#deletes) {
      if (!covers(one.op, cell) || one.op.invokedMs > beganByMs) continue;
      if (newest === undefined || isNewer(one, newest)) newest = one;
    }
    return newest;
  }

  /** A process that starts or ends: peers that can reach it notice by their connections, sometimes. */
  linkChanged(node: SimNode, isUp: boolean): void {
    const { world, network } = this;
    for (const other of this.nodes) {
      if (other === node || world.chance(0.2)) continue;
      world.after(world.between(5, 120), () => {
        if (!network.reaches(other.name, node.name) || node.isUp !== isUp) return;
        const state = isUp ? 'connected' : 'refused';
        other.feed({ kind: 'link', node: node.name, state });
        if (isUp) node.feed({ kind: 'link', node: other.name, state: 'connected' });
      });
    }
  }

  /** I6: one content for ever. `attemptMs`: when the client sent it; undefined = it came from a peer. */
  noteAppend(node: SimNode, entry: Entry, attemptMs: number | undefined): void {
    const key = `${entry.origin}#${entry.sequence}`;
    const op = this.opOf(entry);
    if (attemptMs !== undefined) this.#checkAttempt(node, op, attemptMs);
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { entry, acceptor: node.name, copies: [] });
      op.acceptors.add(node.name);
      if (op.kind === 'delete') this.#deletes.push({ op, hlc: entry.hlc, origin: entry.origin });
      if (this.world.isTracing) {
        this.world.note(node.name, `takes ${op.kind} ${op.index} as ${key} @${entry.hlc}`);
      }
      return;
    }
    const isSame =
      known.entry.hlc === entry.hlc && opIndexOf(known.entry.frame) === opIndexOf(entry.frame);
    if (!isSame) this.world.violate('I6 forked', `${key} on ${node.name}`);
  }

  /** Nothing arrives at or below the stable horizon; unless a disk lost what it had. */
  checkArrival(node: SimNode, entry: Entry): void {
    if (this.accident !== undefined || this.bug !== undefined) return;
    const { stableHlc } = node.machine!;
    if (entry.hlc <= stableHlc) {
      this.world.violate(
        'stability',
        `${entry.origin}#${entry.sequence} came late to ${node.name}`,
      );
    }
  }

  /** I15: what was given up and carried out elsewhere is not carried out again, much later, over something newer. */
  #checkAttempt(node: SimNode, op: Op, sentMs: number): void {
    const { ackedMs } = op;
    if (ackedMs === undefined || this.world.now - sentMs < attemptLifeMs) return;
    const newer = this.ops.find(
      (other) => other.ackedMs !== undefined && other.invokedMs > ackedMs && overlap(op, other),
    );
    if (newer === undefined) return;
    this.world.violate('I15', `op ${op.index} is taken by ${node.name} after op ${newer.index}`);
  }

  /** I8: so many copies are durable, and those that the level names; I13: whoever is out acknowledges nothing. */
  checkAnswer(node: SimNode, answer: Answer): void {
    const { origin, sequence, levelReached } = answer;
    const holders = this.nodes.filter(({ disk }) => disk.hasDurably(origin, sequence));
    const known = this.#entries.get(`${origin}#${sequence}`);
    if (known !== undefined) known.copies = holders.map(({ name }) => name);
    if (this.accident !== undefined) return;
    if (holders.length < answer.copies) {
      this.world.violate(
        'I8',
        `${origin}#${sequence}: ${answer.copies} said, ${holders.length} are`,
      );
    }
    if (!holders.includes(node))
      this.world.violate('I8', `${origin}#${sequence} not on ${node.name}`);
    const { replicaCount } = this.plan;
    const majority = Math.floor(replicaCount / 2) + 1;
    const need = levelReached === 'quorum' ? majority : levelReached === 'all' ? replicaCount : 1;
    if (holders.length < need) {
      this.world.violate('I8', `${origin}#${sequence} at ${levelReached} on ${holders.length}`);
    }
    this.#checkMember(node, origin, sequence);
  }

  /** I13: whoever knows that it is out acknowledges nothing. */
  #checkMember({ name, disk }: SimNode, origin: string, sequence: number): void {
    if (disk.record?.replicas.includes(name) !== false) return;
    // It may have heard from a peer that it is in.
    if (this.register.record.replicas.includes(name)) return;
    if (this.entryOf(origin, sequence)?.acceptor !== name) return;
    this.world.violate('I13', `${origin}#${sequence} by ${name}, which is out`);
  }

  /** I7: one primary per epoch, epochs grow. I9: a strict one has all that was acknowledged by a majority. */
  #checkRecord(next: ShardRecord, by: string): void {
    const { record } = this.register;
    if (next.epoch < record.epoch)
      this.world.violate('I7', `epoch ${next.epoch} after ${record.epoch}`);
    const primary = this.#primaries.get(next.epoch);
    if (primary !== undefined && primary !== next.primary) {
      this.world.violate('I7', `epoch ${next.epoch} has ${primary} and ${next.primary}`);
    }
    this.#primaries.set(next.epoch, next.primary);
    if (next.primary === record.primary) return;
    this.stats.promotions++;
    if (next.degraded) this.stats.degraded++;
    if (next.degraded || this.accident !== undefined) return;
    const { versionsProposed } = this.node(by)!;
    for (const op of this.ops) {
      if (op.ackedMs === undefined || op.stamp === undefined) continue;
      if (op.levelReached !== 'quorum' && op.levelReached !== 'all') continue;
      if ((versionsProposed[op.stamp.origin] ?? 0) < op.sequence) {
        this.world.violate('I9', `${by} is primary of epoch ${next.epoch} without op ${op.index}`);
        return;
      }
    }
  }
}

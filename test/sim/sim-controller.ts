/**
 * The real controller over the simulated metadata store: it places the shard, and wishes for another primary when
 * one node has too many. The other shards of the cluster are only records, whose wishes come true at once.
 */

import { type Action, decide, defaultRules } from '../../src/metadata/controller/decide.ts';
import type { ClusterMap, NodeRecord, ShardRecord } from '../../src/model/cluster.ts';
import type { Register } from './register.ts';
import type { World } from './world.ts';

const turnMs = 500;
const shardCount = 4;
const rules = { ...defaultRules, settleMs: 0, balanceAfterMs: 2_000 };

function nodeRecord(uuid: string): NodeRecord {
  return {
    uuid,
    storeId: uuid,
    rpcUrl: `http://${uuid}:1`,
    httpUrl: `http://${uuid}:2`,
    snapshotUrl: `http://${uuid}:3`,
    zone: '',
    version: '0',
    startedMs: 0,
    workers: 1,
  };
}

function mapOf(names: readonly string[], shards: readonly ShardRecord[]): ClusterMap {
  const nodes = new Map(names.map((name) => [name, nodeRecord(name)]));
  const [first] = shards;
  const replicationFactor = first?.replicas.length ?? 0;
  return {
    clusterUuid: 'sim',
    version: 1,
    replicationFactor,
    nodes,
    shards: { tstore: shards, kstore: [] },
  };
}

function decideFor(
  names: readonly string[],
  placed: ReadonlyMap<number, ShardRecord>,
  replicationFactor: number,
  calmMs: number,
): readonly Action[] {
  const layout = { shardCount, replicationFactor, createdMs: 0 };
  const kinds = [{ kind: 'tstore', layout, placed }] as const;
  return decide({ map: mapOf(names, [...placed.values()]), kinds, calmMs }, rules);
}

/** Records of all shards of a new cluster; the first is the one that is simulated. */
export function placeNew(names: readonly string[], replicationFactor: number): ShardRecord[] {
  const records: ShardRecord[] = [];
  for (const action of decideFor(names, new Map(), replicationFactor, 1)) {
    if (action.kind === 'place') records.push(...action.records);
  }
  return records.map((record) => ({ ...record, revision: 1 }));
}

export class SimController {
  readonly #world: World;
  readonly #register: Register;
  readonly #others: ShardRecord[];
  #live = '';
  #calmSinceMs = 0;
  wishes = 0;

  constructor(world: World, register: Register, placed: readonly ShardRecord[]) {
    this.#world = world;
    this.#register = register;
    this.#others = placed.slice(1).map((record) => ({ ...record, isNew: false }));
    this.#again();
  }

  #again(): void {
    this.#world.after(turnMs * this.#world.between(0.8, 1.2), () => {
      if (this.#register.isUp) this.#turn();
      this.#again();
    });
  }

  #turn(): void {
    const { record, liveNodes } = this.#register.copy;
    const names = [...liveNodes].sort();
    if (names.join() !== this.#live) {
      this.#live = names.join();
      this.#calmSinceMs = this.#world.now;
    }
    this.#unbalance(record);
    const all = [record, ...this.#others];
    const placed = new Map(all.map((one) => [one.shard, one]));
    const calmMs = this.#world.now - this.#calmSinceMs;
    for (const action of decideFor(names, placed, record.replicas.length, calmMs)) {
      if (action.kind === 'change') this.#change(action.record);
    }
  }

  /** Now and then the other primaries gather where this shard's primary is, so that there is something to even out. */
  #unbalance({ primary }: ShardRecord): void {
    if (!this.#world.chance(0.1)) return;
    for (const [i, other] of this.#others.entries()) {
      if (other.replicas.includes(primary)) {
        this.#others[i] = { ...other, primary, preferred: undefined };
      }
    }
  }

  #change(record: ShardRecord): void {
    if (record.shard === 0) {
      if (record.preferred !== undefined) this.wishes++;
      this.#world.note('ctl', `wishes ${record.preferred}`);
      this.#register.change(record, 'ctl');
      return;
    }
    const primary = record.preferred ?? record.primary;
    const index = this.#others.findIndex(({ shard }) => shard === record.shard);
    this.#others[index] = { ...record, primary, preferred: undefined };
  }
}

/**
 * What an operator asks of the cluster: the wish is written to the metadata store, whichever node was
 * asked, and the controller follows it. Wishes that cannot come true are refused before anything is written.
 */

import { CitadelError } from '../base/errors.ts';
import { type ClusterMap, holdersOf, liveNodesOf, type StoreKind } from '../model/cluster.ts';
import { type BalanceBy, type BalanceWish, renderBalance } from './balance-wish.ts';
import { touchMapVersion } from './cluster-record.ts';
import { readLayout, renderLayout } from './cluster-records.ts';
import type { ClusterWatch } from './cluster-watch.ts';
import { type DecisionRules, type ObservedKind, shardName } from './controller/decide.ts';
import { type CopyChange, previewMoves } from './controller/preview-moves.ts';
import { type CopyLoad, joinLoads } from './controller/shard-loads.ts';
import { storeKinds } from './map-state.ts';
import { balanceKey, markKey, shardMapKeys } from './meta-keys.ts';
import { isUnchanged, type MetaCompare, type MetaOp } from './meta-store.ts';
import { type NodeMark, renderMark } from './node-marks.ts';
import type { Reseeder } from './reseed.ts';

const replicasMax = 7;

/** A change of what the operator wants; `none` = as it is. */
export type Wish =
  | { readonly kind: 'none' }
  | { readonly kind: 'mark'; readonly node: string; readonly mark: NodeMark | undefined }
  | { readonly kind: 'replicas'; readonly count: number }
  /** Undefined = no longer. */
  | { readonly kind: 'balance'; readonly by: BalanceBy | undefined };

/** What a node says of a copy of a shard. */
export interface ReportedLoad extends CopyLoad {
  readonly kind: StoreKind;
  readonly shard: number;
}

interface PlannedChange extends CopyChange {
  /** What a copy of the shard holds. */
  readonly bytes: number;
}

function namesOf({ nodes, shards }: ClusterMap): string[] {
  const named = storeKinds.flatMap((kind) => shards[kind].flatMap(holdersOf));
  return [...new Set([...nodes.keys(), ...named])];
}

export class ClusterAdmin {
  readonly #view: ClusterWatch;
  readonly #rules: DecisionRules;
  /** For a metadata store that lost what it had. */
  readonly reseeder: Reseeder | undefined;

  constructor(view: ClusterWatch, rules: DecisionRules, reseeder?: Reseeder) {
    this.#view = view;
    this.#rules = rules;
    this.reseeder = reseeder;
  }

  /** What the operator wants, by node. */
  get marks(): ReadonlyMap<string, NodeMark> {
    return this.#view.marks;
  }

  /** What the operator asked to even out and is not done yet. */
  get balance(): BalanceWish | undefined {
    return this.#view.balance;
  }

  /** By uuid, the beginning of one, or the URL for clients. @throws CitadelError `not-found`, `invalid-argument` */
  findNode(name: string): string {
    const { map } = this.#view;
    const byUrl = [...map.nodes.values()].find(({ httpUrl }) => httpUrl === name);
    if (byUrl !== undefined) return byUrl.uuid;
    const found = namesOf(map).filter((uuid) => name !== '' && uuid.startsWith(name));
    const [first] = found;
    if (first === undefined) throw new CitadelError('not-found', `no node '${name}'`);
    if (found.length > 1) {
      throw new CitadelError('invalid-argument', `several nodes begin with '${name}'`);
    }
    return first;
  }

  /**
   * The copies that would be made and given up, as nodes report what they hold now.
   * @throws CitadelError `conflict` when the wish cannot come true
   */
  plan(wish: Wish, reports: readonly ReportedLoad[] = []): readonly PlannedChange[] {
    this.#check(wish);
    const { map } = this.#view;
    const marks = this.#marksAfter(wish);
    const absentMs = new Map<string, number>();
    for (const node of namesOf(map)) if (!map.nodes.has(node)) absentMs.set(node, 0);
    const givenUp = new Set([...marks].flatMap(([node, mark]) => (mark === 'remove' ? node : [])));
    const outgoing = new Set(marks.keys());
    const loads = new Map<string, CopyLoad>();
    for (const report of reports) {
      const name = shardName(report.kind, report.shard);
      loads.set(name, joinLoads(loads.get(name), report));
    }
    const nodes = { outgoing, absentMs, givenUp, complete: new Set<string>(), loads };
    const kinds = this.#kinds(wish);
    const balance = this.#balanceAfter(wish);
    const changes = previewMoves({ map, kinds, calmMs: 0, nodes, balance }, this.#rules);
    return changes.map((change) => {
      const { heldBytes: bytes = 0 } = loads.get(shardName(change.kind, change.shard)) ?? {};
      return { ...change, bytes };
    });
  }

  /** @throws CitadelError `conflict` when it cannot come true or was changed by another at once, `unavailable` */
  async apply(wish: Wish): Promise<void> {
    this.#check(wish);
    if (wish.kind === 'mark') await this.#mark(wish.node, wish.mark);
    else if (wish.kind === 'replicas') await this.#setReplicas(wish.count);
    else if (wish.kind === 'balance') await this.#setBalance(wish.by);
  }

  #balanceAfter(wish: Wish): BalanceWish | undefined {
    if (wish.kind !== 'balance') return this.#view.balance;
    return wish.by && { by: wish.by, revision: 0 };
  }

  #marksAfter(wish: Wish): Map<string, NodeMark> {
    const marks = new Map(this.#view.marks);
    if (wish.kind !== 'mark') return marks;
    if (wish.mark === undefined) marks.delete(wish.node);
    else marks.set(wish.node, wish.mark);
    return marks;
  }

  #kinds(wish: Wish): ObservedKind[] {
    return storeKinds.flatMap((kind): ObservedKind[] => {
      const layout = this.#view.layout(kind);
      if (layout === undefined) return [];
      const { replicationFactor } = layout;
      const count = wish.kind === 'replicas' ? wish.count : replicationFactor;
      return [
        {
          kind,
          layout: { ...layout, replicationFactor: count },
          placed: this.#view.placed(kind),
        },
      ];
    });
  }

  #check(wish: Wish): void {
    const isHarmless = wish.kind === 'none' || wish.kind === 'balance';
    if (isHarmless || (wish.kind === 'mark' && wish.mark === undefined)) return;
    if (wish.kind === 'replicas') {
      const { count } = wish;
      if (!Number.isInteger(count) || count < 1 || count > replicasMax) {
        throw new CitadelError(
          'invalid-argument',
          `number of copies must be from 1 to ${replicasMax}`,
        );
      }
    }
    const marks = this.#marksAfter(wish);
    const staying = [...liveNodesOf(this.#view.map)].filter((node) => !marks.has(node)).length;
    for (const { kind, layout } of this.#kinds(wish)) {
      const { replicationFactor } = layout;
      if (staying >= replicationFactor) continue;
      throw new CitadelError(
        'conflict',
        `cannot keep ${replicationFactor} copies of ${kind} on ${staying} nodes: add nodes first, or lower the number of copies`,
      );
    }
  }

  async #mark(node: string, mark: NodeMark | undefined): Promise<void> {
    const key = markKey(node);
    const change: MetaOp =
      mark === undefined ? { kind: 'delete', key } : { kind: 'put', key, value: renderMark(mark) };
    await this.#change([], [change]);
  }

  async #setBalance(by: BalanceBy | undefined): Promise<void> {
    const key = balanceKey;
    const change: MetaOp =
      by === undefined ? { kind: 'delete', key } : { kind: 'put', key, value: renderBalance(by) };
    await this.#change([], [change]);
  }

  async #setReplicas(count: number): Promise<void> {
    const { store } = this.#view;
    const compare: MetaCompare[] = [];
    const puts: MetaOp[] = [];
    for (const kind of storeKinds) {
      const key = shardMapKeys[kind];
      const record = await store.get(key);
      if (record === undefined) continue;
      compare.push(isUnchanged(key, record));
      const layout = { ...readLayout(record), replicationFactor: count };
      puts.push({ kind: 'put', key, value: renderLayout(layout) });
    }
    await this.#change(compare, puts);
  }

  async #change(compare: readonly MetaCompare[], changes: readonly MetaOp[]): Promise<void> {
    const { store } = this.#view;
    const { succeeded, revision } = await store.transaction({
      compare,
      onSuccess: [...changes, touchMapVersion],
    });
    if (!succeeded) throw new CitadelError('conflict', 'the cluster was changed meanwhile: again');
    await this.#view.reach(revision);
  }
}

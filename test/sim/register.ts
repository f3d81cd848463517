/** The metadata store as replicas know it: one guarded shard record, leases, times when it is away. */

import type { ShardRecord } from '../../src/model/cluster.ts';
import type { Network } from './network.ts';
import type { World } from './world.ts';

export const leaseMs = 3_000;
/** A node's own reckoning of its lease ends this much earlier. */
const leaseMarginMs = 500;

export interface MapCopy {
  readonly record: ShardRecord;
  readonly liveNodes: ReadonlySet<string>;
}

export class Register {
  record: ShardRecord;
  isUp = true;
  /** Called in the transaction, before the record is replaced. */
  onChange: (next: ShardRecord, by: string) => void = () => undefined;
  readonly #world: World;
  readonly #network: Network;
  readonly #leases = new Map<string, number>();
  readonly #watchers = new Map<string, (copy: MapCopy) => void>();
  #revision = 1;

  constructor(world: World, network: Network, first: ShardRecord) {
    this.#world = world;
    this.#network = network;
    this.record = first;
  }

  get copy(): MapCopy {
    const liveNodes = new Set<string>();
    for (const [node, until] of this.#leases) if (until >= this.#world.now) liveNodes.add(node);
    return { record: this.record, liveNodes };
  }

  watch(node: string, watcher: (copy: MapCopy) => void): void {
    this.#watchers.set(node, watcher);
  }

  /** `renewed` gets the time until which the node may count itself attached. */
  renew(node: string, renewed: (untilMs: number) => void): void {
    const sentMs = this.#world.now;
    this.#call(node, () => {
      this.#leases.set(node, this.#world.now + leaseMs);
      return () => renewed(sentMs + leaseMs - leaseMarginMs);
    });
  }

  read(node: string, got: (copy: MapCopy) => void): void {
    this.#call(node, () => {
      const { copy } = this;
      return () => got(copy);
    });
  }

  /** `done` is called at most once; never when the answer was lost. */
  propose(node: string, record: ShardRecord, done: (result: 'done' | 'lost') => void): void {
    this.#call(node, () => {
      const isDone = this.change(record, node);
      return () => done(isDone ? 'done' : 'lost');
    });
  }

  /** A guarded change. */
  change(record: ShardRecord, by: string): boolean {
    const world = this.#world;
    const isCurrent = record.revision === this.record.revision;
    if (!isCurrent || record.version !== this.record.version + 1) return false;
    this.onChange(record, by);
    this.record = { ...record, revision: ++this.#revision };
    const { epoch, primary, degraded, replicas, learner, leaving } = this.record;
    world.note(
      'etcd',
      `${by} e${epoch} ${primary}${degraded ? ' degraded' : ''} [${replicas}] +${learner} -${leaving}`,
    );
    for (const [node, watcher] of this.#watchers) {
      this.#network.send('etcd', node, () => watcher(this.copy));
    }
    return true;
  }

  goDown(forMs: number): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.#world.note('etcd', 'down');
    this.#world.after(forMs, () => this.comeUp());
  }

  /** Leases come back with their full time. */
  comeUp(): void {
    if (this.isUp) return;
    this.isUp = true;
    for (const node of this.#leases.keys()) this.#leases.set(node, this.#world.now + leaseMs);
  }

  #call(node: string, act: () => () => void): void {
    this.#network.send(node, 'etcd', () => {
      if (!this.isUp) return;
      const answer = act();
      this.#network.send('etcd', node, answer);
    });
  }
}

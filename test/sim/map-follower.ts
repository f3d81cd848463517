/** A simulated node's side of the metadata store: its lease, the map it follows, the changes it proposes. */

import { holdersOf } from '../../src/model/cluster.ts';
import type { ReplicaEffect } from '../../src/replication/replica-events.ts';
import type { MapCopy } from './register.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimNode } from './sim-node.ts';

/** A proposal without an answer is unknown after so long. */
const proposalMs = 1_500;
/** Until a retired node has an empty replica again, should it be named once more. */
const openMs = 200;

export class MapFollower {
  readonly #cluster: SimCluster;
  readonly #node: SimNode;
  #map: MapCopy | undefined;
  #attachedUntilMs = 0;
  #wasAttached = false;

  constructor(cluster: SimCluster, node: SimNode) {
    this.#cluster = cluster;
    this.#node = node;
    cluster.register.watch(node.name, (copy) => this.#came(copy));
  }

  get #isAttached(): boolean {
    return this.#attachedUntilMs > this.#cluster.world.now;
  }

  tick(): void {
    if (this.#wasAttached !== this.#isAttached && this.#map !== undefined) this.#offer(this.#map);
  }

  renewLease(): void {
    this.#cluster.register.renew(this.#node.name, (untilMs) => {
      this.#attachedUntilMs = Math.max(this.#attachedUntilMs, untilMs);
    });
  }

  poll(): void {
    this.#cluster.register.read(this.#node.name, (copy) => this.#came(copy));
  }

  propose({ id, record }: Extract<ReplicaEffect, { kind: 'propose' }>): void {
    let isOver = false;
    const end = (result: 'done' | 'lost' | 'unknown') => {
      if (isOver || this.#node.follower !== this) return;
      isOver = true;
      this.#node.feed({ kind: 'proposed', id, result });
    };
    this.#cluster.register.propose(this.#node.name, record, (result) => {
      this.#came(this.#cluster.register.copy);
      end(result);
    });
    this.#node.later(proposalMs, () => end('unknown'));
  }

  /** Only a linearizable read that does not name this node lets its files go. */
  retire(): void {
    const node = this.#node;
    this.#cluster.register.read(node.name, ({ record }) => {
      if (node.follower !== this || holdersOf(record).includes(node.name)) return;
      if (node.disk.isEmpty) return;
      this.#cluster.stats.retired++;
      this.#cluster.world.note(node.name, 'retires');
      node.crash();
      node.disk.wipe();
      this.#cluster.world.after(openMs, () => node.restart());
    });
  }

  /** Only while this is the follower of the process that runs now. */
  #came(copy: MapCopy): void {
    const node = this.#node;
    if (node.follower !== this || node.pausedUntilMs > this.#cluster.world.now) return;
    this.#map = copy;
    const { disk } = node;
    if (disk.record === undefined || copy.record.version > disk.record.version) {
      disk.record = copy.record;
    }
    this.#offer(copy);
  }

  #offer({ record, liveNodes }: MapCopy): void {
    this.#wasAttached = this.#isAttached;
    this.#node.feed({ kind: 'map', record, liveNodes, isAttached: this.#wasAttached });
  }
}

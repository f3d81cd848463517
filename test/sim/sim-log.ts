/** Writing to the disk of a simulated node: group commits of the log, saved states in order, and reading entries back. */

import { CitadelError } from '../../src/base/errors.ts';
import type { Entry } from '../../src/model/entry.ts';
import type { PeerEntry } from '../../src/replication/peer-message.ts';
import type { EntryRange, ReplicaEffect } from '../../src/replication/replica-events.ts';
import type { SimCluster } from './sim-cluster.ts';
import type { SimNode } from './sim-node.ts';

const entriesPerPull = 40;
const slowMs = 300;
/** Share of syncs that fail, where they may. */
const failures = 0.002;

export class SimLog {
  readonly #cluster: SimCluster;
  readonly #node: SimNode;
  #isSyncing = false;
  #savedAtMs = 0;

  constructor(cluster: SimCluster, node: SimNode) {
    this.#cluster = cluster;
    this.#node = node;
  }

  append(entry: Entry): void {
    const { disk } = this.#node;
    disk.unsynced.push(entry);
    if (this.#cluster.bug === 'ackbeforefsync') {
      const { lsn } = entry;
      this.#node.later(0, () => this.#node.feed({ kind: 'logged', lsn }));
    }
    this.#sync();
  }

  /** One after the other, in order. */
  saveState({ promised, isEmpty }: Extract<ReplicaEffect, { kind: 'save-state' }>): void {
    const { world } = this.#cluster;
    const node = this.#node;
    const delay = world.between(0.5, 5) + this.#slowness;
    this.#savedAtMs = Math.max(this.#savedAtMs, world.now + delay);
    node.later(this.#savedAtMs - world.now, () => {
      node.disk.promised = promised;
      node.disk.isEmpty = isEmpty;
      node.feed({ kind: 'state-saved', promised, isEmpty });
    });
  }

  read(ranges: readonly EntryRange[]): PeerEntry[] {
    const found: PeerEntry[] = [];
    for (const range of ranges) this.#readRange(range, found);
    return found;
  }

  /** What cannot be read is told, and left out. */
  #readRange({ origin, from, to }: EntryRange, found: PeerEntry[]): void {
    const node = this.#node;
    const bySequence = new Map<number, Entry>();
    for (const entry of node.disk.log) {
      if (entry.origin === origin) bySequence.set(entry.sequence, entry);
    }
    for (let sequence = from; sequence <= to && found.length < entriesPerPull; sequence++) {
      const entry = bySequence.get(sequence);
      if (entry === undefined) {
        node.later(0, () => node.feed({ kind: 'trimmed', origin, sequence }));
        this.#cluster.stats.unreadable++;
        return;
      }
      found.push(entry);
    }
  }

  /** Group commit: what came while one sync ran goes out with the next. */
  #sync(): void {
    const { world, bug, plan } = this.#cluster;
    const { disk } = this.#node;
    if (this.#isSyncing || disk.unsynced.length === 0) return;
    this.#isSyncing = true;
    const count = disk.unsynced.length;
    const isLazy = bug === 'ackbeforefsync';
    const delay = isLazy ? world.between(50, 600) : world.between(0.2, 4);
    this.#node.later(delay + this.#slowness, () => {
      this.#isSyncing = false;
      if (plan.appendFailures && world.chance(failures)) {
        this.#fail();
        return;
      }
      const synced = disk.unsynced.splice(0, count);
      disk.log.push(...synced);
      const last = synced.at(-1);
      if (last !== undefined && !isLazy) this.#node.feed({ kind: 'logged', lsn: last.lsn });
      this.#sync();
    });
  }

  #fail(): void {
    this.#node.disk.unsynced = [];
    const error = new CitadelError('disk-full', 'cannot append: no space');
    this.#node.feed({ kind: 'append-failed', error, newOrigin: this.#cluster.world.hex(16) });
  }

  get #slowness(): number {
    return this.#node.isSlow ? this.#cluster.world.random() * slowMs : 0;
  }
}

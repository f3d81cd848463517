/**
 * The shards that this node feeds: those that it is primary of. One that it takes over from another node waits a
 * moment: who fed it until now saves how far it is.
 */

import type { Clock, Timers } from '../../env/env.ts';
import type { ClusterView } from '../../metadata/cluster-view.ts';

const takeOverMs = 2_000;

export interface OwnShardsOptions {
  readonly env: { readonly clock: Clock; readonly timers: Pick<Timers, 'after'> };
  readonly cluster: ClusterView;
  /** Nobody else can have fed. */
  readonly isAlone: boolean;
  /** `ready` has changed; may be called once more after `stop`. */
  readonly onChange: () => void;
  /** Another node feeds some of the shards from now on; called after `onChange`. */
  readonly onLost: () => void;
}

export class OwnShards {
  readonly #options: OwnShardsOptions;
  /** Shard -> monotonic ms from which on it is fed. */
  readonly #since = new Map<number, number>();
  readonly #stop: () => void;

  constructor(options: OwnShardsOptions) {
    this.#options = options;
    this.#look(options.isAlone ? 0 : takeOverMs);
    this.#stop = options.cluster.onChange(() => this.#mapChanged());
  }

  get ready(): ReadonlySet<number> {
    const nowMs = this.#options.env.clock.monotonicMs();
    const ready = new Set<number>();
    for (const [shard, sinceMs] of this.#since) if (sinceMs <= nowMs) ready.add(shard);
    return ready;
  }

  stop(): void {
    this.#stop();
  }

  #mapChanged(): void {
    const { isAlone, onChange, onLost } = this.#options;
    const hasLost = this.#look(isAlone ? 0 : takeOverMs);
    onChange();
    if (hasLost) onLost();
  }

  /** Whether some are no longer this node's. */
  #look(waitMs: number): boolean {
    const { env, cluster, onChange } = this.#options;
    const own = new Set<number>();
    for (const { shard, primary } of cluster.map.shards.tstore) {
      if (primary === cluster.self) own.add(shard);
    }
    const lost = [...this.#since.keys()].filter((shard) => !own.has(shard));
    for (const shard of lost) this.#since.delete(shard);
    const gained = [...own].filter((shard) => !this.#since.has(shard));
    for (const shard of gained) this.#since.set(shard, env.clock.monotonicMs() + waitMs);
    if (gained.length > 0 && waitMs > 0) env.timers.after(waitMs + 1, onChange);
    return lost.length > 0;
  }
}

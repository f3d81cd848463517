/**
 * Lets data go that the cluster has dropped: the only way by which a node removes files of a database.
 *
 * Records of drops are followed by a watch, but a watch is never believed in this: right before data goes,
 * the record is read anew, linearizably, together with the cluster it belongs to. What fails is tried
 * again for as long as the node runs, and at each start.
 */

import { CitadelError } from '../base/errors.ts';
import type { Env, TimerHandle } from '../env/env.ts';
import { readCluster } from './cluster-records.ts';
import { clusterKey, droppedPrefix } from './meta-keys.ts';
import type { MetaStore, MetaWatch } from './meta-store.ts';

const retryMs = 5_000;

export interface DropWatchOptions {
  /** The data directory's: what another cluster dropped is nothing to it. */
  readonly clusterUuid: string;
  /** Idempotent; `rpId` undefined = the whole database. */
  readonly dropData: (dbId: string, rpId: string | undefined) => Promise<void>;
}

export class DropWatch {
  readonly #env: Pick<Env, 'timers' | 'log'>;
  readonly #store: MetaStore;
  readonly #options: DropWatchOptions;
  readonly #waiting = new Set<string>();
  readonly #done = new Set<string>();
  readonly #timer: TimerHandle;
  #watch: MetaWatch | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(env: Pick<Env, 'timers' | 'log'>, store: MetaStore, options: DropWatchOptions) {
    this.#env = env;
    this.#store = store;
    this.#options = options;
    this.#timer = env.timers.every(retryMs, () => this.#wake());
    this.#wake();
  }

  /** Resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer.cancel();
    this.#watch?.close();
    await this.#running;
  }

  #wake(): void {
    if (this.#closed || (this.#watch !== undefined && this.#waiting.size === 0)) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    try {
      if (this.#watch === undefined) await this.#follow();
    } catch (error) {
      this.#env.log.warn('cannot read what was dropped', { error: String(error) });
    }
    // Includes what comes meanwhile; what fails waits for the next time and holds up nothing else.
    for (const key of this.#waiting) {
      if (this.#closed) return;
      try {
        await this.#drop(key);
        this.#waiting.delete(key);
        this.#done.add(key);
      } catch (error) {
        this.#env.log.warn('dropped data stays for now', { key, error: String(error) });
      }
    }
  }

  async #follow(): Promise<void> {
    const { revision, records } = await this.#store.range(droppedPrefix);
    if (this.#closed) return;
    for (const { key } of records) this.#note(key);
    this.#watch = this.#store.watch(droppedPrefix, revision + 1, (notice) => {
      if (notice.kind === 'compacted') {
        this.#watch = undefined;
      } else {
        for (const change of notice.changes)
          if (change.kind === 'put') this.#note(change.record.key);
      }
      this.#wake();
    });
  }

  #note(key: string): void {
    if (!this.#done.has(key)) this.#waiting.add(key);
  }

  async #drop(key: string): Promise<void> {
    const { results } = await this.#store.transaction({
      compare: [],
      onSuccess: [
        { kind: 'get', key: clusterKey },
        { kind: 'get', key },
      ],
    });
    const cluster = results[0]?.records[0];
    const record = results[1]?.records[0];
    if (cluster === undefined || record === undefined) {
      throw new CitadelError('unavailable', `no record says that ${key} was dropped`);
    }
    if (readCluster(cluster).clusterUuid !== this.#options.clusterUuid) {
      throw new CitadelError('conflict', `${key} was dropped in another cluster`);
    }
    const [dbId = '', rpId] = key.slice(droppedPrefix.length).split('/');
    await this.#options.dropData(dbId, rpId);
    this.#env.log.info('dropped data is gone', { dbId, ...(rpId === undefined ? {} : { rpId }) });
  }
}

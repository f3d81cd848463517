/**
 * The local copy of what nodes agree on about continuous queries: read whole, then followed by one watch,
 * so that what is here up to a revision is all there was up to it.
 */

import type { Env, TimerHandle } from '../../env/env.ts';
import { continuousKeys } from '../../metadata/meta-keys.ts';
import type { MetaChange, MetaRecord, MetaStore, MetaWatch } from '../../metadata/meta-store.ts';
import {
  type Heeded,
  type LateMark,
  type Owner,
  type ProgressRecord,
  type QueryKey,
  readHeeded,
  readLateMark,
  readOwner,
  readProgress,
} from './records.ts';

/** After reading everything has failed. */
const reloadMs = 500;

export interface Known<T> {
  readonly record: MetaRecord;
  readonly value: T;
}

type StateEnv = Pick<Env, 'timers' | 'log'>;

/** Records of one kind, by what follows the prefix in their keys. */
class Kind<T> {
  readonly prefix: string;
  readonly known = new Map<string, Known<T>>();
  readonly #read: (record: MetaRecord) => T;

  constructor(prefix: string, read: (record: MetaRecord) => T) {
    this.prefix = prefix;
    this.#read = read;
  }

  /** @throws CitadelError `corrupt`, `unsupported-version` */
  apply(change: MetaChange): void {
    const key = change.kind === 'put' ? change.record.key : change.key;
    const name = key.slice(this.prefix.length);
    this.known.delete(name);
    if (change.kind === 'put') {
      const { record } = change;
      this.known.set(name, { record, value: this.#read(record) });
    }
  }
}

export class AgreedState {
  readonly #env: StateEnv;
  readonly #store: MetaStore;
  readonly #progress = new Kind<ProgressRecord>(continuousKeys.progress, readProgress);
  readonly #late = new Kind<LateMark>(continuousKeys.late, readLateMark);
  readonly #owners = new Kind<Owner>(continuousKeys.owners, readOwner);
  readonly #heeded = new Kind<Heeded>(continuousKeys.heeded, readHeeded);
  readonly #listeners = new Set<() => void>();
  #watch: MetaWatch | undefined;
  #reloading: TimerHandle | undefined;
  #revision = 0;
  #closed = false;

  constructor(env: StateEnv, store: MetaStore) {
    this.#env = env;
    this.#store = store;
  }

  /** Everything up to it is here; 0 = nothing was read yet. */
  get revision(): number {
    return this.#revision;
  }

  get progress(): ReadonlyMap<QueryKey, Known<ProgressRecord>> {
    return this.#progress.known;
  }

  /** By `<query key>/<node>/<id>`. */
  get late(): ReadonlyMap<string, Known<LateMark>> {
    return this.#late.known;
  }

  get owners(): ReadonlyMap<QueryKey, Known<Owner>> {
    return this.#owners.known;
  }

  /** By encoded node. */
  get heeded(): ReadonlyMap<string, Known<Heeded>> {
    return this.#heeded.known;
  }

  /** Called after each change; must not throw. Returns how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads everything anew and follows from there. @throws CitadelError `unavailable` */
  async load(): Promise<void> {
    const { revision, records } = await this.#store.range(continuousKeys.all);
    if (this.#closed) return;
    for (const kind of this.#kinds()) kind.known.clear();
    for (const record of records) this.#apply({ kind: 'put', record });
    this.#watch?.close();
    this.#watch = this.#store.watch(continuousKeys.all, revision + 1, (notice) => {
      if (notice.kind === 'compacted') {
        this.#reload();
        return;
      }
      for (const change of notice.changes) this.#apply(change);
      this.#tell(notice.revision);
    });
    this.#tell(revision);
  }

  /** Resolves when `holds`, looked at after each change; `false` when the signal fires or this is closed. */
  async waitUntil(holds: () => boolean, signal: AbortSignal): Promise<boolean> {
    if (holds()) return true;
    return new Promise((resolve) => {
      const settle = () => {
        const isDone = holds();
        if (!isDone && !signal.aborted && !this.#closed) return;
        stop();
        signal.removeEventListener('abort', settle);
        resolve(isDone);
      };
      const stop = this.onChange(settle);
      signal.addEventListener('abort', settle);
      if (signal.aborted) settle();
    });
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
    this.#reloading?.cancel();
    this.#tell(this.#revision);
    this.#listeners.clear();
  }

  #reload(): void {
    if (this.#closed) return;
    this.load().catch((error: unknown) => {
      this.#env.log.debug('cannot read continuous queries', { error: String(error) });
      this.#reloading = this.#env.timers.after(reloadMs, () => this.#reload());
    });
  }

  #tell(revision: number): void {
    this.#revision = revision;
    for (const listener of [...this.#listeners]) listener();
  }

  #apply(change: MetaChange): void {
    const key = change.kind === 'put' ? change.record.key : change.key;
    try {
      this.#kinds()
        .find(({ prefix }) => key.startsWith(prefix))
        ?.apply(change);
    } catch (error) {
      this.#env.log.error('cannot read a record of continuous queries', { error: String(error) });
    }
  }

  #kinds() {
    return [this.#progress, this.#late, this.#owners, this.#heeded] as const;
  }
}

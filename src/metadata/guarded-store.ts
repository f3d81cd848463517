/**
 * The metadata store as everyone but its bootstrap sees it: every change is also guarded by the store being
 * the one that was known.
 *
 * An etcd that was emptied, restored from an old backup or made over for another cluster still takes
 * transactions, and a record that did not change since the backup still has the revision that a guard
 * asks for. So each transaction also compares which making of the cluster it is and that the map
 * version is not below the one held here.
 */

import { CitadelError } from '../base/errors.ts';
import type {
  MetaCompare,
  MetaLease,
  MetaOp,
  MetaRange,
  MetaRecord,
  MetaStore,
  MetaTransaction,
  MetaTransactionResult,
  MetaWatch,
  WatchNotice,
} from './meta-store.ts';
import { compareHolds } from './meta-store.ts';

export interface StoreGuard {
  /** What must hold for the store to be the one that is known. */
  compares(): readonly MetaCompare[];
  /** Looks at the store anew, linearizably. @throws CitadelError `unavailable` when it is not the one that is known */
  check(): Promise<void>;
}

export class GuardedStore implements MetaStore {
  readonly #store: MetaStore;
  readonly #guard: StoreGuard;
  readonly #ends = new Set<() => void>();

  constructor(store: MetaStore, guard: StoreGuard) {
    this.#store = store;
    this.#guard = guard;
  }

  get(key: string): Promise<MetaRecord | undefined> {
    return this.#store.get(key);
  }

  /** @throws CitadelError `unavailable` also when the store went back */
  async range(prefix: string): Promise<MetaRange> {
    const range = await this.#store.range(prefix);
    await this.#guard.check();
    return range;
  }

  async transaction(transaction: MetaTransaction): Promise<MetaTransactionResult> {
    const guards = this.#guard.compares();
    const looks = guards.map(({ key }): MetaOp => ({ kind: 'get', key }));
    const onFailure = [...(transaction.onFailure ?? []), ...looks];
    const compare = [...transaction.compare, ...guards];
    const { onSuccess } = transaction;
    const outcome = await this.#store.transaction({ compare, onSuccess, onFailure });
    if (outcome.succeeded) return outcome;
    const seen = outcome.results.slice(outcome.results.length - guards.length);
    if (!guards.every((guard, i) => compareHolds(guard, seen[i]?.records[0]))) {
      await this.#guard.check();
      throw new CitadelError('unavailable', 'metadata store is not the one that was known');
    }
    const results = outcome.results.slice(0, outcome.results.length - guards.length);
    return { ...outcome, results };
  }

  watch(prefix: string, fromRevision: number, listener: (notice: WatchNotice) => void): MetaWatch {
    const inner = this.#store.watch(prefix, fromRevision, listener);
    const end = () => {
      this.#ends.delete(end);
      inner.close();
      listener({ kind: 'compacted', revision: fromRevision });
    };
    this.#ends.add(end);
    return {
      close: () => {
        this.#ends.delete(end);
        inner.close();
      },
    };
  }

  /** The store counts its revisions anew: whoever watches must read it again. */
  endWatches(): void {
    for (const end of [...this.#ends]) end();
  }

  grantLease(ttlMs: number): Promise<MetaLease> {
    return this.#store.grantLease(ttlMs);
  }

  keepLeaseAlive(id: string): Promise<void> {
    return this.#store.keepLeaseAlive(id);
  }

  revokeLease(id: string): Promise<void> {
    return this.#store.revokeLease(id);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

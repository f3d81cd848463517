/**
 * The metadata store of a node without etcd: records in memory, each change in a journal first.
 *
 * One transaction at a time: decided on the records as they are, made durable, then visible and told
 * to watchers. A change whose fate is unknown (the journal failed other than by a full disk) ends the
 * store: memory may differ from disk, so everything is refused until the node starts again.
 * A lease of an earlier run gets its whole time again at open, as etcd does after a restart.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Rng, TimerHandle, Timers } from '../../env/env.ts';
import type {
  MetaChange,
  MetaLease,
  MetaOp,
  MetaRange,
  MetaRecord,
  MetaStore,
  MetaTransaction,
  MetaTransactionResult,
  MetaWatch,
  WatchNotice,
} from '../meta-store.ts';
import type { JournalCommit, MetaJournal } from './meta-journal.ts';
import { MetaState } from './meta-state.ts';
import { WatchHub } from './watch-hub.ts';

interface HeldLease {
  readonly lease: MetaLease;
  timer: TimerHandle;
}

interface World {
  readonly timers: Pick<Timers, 'after'>;
  readonly rng: Rng;
}

export interface EmbeddedMetaStore extends MetaStore {
  /** Forgets the changes before a revision; watches that ask for them get `compacted`. */
  compact(revision: number): void;
}

function toCommit(revision: number, changes: readonly MetaChange[]): JournalCommit {
  const puts: MetaRecord[] = [];
  const deletes: string[] = [];
  for (const change of changes) {
    if (change.kind === 'put') puts.push(change.record);
    else deletes.push(change.key);
  }
  return { revision, puts, deletes, granted: [], ended: [] };
}

class Embedded implements EmbeddedMetaStore {
  readonly #world: World;
  readonly #journal: MetaJournal;
  readonly #state: MetaState;
  readonly #hub: WatchHub;
  readonly #leases = new Map<string, HeldLease>();
  #queue: Promise<unknown> = Promise.resolve();
  #ended: CitadelError | undefined;

  constructor(world: World, journal: MetaJournal, state: MetaState) {
    this.#world = world;
    this.#journal = journal;
    this.#state = state;
    this.#hub = new WatchHub(state.revision);
  }

  async get(key: string): Promise<MetaRecord | undefined> {
    this.#checkOpen();
    return this.#state.get(key);
  }

  async range(prefix: string): Promise<MetaRange> {
    this.#checkOpen();
    return { revision: this.#state.revision, records: this.#state.range(prefix) };
  }

  transaction(transaction: MetaTransaction): Promise<MetaTransactionResult> {
    return this.#enqueue(() => this.#run(transaction));
  }

  watch(prefix: string, fromRevision: number, listener: (notice: WatchNotice) => void): MetaWatch {
    this.#checkOpen();
    return this.#hub.watch(prefix, fromRevision, listener);
  }

  compact(revision: number): void {
    this.#hub.compact(revision);
  }

  grantLease(ttlMs: number): Promise<MetaLease> {
    return this.#enqueue(async () => {
      if (!(ttlMs > 0)) throw new CitadelError('invalid-argument', 'lease needs a positive TTL');
      const id = Buffer.from(this.#world.rng.bytes(8)).toString('hex');
      const lease = { id, ttlMs };
      await this.#commit({ ...toCommit(this.#state.revision, []), granted: [lease] });
      this.holdLease(lease);
      return lease;
    });
  }

  async keepLeaseAlive(id: string): Promise<void> {
    this.#checkOpen();
    const held = this.#leases.get(id);
    if (held === undefined) throw new CitadelError('not-found', `lease ${id} has ended`);
    held.timer.cancel();
    held.timer = this.#arm(held.lease);
  }

  revokeLease(id: string): Promise<void> {
    return this.#enqueue(() => this.#endLease(id));
  }

  async close(): Promise<void> {
    this.#ended ??= new CitadelError('unavailable', 'metadata store is closed');
    for (const held of this.#leases.values()) held.timer.cancel();
    this.#hub.close();
    await this.#queue;
    await this.#journal.close();
  }

  /** Starts the time of a lease that is durable. */
  holdLease(lease: MetaLease): void {
    this.#leases.set(lease.id, { lease, timer: this.#arm(lease) });
  }

  #arm(lease: MetaLease): TimerHandle {
    return this.#world.timers.after(lease.ttlMs, () => {
      // When the journal fails here the store has ended and says so to every later call.
      this.revokeLease(lease.id).catch(() => undefined);
    });
  }

  async #run(transaction: MetaTransaction): Promise<MetaTransactionResult> {
    const branches: readonly MetaOp[] = [
      ...transaction.onSuccess,
      ...(transaction.onFailure ?? []),
    ];
    for (const op of branches) {
      if (op.kind === 'put' && op.lease !== undefined && !this.#leases.has(op.lease)) {
        throw new CitadelError('not-found', `lease ${op.lease} has ended`);
      }
    }
    const outcome = this.#state.decide(transaction);
    if (outcome.changes.length > 0) {
      await this.#commit(toCommit(outcome.revision, outcome.changes));
      this.#state.apply(outcome);
      this.#hub.publish(outcome.revision, outcome.changes);
    }
    const { succeeded, revision, results } = outcome;
    return { succeeded, revision, results };
  }

  async #endLease(id: string): Promise<void> {
    const held = this.#leases.get(id);
    if (held === undefined) return;
    const keys = this.#state.keysOfLease(id);
    const { revision } = this.#state;
    const changes = keys.map((key): MetaChange => ({ kind: 'delete', key }));
    const next = revision + (changes.length > 0 ? 1 : 0);
    await this.#commit({ ...toCommit(next, changes), ended: [id] });
    held.timer.cancel();
    this.#leases.delete(id);
    if (changes.length === 0) return;
    this.#state.apply({ succeeded: true, revision: next, results: [], changes });
    this.#hub.publish(next, changes);
  }

  async #commit(commit: JournalCommit): Promise<void> {
    try {
      await this.#journal.commit(commit);
    } catch (cause) {
      if (cause instanceof CitadelError && cause.code === 'disk-full') throw cause;
      const message = 'metadata store failed to make a change durable';
      this.#ended ??= new CitadelError('unavailable', message, { cause });
      throw this.#ended;
    }
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(() => {
      this.#checkOpen();
      return work();
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }

  #checkOpen(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }
}

export async function openEmbeddedMetaStore(
  world: World,
  journal: MetaJournal,
): Promise<EmbeddedMetaStore> {
  const image = await journal.load();
  const store = new Embedded(world, journal, new MetaState(image.revision, image.records));
  for (const lease of image.leases) store.holdLease(lease);
  return store;
}

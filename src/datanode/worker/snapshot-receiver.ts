/**
 * A snapshot on its way into a replica's store: asks the main thread to fetch it, merges piece by piece
 * between flushes, and tells the step function what came of it.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Log } from '../../env/env.ts';
import type { SnapshotMerge, SnapshotStore } from '../../model/store-snapshot.ts';
import type { ReplicaEvent } from '../../replication/replica-events.ts';
import type { Versions } from '../../replication/version-vector.ts';
import { type Failure, fromFailure } from './failure.ts';
import type { PostFromWorker } from './messages.ts';

export interface ReceiverOptions {
  readonly shard: number;
  readonly store: () => SnapshotStore;
  /** The replica's version vector. */
  readonly versions: () => Versions;
  /** Work that changes the store's files runs one after the other. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  readonly post: PostFromWorker;
  readonly step: (event: ReplicaEvent) => void;
  /** The disk could not take something. */
  readonly onLogFailure: (error: CitadelError) => void;
  readonly log: Log;
}

export class SnapshotReceiver {
  readonly #options: ReceiverOptions;
  #from: string | undefined;
  #merge: SnapshotMerge | undefined;
  #failure: unknown;
  #turn: Promise<void> = Promise.resolve();

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** One at a time: the step function waits for what came of the one before. */
  start(from: string): void {
    const { shard, post, alone, store, versions } = this.#options;
    this.#from = from;
    this.#failure = undefined;
    this.#turn = this.#turn.then(async () => {
      try {
        this.#merge = await alone(() => store().openMerge(versions()));
        post({ kind: 'fetch-snapshot', shard, from });
      } catch (error) {
        this.#failure = error;
        await this.#settle();
      }
    });
  }

  piece(piece: Uint8Array): void {
    const { shard, post, alone } = this.#options;
    this.#enqueue(async () => {
      const merge = this.#merge;
      if (this.#failure !== undefined || merge === undefined) return;
      await alone(() => merge.add(piece));
      post({ kind: 'snapshot-taken', shard, bytes: piece.byteLength });
    });
  }

  /** Nothing follows. `failure`: why it broke off. */
  end(failure: Failure | undefined): void {
    this.#enqueue(async () => {
      if (failure !== undefined) this.#failure ??= fromFailure(failure);
      if (this.#failure === undefined) await this.#finish();
    });
    this.#enqueue(() => this.#settle());
  }

  /** Resolves when nothing of it is at work on the store. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  async #finish(): Promise<void> {
    const { alone, step, shard, log } = this.#options;
    const from = this.#from;
    const merge = this.#merge;
    if (from === undefined || merge === undefined) return;
    await alone(async () => {
      const facts = await merge.finish();
      this.#merge = undefined;
      this.#from = undefined;
      log.info('snapshot merged', { shard, from });
      // In the same turn: no flush may come between with versions from before it.
      step({ kind: 'snapshot-merged', from, ...facts });
    });
  }

  /** After a failure: the next one starts anew. */
  async #settle(): Promise<void> {
    const { alone, step, shard, log } = this.#options;
    const from = this.#from;
    if (from === undefined) return;
    const merge = this.#merge;
    this.#merge = undefined;
    this.#from = undefined;
    log.warn('snapshot failed', { shard, from, error: this.#failure });
    if (merge !== undefined) await alone(() => merge.abandon()).catch(() => undefined);
    step({ kind: 'snapshot-failed', from });
  }

  #enqueue(work: () => Promise<void>): void {
    this.#turn = this.#turn.then(work).catch((error: unknown) => {
      this.#failure ??= error;
      const { shard, post, onLogFailure } = this.#options;
      if (error instanceof CitadelError) onLogFailure(error);
      post({ kind: 'stop-fetch', shard });
    });
  }
}

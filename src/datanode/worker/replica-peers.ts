/**
 * What a replica needs only when it has peers: the index of what the log holds for them, the sender that
 * reads it back, the snapshot that comes in, and the reads that wait for a majority.
 */

import type { CitadelError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import type { ReplicaEffect, ReplicaEvent } from '../../replication/replica-events.ts';
import type { Versions } from '../../replication/version-vector.ts';
import { EntryIndex } from '../log/entry-index.ts';
import type { SegmentReader } from '../log/segment-reader.ts';
import { EntrySender } from './entry-sender.ts';
import type { PostFromWorker } from './messages.ts';
import type { PeerOutbox } from './peer-outbox.ts';
import type { ReplicaStore } from './replica-store.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';

/** What the replicas of a log share of it. */
export interface GroupPeers {
  readonly reader: SegmentReader;
  readonly outbox: PeerOutbox;
  readonly post: PostFromWorker;
  /** The disk could not take something. */
  readonly onLogFailure: (error: CitadelError) => void;
}

export interface ReplicaPeersOptions extends GroupPeers {
  readonly env: Pick<Env, 'log'>;
  readonly shard: number;
  readonly store: () => ReplicaStore;
  readonly versions: () => Versions;
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>;
  readonly step: (event: ReplicaEvent) => void;
}

/** Effects that only a replica with peers has. */
export type PeerEffect = Extract<
  ReplicaEffect,
  { kind: 'send' | 'send-entries' | 'propose' | 'fetch-snapshot' | 'read-confirmed' }
>;

export class ReplicaPeers {
  readonly index = new EntryIndex();
  readonly receiver: SnapshotReceiver;
  readonly #sender: EntrySender;
  readonly #options: ReplicaPeersOptions;
  readonly #reads = new Map<number, (refusal: string | undefined) => void>();
  #nextRead = 1;

  constructor(options: ReplicaPeersOptions) {
    const { env, shard, outbox, reader, step } = options;
    this.#options = options;
    this.receiver = new SnapshotReceiver({ ...options, log: env.log });
    this.#sender = new EntrySender({
      index: this.index,
      reader,
      send: (to, message) => outbox.add(shard, to, message),
      onMissing: ({ origin, sequence }) => {
        this.index.dropThrough(origin, sequence);
        step({ kind: 'trimmed', origin, sequence });
      },
    });
  }

  perform(effect: PeerEffect): void {
    const { shard, outbox, post } = this.#options;
    switch (effect.kind) {
      case 'send':
        outbox.add(shard, effect.to, effect.message);
        return;
      case 'send-entries':
        this.#sender.answer(effect);
        return;
      case 'propose':
        post({ kind: 'propose', shard, id: effect.id, record: effect.record });
        return;
      case 'fetch-snapshot':
        this.receiver.start(effect.from);
        return;
      case 'read-confirmed': {
        const settle = this.#reads.get(effect.request);
        this.#reads.delete(effect.request);
        settle?.(effect.refusal);
        return;
      }
    }
  }

  /** A read at level `quorum` has its view: resolves with why its answer may not count; undefined = it may. */
  confirmRead(): Promise<string | undefined> {
    const request = this.#nextRead++;
    return new Promise((resolve) => {
      this.#reads.set(request, resolve);
      this.#options.step({ kind: 'confirm-read', request });
    });
  }

  /** Nothing is read from the log any more, nothing merged into the store. */
  async stop(): Promise<void> {
    await this.#sender.stop();
    await this.receiver.settled();
    for (const settle of this.#reads.values()) settle('the node is shutting down');
    this.#reads.clear();
  }
}

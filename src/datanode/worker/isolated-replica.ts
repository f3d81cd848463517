/**
 * A replica whose store cannot be opened because a file of it is damaged: it answers nothing, changes nothing and keeps
 * its shard apart, so that the other shards of the node go on.
 *
 * With peers it is given up as soon as one of them that has all of its data also has what is left here in the commit log;
 * what that one lacks of it is sent first. Then the replica starts anew, empty, and is filled. Its directory stays.
 */

import type { CitadelError } from '../../base/errors.ts';
import type { Clock, Log } from '../../env/env.ts';
import type { ShardRecord } from '../../model/cluster.ts';
import type { HybridClock } from '../../replication/hybrid-clock.ts';
import type { ReplicaMessage, Standing } from '../../replication/peer-message.ts';
import { EntryIndex } from '../log/entry-index.ts';
import { EntrySender } from './entry-sender.ts';
import type { FoundReplica } from './open-replica.ts';
import type { GroupPeers } from './replica-peers.ts';

/** Between two sendings of what a peer lacks: it says meanwhile what it has got. */
const donateMs = 1_000;

export interface IsolatedOptions {
  readonly env: { readonly clock: Clock; readonly log: Log };
  readonly clock: HybridClock;
  /** Undefined on a node without peers. */
  readonly peers: GroupPeers | undefined;
}

/** Counts nowhere and takes nothing. */
const noStanding: Standing = {
  versions: {},
  isPartial: true,
  promised: 0,
  isLeaving: true,
  phase: 'rebuilding',
  canAccept: false,
  primarySilentMs: 0,
};

export class IsolatedReplica {
  readonly found: FoundReplica;
  /** What is damaged. */
  readonly error: CitadelError;
  /** Its entries in the log. */
  readonly index = new EntryIndex();
  readonly #options: IsolatedOptions;
  readonly #sender: EntrySender | undefined;
  #donatedMs = Number.NEGATIVE_INFINITY;

  constructor(found: FoundReplica, error: CitadelError, options: IsolatedOptions) {
    const { peers } = options;
    this.found = found;
    this.error = error;
    this.#options = options;
    this.#sender =
      peers &&
      new EntrySender({
        index: this.index,
        reader: peers.reader,
        send: (to, message) => peers.outbox.add(found.shard, to, message),
        onMissing: ({ origin, sequence }) => this.index.dropThrough(origin, sequence),
      });
  }

  /** What a peer says of itself. True: it has all that is left here, so this replica can be filled from there. */
  hear(from: string, { body }: ReplicaMessage, record: ShardRecord): boolean {
    if (body.kind !== 'pull' || this.found.problem !== undefined) return false;
    const { phase, versions, isLeaving, isPartial } = body.standing;
    const isSource = phase === 'active' && !isLeaving && record.replicas.includes(from);
    if (!isSource || isPartial) return false;
    const ranges = this.index.rangesAbove(versions);
    if (ranges.length === 0) return true;
    const { env, clock } = this.#options;
    const nowMs = env.clock.monotonicMs();
    if (nowMs - this.#donatedMs < donateMs) return false;
    this.#donatedMs = nowMs;
    const head = {
      hlc: clock.last,
      wallMs: env.clock.wallMs(),
      recordVersion: record.version,
      record: undefined,
    };
    this.#sender?.answer({
      to: from,
      ranges,
      last: { head, body: { kind: 'standing', standing: noStanding } },
    });
    return false;
  }

  /** Nothing is read from the log any more. */
  async stop(): Promise<void> {
    await this.#sender?.stop();
  }
}

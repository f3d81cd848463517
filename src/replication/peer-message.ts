/**
 * What replicas of a shard say to each other (encoded by message-codec.ts). Every message may be lost,
 * repeated, late or overtaken.
 */

import type { ShardRecord } from '../model/cluster.ts';
import type { Hlc } from '../model/entry.ts';
import type { Versions } from './version-vector.ts';

/** An entry on its way between replicas: what is the same everywhere (an lsn is local). */
export interface PeerEntry {
  readonly origin: string;
  readonly sequence: number;
  readonly hlc: Hlc;
  readonly epoch: number;
  readonly writeId: Uint8Array;
  readonly frame: Uint8Array;
}

/** How a replica stands; part of every answer. What counts for acknowledgements is judged from it. */
export interface Standing {
  readonly versions: Versions;
  /** Highest epoch promised, durably. */
  readonly promised: number;
  /** Leaving or not a member by its own record: never counts. */
  readonly isLeaving: boolean;
  /** It has no complete data yet: never counts, gets a snapshot. */
  readonly isEmpty: boolean;
  readonly isCatchingUp: boolean;
}

/** For causal stability: made by each replica of the record, passed on by all. */
export interface StabilityReport {
  readonly node: string;
  readonly origin: string;
  /** Grows with each report of a node. */
  readonly count: number;
  readonly versions: Versions;
  /** Every later local stamp of that node is greater; durable. */
  readonly floor: Hlc;
  /** Of the shard record it was made under. */
  readonly recordVersion: number;
}

export interface MessageHead {
  /** The sender's highest stamp: raises the receiver's clock. */
  readonly hlc: Hlc;
  /** The sender's shard record, when the receiver may have an older one. */
  readonly record: ShardRecord | undefined;
}

export type PeerBody =
  /** A new entry, sent without being asked. Answered by `standing`. */
  | { readonly kind: 'push'; readonly entry: PeerEntry }
  | { readonly kind: 'standing'; readonly standing: Standing }
  /**
   * Give me what I lack. `prepare`: promise this epoch first, durably; `id` comes back in `pull-end`, which is
   * how a candidate and a fresh read know their own questions.
   */
  | {
      readonly kind: 'pull';
      readonly standing: Standing;
      readonly prepare: number;
      readonly id: number;
      readonly reports: readonly StabilityReport[];
    }
  /** In order per origin. */
  | { readonly kind: 'entries'; readonly entries: readonly PeerEntry[] }
  | {
      readonly kind: 'pull-end';
      readonly standing: Standing;
      readonly id: number;
      readonly reports: readonly StabilityReport[];
    }
  /** Entries that the puller lacks were trimmed: fetch a snapshot from me and merge it. */
  | { readonly kind: 'snapshot-offer'; readonly standing: Standing }
  /** The puller misses what was garbage-collected: donate what I lack, then start anew from my snapshot. */
  | { readonly kind: 'rebuild'; readonly standing: Standing };

export type PeerBodyKind = PeerBody['kind'];

export interface ReplicaMessage {
  readonly head: MessageHead;
  readonly body: PeerBody;
}

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

/**
 * `empty`: no complete data yet, gets a snapshot. `catching-up`: since its start it has not covered a majority yet.
 * `rebuilding`: donates what it has before it starts anew.
 */
export type ReplicaPhase = 'empty' | 'catching-up' | 'active' | 'rebuilding';

/** How a replica stands; part of every answer. What counts for acknowledgements is judged from it. */
export interface Standing {
  /** Durably applied. */
  readonly versions: Versions;
  /** Only the components that matter to the receiver now; the others are what they were or more. */
  readonly isPartial: boolean;
  /** No epoch below it is helped any more: the highest one promised durably, or known from the shard record. */
  readonly promised: number;
  /** Leaving or not a member by its own record: never counts. */
  readonly isLeaving: boolean;
  /** `empty` and `rebuilding` never count. */
  readonly phase: ReplicaPhase;
  /** False: cannot take writes (disk full, hung or read-only); a primary that says so is replaced. */
  readonly canAccept: boolean;
  /** ms since it last heard the primary of its record; 0 for the primary itself. */
  readonly primarySilentMs: number;
}

/** For causal stability: made by each replica of the record, passed on by all. */
export interface StabilityReport {
  readonly node: string;
  readonly origin: string;
  /** Grows with each report of a node. */
  readonly count: number;
  readonly versions: Versions;
  /** Every later local stamp of that node is greater, durably, and nothing at or below it is on its way to its log. */
  readonly floor: Hlc;
  /** Of the shard record it was made under. */
  readonly recordVersion: number;
  /** Node -> count of the latest report of it that the maker had seen. */
  readonly seen: Readonly<Record<string, number>>;
  /** The maker has entries that are not known to be stable: it needs the reports of the others. */
  readonly isWaiting: boolean;
}

export interface MessageHead {
  /** The sender's highest stamp: raises the receiver's clock. */
  readonly hlc: Hlc;
  /** The sender's wall clock, ms since the Unix epoch: tells who is off. */
  readonly wallMs: number;
  /** Of the sender's shard record; 0 = it has none. */
  readonly recordVersion: number;
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
      /** Components above `standing.versions` that are on their way to the puller's log: not asked for. */
      readonly received: Versions;
      /** Something is missing for sure: what was pushed a moment ago is asked for too. */
      readonly isUrgent: boolean;
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
  /** The puller misses what was garbage-collected (it does not cover `gcVersions`): donate what I lack, then start anew from my snapshot. */
  | { readonly kind: 'rebuild'; readonly standing: Standing; readonly gcVersions: Versions };

export type PeerBodyKind = PeerBody['kind'];

export interface ReplicaMessage {
  readonly head: MessageHead;
  readonly body: PeerBody;
}

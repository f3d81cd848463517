/**
 * What goes into a replica's step function and what comes out (replica-machine.ts). The shell on the data
 * worker, and the simulation, feed events and perform effects in order; nothing else connects them.
 */

import type { CitadelError, ErrorCode } from '../base/errors.ts';
import type { ShardRecord } from '../model/cluster.ts';
import type { Entry, Hlc } from '../model/entry.ts';
import type { HybridClock } from './hybrid-clock.ts';
import type { ReplicaMessage } from './peer-message.ts';
import type { Versions } from './version-vector.ts';

/** Level as asked; the state resolves `auto` by the record. */
export type WriteLevel = 'auto' | 'any' | 'one' | 'quorum' | 'all';

export interface Times {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export interface LocalWrite {
  /** The shell's name for the request; comes back in `answer` or `refuse`. */
  readonly request: number;
  readonly writeId: Uint8Array;
  /** Checked frame and the checksum in its header. */
  readonly frame: Uint8Array;
  readonly checksum: number;
  readonly level: WriteLevel;
  readonly isFallback: boolean;
}

export type ReplicaEvent =
  | { readonly kind: 'write'; readonly write: LocalWrite }
  /** The caller has gone: nobody waits for the answer. The entry stays. */
  | { readonly kind: 'forget'; readonly request: number }
  /** Everything up to this lsn is as durable as acknowledgements need; one event for a whole group. */
  | { readonly kind: 'logged'; readonly lsn: number }
  /** The log could not take what is pending (all of it, peers' entries too); the origin ends, a new one begins. */
  | { readonly kind: 'append-failed'; readonly error: CitadelError; readonly newOrigin: string }
  | { readonly kind: 'received'; readonly from: string; readonly message: ReplicaMessage }
  /** The map changed: the record, and which nodes have a live lease. After a proposal it comes before `proposed`. */
  | {
      readonly kind: 'map';
      readonly record: ShardRecord;
      readonly liveNodes: ReadonlySet<string>;
      /** This node's own lease, by its own deadline. */
      readonly isAttached: boolean;
    }
  /** The link to a node: `refused` means that nobody listens there. */
  | {
      readonly kind: 'link';
      readonly node: string;
      readonly state: 'connected' | 'refused' | 'silent';
    }
  /** Durable now, as asked by `save-state`. */
  | { readonly kind: 'state-saved'; readonly promised: number; readonly isEmpty: boolean }
  | { readonly kind: 'proposed'; readonly id: number; readonly result: 'done' | 'lost' | 'unknown' }
  /** A fetched snapshot is merged and durable; it holds at least `versions` (its own, not joined with ours). */
  | {
      readonly kind: 'snapshot-merged';
      readonly from: string;
      readonly versions: Versions;
      readonly gcVersions: Versions;
      readonly hlcMax: Hlc;
    }
  | { readonly kind: 'snapshot-failed'; readonly from: string }
  /** The old store is gone and a new empty one is open, with a new origin; `lsn`: the highest ever given to it. */
  | { readonly kind: 'store-renewed'; readonly origin: string; readonly lsn: number }
  /** The log no longer has entries of an origin up to and including this sequence, or cannot read them. */
  | { readonly kind: 'trimmed'; readonly origin: string; readonly sequence: number }
  /** The store removed tombstones: whoever does not cover these may not be merged with. */
  | { readonly kind: 'collected'; readonly gcVersions: Versions }
  /** A read at level `quorum` has pinned its view: may its answer count? Answered within a few seconds. */
  | { readonly kind: 'confirm-read'; readonly request: number }
  /** The controller asks this replica to become primary: a hand-over, or its probe found the primary dead. */
  | { readonly kind: 'promote' }
  /** Files of the store are damaged: a snapshot is wanted that brings back what they held; again while that is so. */
  | { readonly kind: 'damaged' }
  /** Whether the node can take writes at all: false while its disk is full, hung or read-only. Assumed true at first. */
  | { readonly kind: 'ability'; readonly canAccept: boolean }
  /** Some 20 times a second. */
  | { readonly kind: 'tick' };

export type ReplicaEffect =
  /** Append to the commit log; effects of one replica come in the order of lsn. */
  | { readonly kind: 'append'; readonly entry: Entry }
  /** Durable and in order: apply to the store. */
  | { readonly kind: 'apply'; readonly entry: Entry }
  | {
      readonly kind: 'answer';
      readonly request: number;
      readonly origin: string;
      readonly sequence: number;
      /** Replicas that have it durably. */
      readonly copies: number;
      readonly levelReached: WriteLevel;
    }
  | {
      readonly kind: 'refuse';
      readonly request: number;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** No longer made: stamps do not wait for reservations. */
  | { readonly kind: 'reserve'; readonly write: LocalWrite }
  /** The clock's reservation lags behind, which holds the stable horizon back: make it durable anew when convenient. */
  | { readonly kind: 'extend-reserve' }
  | { readonly kind: 'send'; readonly to: string; readonly message: ReplicaMessage }
  /**
   * Send entries from the log, `entries` messages with the head of `last`, of at most 1 MiB (always one entry), up to a few
   * MiB in all; then `last`. Ranges are [from, to] of sequences, all durable here. What cannot be read is left out and
   * told by `trimmed`; the puller asks again.
   */
  | {
      readonly kind: 'send-entries';
      readonly to: string;
      readonly ranges: readonly EntryRange[];
      readonly last: ReplicaMessage;
    }
  /**
   * Durably, whatever the fsync mode; then `state-saved`, in order. Never performed: no event. What was saved comes back in
   * ReplicaStart; a replica that was saved as empty opens with a new, empty store.
   */
  | { readonly kind: 'save-state'; readonly promised: number; readonly isEmpty: boolean }
  /** A guarded change of the shard record; then `proposed`. */
  | { readonly kind: 'propose'; readonly id: number; readonly record: ShardRecord }
  /** Fetch a snapshot of the shard from that node, merge it, make it durable; then `snapshot-merged` or `-failed`. */
  | { readonly kind: 'fetch-snapshot'; readonly from: string }
  /** Replace the store by a new empty one, keeping promise and highest stamp; then `store-renewed`. */
  | { readonly kind: 'renew-store' }
  /**
   * The record no longer names this replica, and all it has is on every member: once a linearizable read shows the same, its
   * files go to trash. Comes again until then.
   */
  | { readonly kind: 'retire' }
  | {
      readonly kind: 'read-confirmed';
      readonly request: number;
      /** Undefined = confirmed. */
      readonly refusal: string | undefined;
    }
  /** Something an operator should see, once. */
  | {
      readonly kind: 'alarm';
      readonly event: string;
      readonly fields: Readonly<Record<string, string | number>>;
    };

export interface EntryRange {
  readonly origin: string;
  readonly from: number;
  readonly to: number;
}

export interface ReplicaStart {
  readonly shard: number;
  /** This node's uuid. */
  readonly self: string;
  /** 16 hex digits, new at every open. */
  readonly origin: string;
  /** The highest lsn ever given to this replica. */
  readonly lsn: number;
  /** As saved by the store; what replay finds comes through `replayed`. */
  readonly versions: Versions;
  readonly gcVersions: Versions;
  readonly promised: number;
  /** As last known; undefined = wait for the first `map`. */
  readonly record: ShardRecord | undefined;
  /** The directory was made just now, or its first snapshot never completed. Embedded, alone: false. */
  readonly isEmpty: boolean;
  /** Shared by the replicas of a log. */
  readonly clock: HybridClock;
  readonly times: Times;
}

/** Why a replica may not answer a read; the broker asks another one. */
export interface ReadRefusal {
  /** `stale`: it has complete data, but may be more than 2 s behind; the freshest such replica answers if no better one does. */
  readonly kind: 'not-active' | 'behind' | 'stale' | 'not-primary' | 'detached' | 'degraded';
  readonly message: string;
}

/** The newest entry that the reader knows to be acknowledged. */
export interface ReadMark {
  readonly origin: string;
  readonly sequence: number;
}

/** What the broker offers for keys and values: the contract of `kv/`, apart so that `http` can know it. */

import type { CitadelError } from '../base/errors.ts';
import type { ByteList, ByteListBuilder } from '../model/key-list.ts';
import type { ConsistencyLevel, ReadLevel } from '../rpc/data-node-api.ts';
import type { IsAbandoned } from './requests.ts';

/** See `ReadLevel` of the data node's interface. */
export type KvReadLevel = ReadLevel;

/** Entries of one request. */
export const kvBatchEntriesMax = 1_000_000;

export interface KvBatch {
  readonly table: string;
  readonly keys: ByteList;
  /** One per key; empty for a delete. */
  readonly values: ByteList;
  /** Per key: 1 = delete. */
  readonly deleted: Uint8Array;
  /** '' = the node's default; as `consistency` of /write. */
  readonly consistency: string;
  /**
   * 16 bytes, the same in every attempt of a client to write this batch, through whatever node: it is written once. Counts
   * for 60 s (replication/write-id-table.ts). Undefined = a write of its own.
   */
  readonly writeId?: Uint8Array | undefined;
  /** Wall clock, ms since the Unix epoch: from then on it is not written any more. Undefined = the deadline alone counts. */
  readonly notAfterMs?: number | undefined;
  readonly isAbandoned?: IsAbandoned | undefined;
}

/** What became of an entry. `unknown`: it may show later, for what was sent is never taken back. */
export const kvOutcome = { applied: 0, notApplied: 1, unknown: 2 } as const;

export interface KvWriteReport {
  /** Of what was applied: the fewest copies of any part, and its level. */
  readonly copies: number;
  readonly level: ConsistencyLevel;
  /** Per entry, `kvOutcome`. */
  readonly outcomes: Uint8Array;
  /** Undefined = everything was applied; else the worst that happened: `timeout` where some fate is unknown. */
  readonly error: CitadelError | undefined;
}

export interface KvAnswer {
  /** Undefined = the key is absent. A view. */
  value(i: number): Uint8Array | undefined;
  /** Adds the value to the list, nothing for an absent key. Returns whether there is one. */
  appendTo(builder: ByteListBuilder, i: number): boolean;
}

export interface KvListRequest {
  readonly table: string;
  /** Keys that begin with it. */
  readonly prefix: Uint8Array;
  /** The least key. */
  readonly from: Uint8Array;
  /** Below it; undefined = no bound. */
  readonly until: Uint8Array | undefined;
  /** Infinity = all. */
  readonly limit: number;
  readonly level: KvReadLevel;
  readonly signal: AbortSignal;
}

export interface KvRowsBlock {
  readonly keys: ByteList;
  readonly values: ByteList;
}

/**
 * Errors of all: `invalid-argument` (table's name, a key or value that is too long: nothing was applied then),
 * `unavailable` (a shard that no replica answers for), `overloaded`, `timeout`.
 */
export interface KeyValues {
  /** Later entries of a key win over earlier ones. @throws CitadelError `too-large`, `invalid-argument` */
  write(batch: KvBatch): Promise<KvWriteReport>;
  /** @throws CitadelError `not-found` (nothing was ever put into the table), `limit-exceeded` */
  get(table: string, keys: ByteList, level: KvReadLevel, signal: AbortSignal): Promise<KvAnswer>;
  /**
   * In order of the keys, each once; pulled. Resolves when every shard has begun to answer; a shard that breaks off
   * later ends the list with its error. @throws CitadelError `not-found`
   */
  list(request: KvListRequest): Promise<AsyncGenerator<KvRowsBlock>>;
}

/** What is asked of the broker, and what it counts. */

import type { Rights } from '../access/rights.ts';
import type { ConsistencyLevel, DataNodeStatus } from '../rpc/data-node-api.ts';

export interface WriteRequest {
  readonly database: string;
  /** '' = the database's default. */
  readonly policy: string;
  /** As the client said it; '' = ns. */
  readonly precision: string;
  /** As the client said it; '' = the default level. */
  readonly consistency: string;
  readonly body: Uint8Array;
}

export interface QueryRequest {
  readonly text: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** The `db` parameter; '' = none. */
  readonly database: string;
  /** The `rp` parameter; '' = the database's default. */
  readonly policy: string;
  /** By HTTP GET, which changes nothing: statements that do are refused, or warned of where that is allowed. */
  readonly readOnly: boolean;
  /** Of whoever asks. */
  readonly rights: Rights;
  /** Ends the query within 100 ms. */
  readonly signal: AbortSignal;
}

/** Counts since start. */
export interface BrokerStats {
  writeRequests: number;
  pointsWritten: number;
  /** Refused by content. */
  pointsDropped: number;
  /** Not stored, or unknown: overload, timeout, failure. */
  pointsFailed: number;
  queriesStarted: number;
  queriesActive: number;
  queriesFailed: number;
  /** How long those that ended took, together. */
  queryMs: number;
}

export type NodeStatus = DataNodeStatus;
export type { ShardStatus } from '../rpc/data-node-api.ts';
export type { ObservedNode } from './cluster/observe-nodes.ts';
export type { ShardVerdict } from './cluster/verify-replicas.ts';

/** What an acknowledged write can count on. */
export interface WriteReport {
  /** Replicas that have it durably; of several parts the fewest. 0 = there was nothing to write. */
  readonly copies: number;
  /** Of several parts the weakest. */
  readonly level: ConsistencyLevel;
}

/** What is asked of the broker, and what it counts. */

import type { Rights } from '../access/rights.ts';
import type { BodyPart } from '../lineprotocol/lineprotocol.ts';
import type { StoredRows } from '../query/ports.ts';
import type { ConsistencyLevel, DataNodeStatus } from '../rpc/data-node-api.ts';

/**
 * Whether whoever asked has gone, and may have asked another node instead. Asked before each attempt to store something;
 * undefined = this process did not stand still meanwhile, so it does not matter: nobody need wait for an answer.
 */
export type IsAbandoned = () => Promise<boolean> | undefined;

/** Where points go, and how safely. */
export interface WriteTarget {
  readonly database: string;
  /** '' = the database's default. */
  readonly policy: string;
  /** As the client said it; '' = the default level. */
  readonly consistency: string;
  readonly isAbandoned?: IsAbandoned | undefined;
}

export interface WriteRequest extends WriteTarget {
  /** As the client said it; '' = ns. */
  readonly precision: string;
  readonly body: Uint8Array;
}

/** Line protocol that came in pieces, such as datagrams: nothing that one leaves open reaches into the next. */
export interface WritePartsRequest extends WriteTarget {
  /** As for a body. */
  readonly precision: string;
  readonly parts: readonly BodyPart[];
}

/** Points with one float field each, by column: what Prometheus and Graphite send. */
export interface FloatPoints {
  readonly series: readonly FloatSeries[];
  readonly rowCount: number;
  /** Per row: index into `series`. This and the next two may be longer than `rowCount`. */
  readonly rowSeries: Uint32Array;
  /** Per row: ns since the Unix epoch. */
  readonly rowTimes: BigInt64Array;
  /** Per row, neither infinite nor NaN. */
  readonly values: Float64Array;
}

export interface FloatSeries {
  /** Canonical (model/series-key.ts). */
  readonly key: Uint8Array;
  /** Name of its field. */
  readonly field: string;
}

export interface WriteFloatsRequest extends WriteTarget {
  /** Each some thousand rows at most; taken one after the other, valid until the next is taken. */
  readonly slices: Iterable<FloatPoints>;
}

/** Points as columns of any type, checked as lines are. */
export interface WriteRowsRequest extends WriteTarget {
  /** Each some thousand rows at most; taken one after the other. */
  readonly slices: Iterable<readonly StoredRows[]>;
}

/** What to delete, as InfluxDB's /api/v2/delete asks. */
export interface DeleteRequest {
  readonly database: string;
  /** '' = the database's default. */
  readonly policy: string;
  /** ns since the Unix epoch, [start, stop). */
  readonly start: bigint;
  readonly stop: bigint;
  /** Equalities of tags and of `_measurement`, joined by AND; '' = everything. */
  readonly predicate: string;
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
  /** Called before rows of INTO are stored; what it throws ends the query. */
  readonly mayStore?: (() => void) | undefined;
}

/** A statement that the node runs by itself. */
export interface OwnStatement {
  readonly text: string;
  readonly database: string;
  readonly signal: AbortSignal;
  readonly mayStore: () => void;
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
  /** Runs of continuous queries. */
  continuousQueriesOk: number;
  continuousQueriesFailed: number;
  /** Set by the service that sends to them. */
  subscribers?: () => readonly SubscriberStatus[];
}

/** One destination of a subscription, as this node sends to it. */
export interface SubscriberStatus {
  readonly database: string;
  readonly policy: string;
  readonly name: string;
  readonly mode: 'ALL' | 'ANY';
  /** URL without its password. */
  readonly destination: string;
  /** Why the last attempt failed; '' = it did not. */
  readonly problem: string;
  readonly pointsSent: number;
  readonly failures: number;
  /** From here on with ANY the same for all destinations. Points that are never taken. */
  readonly pointsRefused: number;
  /** Log entries gone before they were sent, of whatever database; likewise those not sent yet. */
  readonly entriesDropped: number;
  readonly lagEntries: number;
  readonly lagBytes: number;
}

/** An entry of a shard's log that a read must not miss. */
export type { EntryMark } from '../rpc/data-node-api.ts';

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

export type { BodyPart };

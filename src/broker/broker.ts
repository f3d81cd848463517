/**
 * The broker: what a node does for its clients. Writes are parsed once, checked, split by shard and
 * sent to the data nodes; statements are parsed, and answered from the catalog or by scans.
 */

import type { StatementResult } from '../query/result.ts';

export type Precision = 'ns' | 'u' | 'ms' | 's' | 'm' | 'h';

export interface WriteRequest {
  readonly database: string;
  /** '' = the database's default. */
  readonly policy: string;
  readonly precision: Precision;
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
  /** Statements that change something get a warning (HTTP GET). */
  readonly readOnly: boolean;
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
}

export interface Broker {
  readonly stats: BrokerStats;
  /** @throws CitadelError `not-found`: `database not found: "x"` */
  checkDatabase(name: string): void;
  /**
   * Resolves when every line is stored. Otherwise throws a CitadelError with InfluxDB's text:
   * `invalid-argument` (lines were refused, others are stored), `not-found` (retention policy),
   * `timeout` (unknown), `overloaded`, `disk-full`, `unavailable` (not all stored; come again).
   */
  write(request: WriteRequest): Promise<void>;
  /**
   * Parses all statements at once; runs each when its series are pulled.
   *
   * @throws CitadelError `invalid-argument` with what follows `error parsing query: `
   */
  query(request: QueryRequest): AsyncIterable<StatementResult>;
}

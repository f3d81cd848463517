/**
 * Results as they leave the engine: a stream of series pieces per statement, columnar, before formatting.
 * The formatter (JSON, CSV, MessagePack) turns them into bytes; nothing is held whole unless asked for.
 */

import type { MemoryAccount } from '../base/memory-budget.ts';
import type { Column } from '../model/column.ts';

/** What a SHOW row or a computed column may hold. */
export type Cell = string | number | bigint | boolean | null | readonly string[];

/** A column of results: typed arrays on hot paths, plain cells for small answers. `undefined` = all null. */
export type ResultColumn = Column | { readonly type: 'cells'; readonly cells: readonly Cell[] };

/** A piece of one series of a result. Consecutive pieces with equal name and tags belong to one series. */
export interface SeriesPiece {
  /** '' = no name. */
  readonly name: string;
  /** Sorted by key; undefined = none. */
  readonly tags: readonly (readonly [key: string, value: string])[] | undefined;
  readonly columns: readonly string[];
  readonly rowCount: number;
  /** First column when it is the time; undefined when there is no time column (SHOW). */
  readonly times: BigInt64Array | undefined;
  /** The remaining columns. */
  readonly values: readonly (ResultColumn | undefined)[];
  /** IANA zone from tz(), for printing; undefined = UTC. */
  readonly zone: string | undefined;
  /** A whole series in one piece that chunking neither cuts nor marks, as InfluxDB answers some SHOWs. */
  readonly isWhole?: boolean;
}

export interface StatementMessage {
  readonly level: 'warning';
  readonly text: string;
}

/** One statement's answer. Iterating `series` may throw a CitadelError: it becomes the statement's error. */
export interface StatementResult {
  readonly statementId: number;
  readonly messages: readonly StatementMessage[];
  readonly series: AsyncIterable<SeriesPiece>;
  /** For what a format must hold of the answer; undefined = nothing is counted. */
  readonly memory?: MemoryAccount | undefined;
}

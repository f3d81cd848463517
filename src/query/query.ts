/**
 * The query engine's door: a checked statement in, a stream of series pieces out.
 *
 * Pure: data and schema come in through `QueryPorts`, time through `nowNs`. Nothing runs before the
 * answer is iterated; leaving the iteration early stops the scans. Errors are CitadelErrors with
 * InfluxDB's text: `not-found`, `invalid-argument`, `limit-exceeded`, `cancelled`, `unsupported`.
 */

import { CitadelError } from '../base/errors.ts';
import type { SelectStatement } from '../influxql/ast.ts';
import type { QueryPorts } from './ports.ts';
import type { SeriesPiece } from './result.ts';
import type { ShowStatement } from './show/show.ts';

export interface QueryContext {
  /** The `db` parameter; '' = none. */
  readonly database: string;
  /** The `rp` parameter; '' = the database's default. */
  readonly policy: string;
  /** What `now()` is, ns since the Unix epoch. */
  readonly nowNs: bigint;
  readonly ports: QueryPorts;
  readonly signal: AbortSignal;
  /** Rows per piece, about; default 4096. */
  readonly chunkRows?: number;
  /** Lets other work of the thread run; called between slices of a few milliseconds. */
  readonly yieldNow?: () => Promise<void>;
}

export async function* runSelect(
  statement: SelectStatement,
  context: QueryContext,
): AsyncIterable<SeriesPiece> {
  throw new CitadelError('unsupported', `${statement.kind} is not supported yet`, {
    details: { database: context.database },
  });
}

export async function* runShow(
  statement: ShowStatement,
  context: QueryContext,
): AsyncIterable<SeriesPiece> {
  throw new CitadelError('unsupported', `${statement.kind} is not supported yet`, {
    details: { database: context.database },
  });
}

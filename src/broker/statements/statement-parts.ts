/** What statements work with. */

import type { Rights } from '../../access/rights.ts';
import type { RowSink } from '../../query/ports.ts';
import type { QueryContext } from '../../query/query-context.ts';
import type { BrokerParts } from '../parts.ts';
import type { BrokerStats } from '../requests.ts';
import type { RunningQueries } from './running-queries.ts';

export interface StatementParts extends BrokerParts {
  readonly stats: BrokerStats;
  /** Takes the rows of SELECT ... INTO. */
  readonly sink: RowSink;
  readonly queries: RunningQueries;
}

export interface StatementContext extends QueryContext {
  /** Of whoever asks: what a statement lists depends on them. */
  readonly rights: Rights;
  /** See QueryRequest. */
  readonly mayStore: (() => void) | undefined;
}

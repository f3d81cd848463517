/** What statements work with. */

import type { RowSink } from '../../query/ports.ts';
import type { BrokerParts } from '../parts.ts';
import type { BrokerStats } from '../requests.ts';
import type { RunningQueries } from './running-queries.ts';

export interface StatementParts extends BrokerParts {
  readonly stats: BrokerStats;
  /** Takes the rows of SELECT ... INTO. */
  readonly sink: RowSink;
  readonly queries: RunningQueries;
}

/** What statements work with. */

import type { BrokerParts } from '../parts.ts';
import type { BrokerStats } from '../requests.ts';
import type { RunningQueries } from './running-queries.ts';

export interface StatementParts extends BrokerParts {
  readonly stats: BrokerStats;
  readonly queries: RunningQueries;
}

/** Subscriptions: who is to get a copy of what is written. Stored and listed here; services send the copies. */

import { CitadelError } from '../../base/errors.ts';
import type { CreateSubscriptionStatement } from '../../influxql/statement.ts';
import type { Catalog } from '../../metadata/catalog-view.ts';
import type { SeriesPiece } from '../../query/result.ts';
import type { BrokerParts } from '../parts.ts';
import { makeTable } from './make-table.ts';

/** Scheme, maybe a user, a host of characters that a URL's host may have, and a port. */
const destination =
  /^(?:udp|https?):\/\/(?:[^@/?#\s[\]]*@)?(?:\[[0-9a-f:.%]+\]|[^\s/?#@:[\]\\^`{}|]*):\d+(?:[/?#].*)?$/i;
const badEscape = /%(?![0-9a-f]{2})/i;

function isControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function checkDestination(url: string): void {
  if (destination.test(url) && !badEscape.test(url.split('?')[0] ?? '') && !isControl(url)) return;
  throw new CitadelError('invalid-argument', `invalid subscription URL: ${url}`);
}

export async function createSubscription(
  { catalog: { admin }, env }: Pick<BrokerParts, 'catalog' | 'env'>,
  statement: CreateSubscriptionStatement,
): Promise<void> {
  const { mode, destinations } = statement;
  const createdMs = env.clock.wallMs();
  for (const url of destinations) checkDestination(url);
  await admin.createSubscription(statement, { mode, destinations, createdMs });
}

const columns = ['retention_policy', 'name', 'mode', 'destinations'];

/** A series per database that has any, in the order of its policies. */
export function showSubscriptions({ view, admin }: Catalog): SeriesPiece[] {
  return view.databases.flatMap((db) => {
    const all = admin.view.subscriptions(db.id);
    const rows = db.policies.flatMap((policy) =>
      all
        .filter(({ rpId }) => rpId === policy.id)
        .map(({ name, mode, destinations }) => [policy.name, name, mode, destinations]),
    );
    return rows.length === 0 ? [] : [makeTable(db.name, columns, rows)];
  });
}

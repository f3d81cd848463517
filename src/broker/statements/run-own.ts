/** A statement that the node runs by itself: through the same gates as those of clients, with every right. */

import { allRights } from '../../access/rights.ts';
import type { OwnStatement } from '../requests.ts';
import type { QueryExecutor } from './execute-query.ts';

/** Resolves with how many rows INTO stored. @throws CitadelError as the statement */
export async function runOwn(executor: QueryExecutor, statement: OwnStatement): Promise<number> {
  const request = { ...statement, params: {}, policy: '', readOnly: false, rights: allRights };
  let storedCount = 0;
  for await (const { series } of executor.execute(request)) {
    for await (const { columns, values } of series) {
      const written = values[columns.indexOf('written') - 1];
      if (written?.type === 'integer') storedCount += Number(written.values[0]);
    }
  }
  return storedCount;
}

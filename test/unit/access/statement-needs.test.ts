/** What statements need: the examples of test/support/statement-examples.ts run in test/unit/http/access.test.ts. */

import { expect, test } from 'vitest';
import { allRights, checkStatements, mayRun, noRights } from '../../../src/access/rights.ts';
import { needsOf } from '../../../src/access/statement-needs.ts';
import { parseQuery } from '../../../src/influxql/influxql.ts';
import type { Statement } from '../../../src/influxql/statement.ts';

function needs(q: string, database = 'mine') {
  return needsOf(parseQuery(q)[0]!, database);
}

test('a kind of statement without a rule is refused, to administrators too', () => {
  for (const kind of ['show-secrets', 'constructor', '__proto__', '']) {
    const statement = { kind } as unknown as Statement;
    expect(() => needsOf(statement, 'mine')).toThrow(/nobody may run/);
    expect(mayRun(noRights, [statement], 'mine')).toBe(false);
    expect(() => checkStatements(allRights, [statement], 'mine')).toThrow(/nobody may run/);
  }
});

test('each source and the target, however deep, with the database that its name will mean', () => {
  const [read, write] = [
    (database: string) => ({ right: 'READ', database }),
    (database: string) => ({ right: 'WRITE', database }),
  ];
  expect(needs('SELECT v INTO a..t FROM (SELECT v FROM b..m, (SELECT v FROM m)), c../x/')).toEqual([
    read('b'),
    read('mine'),
    read('c'),
    write('a'),
  ]);
  expect(needs('SHOW SERIES ON a FROM m, b..m, /x/')).toEqual([read('a'), read('b')]);
  const cq = (from: string) =>
    `CREATE CONTINUOUS QUERY q ON a BEGIN SELECT mean(v) INTO t FROM ${from} GROUP BY time(1h) END`;
  expect(needs(cq('m'))).toEqual([read('a'), read('mine'), write('mine')]);
  expect(needs(cq('b..m'), '')).toEqual([read('a'), read('b'), write('a')]);
});

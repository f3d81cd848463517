/** What the list of queries says of one that was killed and has not ended yet. */

import { expect, test } from 'vitest';
import { allRights } from '../../../../src/access/rights.ts';
import { RunningQueries } from '../../../../src/broker/statements/running-queries.ts';

test('a query is killed once', () => {
  let nowMs = 0;
  const queries = new RunningQueries({ monotonicMs: () => nowMs });
  const ends: string[] = [];
  const end = (reason: Error) => ends.push(reason.message);
  const id = queries.add({ statements: [], database: 'db', user: '', end });
  queries.kill(BigInt(id));
  expect(() => queries.kill(BigInt(id))).toThrow('already killed');
  expect(ends).toEqual(['query interrupted']);
  nowMs = 61_234.5;
  expect(queries.show(allRights).values.at(-1)).toEqual({ type: 'cells', cells: ['killed'] });
  expect(queries.show(allRights).values.at(-2)).toEqual({ type: 'cells', cells: ['1m1s'] });
  expect(queries.remove(id)).toBe(61_234.5);
  expect(() => queries.kill(BigInt(id))).toThrow('no such query id: 1');
});

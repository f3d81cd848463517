/**
 * Goal: a thread that has a series of a plan is always asked.
 * Method: random series and conditions; the sieve is looked at through the memory it shares, as another thread does.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RowExpr, ShardPlan } from '../../../src/model/plan.ts';
import { encodeSeriesKey, type SeriesName } from '../../../src/model/series-key.ts';
import { compileTagCondition } from '../../../src/scan/tag-condition.ts';
import { DatabaseIndex } from '../../../src/tstore/index/database-index.ts';
import { markPlan, ValueSieve } from '../../../src/tstore/value-sieve.ts';

const text = fc.constantFrom('a', 'b', 'c', 'd', 'ä', '\u{1f600}', '\udc80');
const tagKey = fc.constantFrom('host', 'rack');

const comparison: fc.Arbitrary<RowExpr> = fc
  .tuple(tagKey, text, text, fc.constantFrom('=', '!=', '=~'))
  .map(([name, value, other, op]): RowExpr => {
    const left: RowExpr = { kind: 'tag', name };
    if (op !== '=~')
      return { kind: 'binary', op: op as '=', left, right: { kind: 'string', value } };
    return { kind: 'binary', op, left, right: { kind: 'regex', pattern: `^(${value}|${other})$` } };
  });
const condition = fc.letrec<{ expr: RowExpr }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 3 },
    comparison,
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), tie('expr'), tie('expr'))
      .map(([op, left, right]): RowExpr => ({ kind: 'binary', op, left, right })),
  ),
})).expr;

const series: fc.Arbitrary<SeriesName> = fc
  .tuple(fc.constantFrom('m', 'n'), fc.option(text), fc.option(text))
  .map(([measurement, host, rack]) => ({
    measurement,
    tags: [
      ...(host === null ? [] : [['host', host] as [string, string]]),
      ...(rack === null ? [] : [['rack', rack] as [string, string]]),
    ],
  }));

function planOf(where: RowExpr | undefined, dbId = 'aa'): ShardPlan {
  return {
    dbId,
    rpId: 'bb',
    measurement: 'm',
    range: { min: 0n, max: 1n },
    where,
    dimensions: [],
    descending: false,
    output: { kind: 'raw', columns: [], rowLimit: 0 },
  };
}

function isHost(value: string): RowExpr {
  const left: RowExpr = { kind: 'tag', name: 'host' };
  return { kind: 'binary', op: '=', left, right: { kind: 'string', value } };
}

test('what a series passes is not denied', async () => {
  await fc.assert(
    fc.property(fc.array(series, { maxLength: 8 }), condition, (names, where) => {
      const sieve = new ValueSieve();
      const index = new DatabaseIndex('aa', sieve);
      for (const name of names) index.findOrAdd(encodeSeriesKey(name));
      sieve.declareWhole();
      const passes = compileTagCondition(where);
      const has = names.some((name) => name.measurement === 'm' && passes(name));
      if (has) expect(new ValueSieve(sieve.memory).mayAnswer(markPlan(planOf(where)))).toBe(true);
    }),
  );
});

test('values that came after the sieve was shared are known, unknown ones are denied', () => {
  const sieve = new ValueSieve();
  const index = new DatabaseIndex('aa', sieve);
  const seen = new ValueSieve(sieve.memory);
  const asked = planOf(isHost('a'));
  expect(seen.mayAnswer(markPlan(asked))).toBe(true);
  sieve.declareWhole();
  expect(seen.mayAnswer(markPlan(asked))).toBe(false);
  expect(seen.mayAnswer(markPlan(planOf(undefined)))).toBe(true);
  index.findOrAdd(encodeSeriesKey({ measurement: 'm', tags: [['host', 'a']] }));
  expect(seen.mayAnswer(markPlan(asked))).toBe(true);
  expect(seen.mayAnswer(markPlan(planOf(isHost('a'), 'cc')))).toBe(false);
});

test('few of many absent values are taken for present', () => {
  const sieve = new ValueSieve();
  const index = new DatabaseIndex('aa', sieve);
  for (let i = 0; i < 20_000; i++) {
    index.findOrAdd(encodeSeriesKey({ measurement: 'm', tags: [['host', `host_${i}`]] }));
  }
  sieve.declareWhole();
  let taken = 0;
  for (let i = 20_000; i < 30_000; i++)
    if (sieve.mayAnswer(markPlan(planOf(isHost(`host_${i}`))))) taken++;
  expect(taken).toBeLessThan(20);
});

/**
 * Goal: a SELECT that InfluxDB refuses is refused with the same words, and no other is.
 * Method: the answers of a real influxd, recorded by record-check.ts, against ours.
 */

import { expect, test } from 'vitest';
import { type CheckCase, checkAnswer, checkedFile } from './check-cases.ts';
import { readCases } from './parse-cases.ts';

const nowNs = 1_600_000_000_000_000_000n;

test('checks answer as the reference did', () => {
  const cases = readCases<CheckCase>(checkedFile);
  expect(cases.length).toBeGreaterThan(350);
  const ours = cases.map(({ query }) => ({ query, error: checkAnswer(query, nowNs) }));
  expect(ours).toEqual(
    cases.map(({ query, error, ours: own }) => ({ query, error: own ?? error })),
  );
});

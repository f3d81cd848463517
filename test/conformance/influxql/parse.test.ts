/**
 * Goal: every text parses, prints and fails exactly as with InfluxDB's own parser.
 * Method: its answers, recorded in cases/ by record-parse.ts, against ours.
 */

import { describe, expect, test } from 'vitest';
import {
  caseFiles,
  expectedAnswer,
  type ParseCase,
  parseAnswer,
  readCases,
} from './parse-cases.ts';

describe.each(caseFiles())('%s', (file) => {
  const cases = readCases<ParseCase>(file);

  test('answers as the reference did', () => {
    const ours = cases.map(({ query }) => ({ query, ...parseAnswer(query) }));
    expect(ours).toEqual(cases.map((item) => ({ query: item.query, ...expectedAnswer(item) })));
  });
});

test('the cases are many and both good and bad', () => {
  const all = caseFiles().flatMap((file) => readCases<ParseCase>(file));
  const good = all.filter((item) => item.printed !== undefined).length;
  expect(all.length).toBeGreaterThan(600);
  expect(good).toBeGreaterThan(200);
  expect(all.length - good).toBeGreaterThan(200);
});

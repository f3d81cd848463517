/**
 * Goal: answers are byte for byte those of InfluxDB. Method: cases/select.json holds what a real
 * influxd 1.6.7 answered to the sample points; the engine answers over the reference store, whose
 * streams and tiny blocks make every answer pass the merges.
 */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ReferenceStore } from '../../support/reference-store.ts';
import { type RunOptions, runQuery } from '../../support/run-query.ts';
import { samplePoints } from './sample-data.ts';

interface Case {
  readonly query: string;
  readonly options: RunOptions;
  readonly answer: string;
}

const cases = JSON.parse(
  readFileSync(new URL('./cases/select.json', import.meta.url), 'utf8'),
) as readonly Case[];

test('there are cases', () => {
  expect(cases.length).toBeGreaterThan(300);
});

for (const streamCount of [1, 4]) {
  const store = new ReferenceStore({ streamCount, blockRows: 3 });
  store.write(...samplePoints);
  for (const { query, options, answer } of cases) {
    test(`${streamCount} streams: ${query}`, async () => {
      expect(await runQuery(store, query, options)).toBe(answer);
    });
  }
}

/**
 * Records what a real influxd with an empty database says to the queries of cases/checked/select.json.
 * Usage: node --import tsx test/conformance/influxql/record-check.ts
 */

import { startInfluxd } from '../../support/influxd-process.ts';
import { type CheckCase, checkedFile } from './check-cases.ts';
import { readCases, writeCases } from './parse-cases.ts';

interface Answer {
  readonly error?: string;
  readonly results?: readonly { readonly error?: string }[];
}

const influxd = await startInfluxd();
await influxd.request('/query', { q: 'CREATE DATABASE db' }, { method: 'POST' });
const recorded: CheckCase[] = [];
for (const { query, ours } of readCases<CheckCase>(checkedFile)) {
  const response = await influxd.request('/query', { db: 'db', q: query });
  const answer = response.json() as Answer;
  const error = answer.error?.replace(/^error parsing query: /, '') ?? answer.results?.[0]?.error;
  recorded.push({
    query,
    ...(error === undefined ? {} : { error }),
    ...(ours === undefined ? {} : { ours }),
  });
}
await influxd.stop();
writeCases(checkedFile, recorded);
process.stdout.write(`${recorded.length} cases recorded\n`);

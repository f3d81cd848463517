/**
 * Records the reference parser's answers to all parse cases: reads the queries of cases/*.json and
 * rewrites the answers (`ours`, written by hand, stays). Usage: node --import tsx test/conformance/influxql/record-parse.ts
 */

import { openOracle } from './oracle.ts';
import { caseFiles, type ParseCase, readCases, writeCases } from './parse-cases.ts';

const oracle = openOracle();
let count = 0;
for (const file of caseFiles()) {
  const known = readCases<ParseCase>(file);
  const answers = oracle.parse(known.map((item) => item.query));
  const cases = known.map(({ query, ours }, i) => ({
    query,
    ...answers[i],
    ...(ours === undefined ? {} : { ours }),
  }));
  writeCases(file, cases);
  count += cases.length;
}
oracle.close();
process.stdout.write(`${count} cases recorded\n`);

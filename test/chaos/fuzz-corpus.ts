/** What the fuzzers start from: the conformance corpora, and data that many of the queries match. */

import { readdirSync, readFileSync } from 'node:fs';

interface Case {
  readonly query?: string;
  readonly body?: string;
}

function readCases(path: string): Case[] {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Case[];
}

const queryFolder = '../conformance/influxql/cases/';

/** Statements; those on top are legal and find data. */
export function readQueries(): string[] {
  const folder = new URL(queryFolder, import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return [
    'SELECT * FROM m',
    'SELECT mean(v), max(i) FROM m WHERE time >= 0 AND time < 10m GROUP BY time(1m), host fill(linear)',
    'SELECT v + i, s FROM m, cpu WHERE host =~ /a|b/ AND (v > 3 OR b = true) LIMIT 5 OFFSET 2',
    'SELECT percentile(v, 90), distinct(s) FROM /.*/ GROUP BY *',
    'SELECT count(x) FROM (SELECT max(v) AS x FROM m GROUP BY host, time(1m)) WHERE time < 1h',
    'SHOW TAG VALUES FROM m WITH KEY IN ("host", region) WHERE v > 2',
    'DELETE FROM m WHERE time < 3',
    "DROP SERIES FROM cpu WHERE host = 'a'",
    ...files
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => readCases(queryFolder + name))
      .flatMap(({ query }) => (query === undefined ? [] : [query])),
  ];
}

export function readBodies(): string[] {
  return readCases('../conformance/cases/line-protocol.json').flatMap(({ body }) =>
    body === undefined ? [] : [body],
  );
}

/** Every field type, missing values, several series and measurements the corpora ask for. */
export function makeFuzzData(): string {
  const lines: string[] = [];
  for (const measurement of ['m', 'cpu', 'mem', 'h2o_feet']) {
    for (let row = 0; row < 120; row++) {
      const tags = `host=${'abc'[row % 3]},region=${row % 2 === 0 ? 'eu' : 'us'}`;
      const extra = row % 5 === 0 ? `,b=${row % 2 === 0},u="only some"` : '';
      const fields = `v=${row / 4},value=${row},f=${-row}.5,i=${row * 7}i,s="t${row % 9}"${extra}`;
      lines.push(`${measurement},${tags} ${fields} ${row * 10_000_000_000}`);
    }
  }
  return lines.join('\n');
}

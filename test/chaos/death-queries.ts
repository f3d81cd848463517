/** Queries that ask for more than any server should give, each for a reason of its own. */

import { startS } from './death-load.ts';

export interface DeathQuery {
  readonly name: string;
  readonly q: string;
  readonly more?: Readonly<Record<string, string>>;
}

const year = `time >= ${startS}s AND time < ${startS}s + 365d`;
const day = `time >= ${startS}s AND time < ${startS}s + 1d`;

export const deathQueries: readonly DeathQuery[] = [
  { name: 'everything', q: 'SELECT * FROM /.*/' },
  { name: 'everything, chunked', q: 'SELECT * FROM /.*/', more: { chunked: 'true' } },
  { name: 'everything by series', q: 'SELECT * FROM /.*/ GROUP BY *' },
  { name: 'everything, backwards', q: 'SELECT * FROM /.*/ ORDER BY time DESC LIMIT 1000000' },
  {
    name: 'windows of a nanosecond',
    q: `SELECT count(v) FROM m0 WHERE ${year} GROUP BY time(1ns)`,
  },
  {
    name: 'windows of a nanosecond, not filled',
    q: `SELECT mean(v) FROM /.*/ WHERE ${year} GROUP BY time(1ns) fill(none)`,
  },
  {
    name: 'windows of a nanosecond of a median',
    q: `SELECT median(v) FROM m0 WHERE ${year} GROUP BY time(1ns), * fill(previous)`,
  },
  { name: 'regex on long tags', q: 'SELECT * FROM long WHERE t =~ /(a+)+$/' },
  {
    name: 'regex on long tags, not',
    q: 'SELECT count(v) FROM long WHERE t !~ /^(([a-z])+.)+[A-Z]$/',
  },
  { name: 'regex on texts', q: 'SELECT v FROM long WHERE s =~ /(x+x+)+y/ OR t =~ /(a|aa)+$/' },
  { name: 'regex of measurements', q: 'SHOW TAG VALUES FROM /(m+)+$/ WITH KEY =~ /(t+)+$/' },
  { name: 'every value by rank', q: 'SELECT percentile(v, 50), median(v), mode(v) FROM /.*/' },
  { name: 'every value once', q: 'SELECT distinct(v) FROM /.*/' },
  { name: 'values counted', q: 'SELECT count(distinct(v)) FROM /.*/' },
  { name: 'a million best rows', q: 'SELECT top(v, 1000000) FROM /m.*/' },
  { name: 'a million picked rows', q: 'SELECT sample(v, 1000000) FROM /m.*/' },
  {
    name: 'rows regrouped by a subquery',
    q: `SELECT median(x) FROM (SELECT v AS x FROM /m.*/ GROUP BY host) WHERE ${day} GROUP BY time(1s)`,
  },
  {
    name: 'a transformation of all rows',
    q: 'SELECT cumulative_sum(x) FROM (SELECT derivative(v, 1s) AS x FROM /m.*/)',
  },
];

/** Run many times at once, by their number. */
export function heavyQuery(i: number): DeathQuery {
  const heavy: readonly string[] = [
    'SELECT * FROM /m.*/ LIMIT 200000',
    `SELECT mean(v), stddev(n) FROM /m.*/ WHERE ${day} GROUP BY time(1m), host`,
    'SELECT percentile(v, 90) FROM /m.*/ GROUP BY host',
    'SELECT top(v, 1000) FROM /m.*/',
    `SELECT count(v) FROM m1 WHERE ${year} AND v > ${i} GROUP BY time(1s), * fill(none)`,
    'SELECT count(distinct(v)) FROM m2',
    `SELECT max(v) - min(n) FROM (SELECT v, n FROM /m.*/ WHERE n > 10) WHERE ${day} GROUP BY time(1m)`,
    'SHOW SERIES',
  ];
  const q = heavy[i % heavy.length]!;
  return { name: `heavy ${i}`, q, ...(i % 3 === 0 ? { more: { chunked: 'true' } } : {}) };
}

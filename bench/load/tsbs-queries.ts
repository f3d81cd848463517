/** The queries of the TSBS `cpu-only` set that are compared, over the day the generator writes. */

import { tsbsFields } from '../tsbs/tsbs-cpu.ts';

export interface BenchQuery {
  readonly name: string;
  readonly text: string;
}

const between = (from: string, until: string): string => `time >= '${from}' AND time < '${until}'`;
const day = between('2016-01-01T00:00:00Z', '2016-01-02T00:00:00Z');
const each = (fn: string): string => tsbsFields.map((field) => `${fn}(${field})`).join(', ');
const eightHosts = [3, 11, 24, 37, 48, 59, 72, 95]
  .map((h) => `hostname = 'host_${h}'`)
  .join(' OR ');

export const tsbsQueries: readonly BenchQuery[] = [
  {
    name: 'double-groupby-all',
    text: `SELECT ${each('mean')} FROM cpu WHERE ${day} GROUP BY time(1h), hostname`,
  },
  {
    name: 'high-cpu-all',
    text: `SELECT * FROM cpu WHERE usage_user > 90.0 AND ${between('2016-01-01T06:00:00Z', '2016-01-01T18:00:00Z')}`,
  },
  {
    name: 'cpu-max-all-8',
    text: `SELECT ${each('max')} FROM cpu WHERE (${eightHosts}) AND ${between('2016-01-01T08:00:00Z', '2016-01-01T16:00:00Z')} GROUP BY time(1h)`,
  },
  { name: 'lastpoint', text: 'SELECT * FROM cpu GROUP BY hostname ORDER BY time DESC LIMIT 1' },
  {
    name: 'single-groupby-1-1-1',
    text: `SELECT max(usage_user) FROM cpu WHERE hostname = 'host_42' AND ${between('2016-01-01T10:00:00Z', '2016-01-01T11:00:00Z')} GROUP BY time(1m)`,
  },
  {
    name: 'groupby-orderby-limit',
    text: `SELECT max(usage_user) FROM cpu WHERE ${between('2016-01-01T00:00:00Z', '2016-01-01T20:00:00Z')} GROUP BY time(1m) ORDER BY time DESC LIMIT 5`,
  },
];

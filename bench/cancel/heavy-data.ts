/** Data on which queries are busy for seconds, each kind with another kind of work. */

import type { CitadelProcess } from '../../test/support/citadel-process.ts';

export const database = 'heavy';
/** Seconds since the Unix epoch. */
const startS = 1_700_000_000;
const hosts = 1_000;
const rowsPerBody = 10_000;
const longTags = 500;
const longTag = `${'a'.repeat(30_000)}!`;
const longBodyRows = 50;
const seriesMeasurement = 'many';

async function write(server: CitadelProcess, lines: readonly string[]): Promise<void> {
  const params = { db: database, precision: 's' };
  const options = { method: 'POST', body: lines.join('\n'), timeoutMs: 60_000 };
  for (;;) {
    const { status, text } = await server.request('/write', params, options);
    if (status === 204) return;
    if (status !== 503) throw new Error(`cannot load: ${status} ${text().slice(0, 300)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function writeAll(
  server: CitadelProcess,
  count: number,
  line: (i: number) => string,
  bodyRows = rowsPerBody,
): Promise<void> {
  for (let from = 0; from < count; from += bodyRows) {
    const size = Math.min(bodyRows, count - from);
    await write(
      server,
      Array.from({ length: size }, (_, i) => line(from + i)),
    );
  }
}

/** `rows` points of 1,000 hosts, as many series in another measurement as a fifth of that, and long tags and texts. */
export async function loadHeavy(server: CitadelProcess, rows: number): Promise<void> {
  await server.request('/create', { db: database }, { method: 'POST' });
  const second = (i: number) => startS + Math.floor(i / hosts);
  await writeAll(
    server,
    rows,
    (i) => `m,host=h${i % hosts} v=${i}.25,n=${i % 1_000}i ${second(i)}`,
  );
  await writeAll(
    server,
    rows / 5,
    (i) => `${seriesMeasurement},id=s${i},group=g${i % 100} v=${i}i ${startS}`,
  );
  const long = (i: number) => `long,t=${i}${longTag} v=${i} ${startS}`;
  await writeAll(server, longTags, long, longBodyRows);
  const text = (i: number) => `texts,host=h${i % 10} s="${i}${longTag}" ${startS + i}`;
  await writeAll(server, longTags, text, longBodyRows);
}

const times = 40;

function repeated(q: string): string {
  return Array<string>(times).fill(q).join(';');
}

const day = `time >= ${startS}s AND time < ${startS + 86_400}s`;

/** What a query is busy with -> such a query, which runs for seconds. */
export const heavyQueries: Readonly<Record<string, string>> = {
  'scan of rows': repeated('SELECT mean(v), stddev(n) FROM m WHERE v * n > 3'),
  'sorted values': repeated('SELECT percentile(v, 50), mode(n) FROM m'),
  'raw rows': repeated('SELECT * FROM m ORDER BY time DESC'),
  'group by many': repeated('SELECT mean(v) FROM m GROUP BY time(1s), host'),
  'group by series': repeated(`SELECT last(v) FROM ${seriesMeasurement} GROUP BY *`),
  'windows to fill': `SELECT count(v) FROM m WHERE time >= ${startS - 45_000_000}s AND time < ${startS + 45_000_000}s GROUP BY time(1s) LIMIT 1 OFFSET 89999999`,
  'best rows': repeated('SELECT top(v, 100000) FROM m'),
  'distinct values': repeated('SELECT count(distinct(v)) FROM m'),
  'regex, long tags': 'SELECT v FROM long WHERE t =~ /(a+)+$/ AND t !~ /(a|aa)+$/',
  'regex, long texts': repeated('SELECT s FROM texts WHERE s =~ /(a+)+$/'),
  'regex, many tags': repeated(`SELECT v FROM ${seriesMeasurement} WHERE id =~ /s.*[13579]+7.*$/`),
  'regex, SHOW': `SHOW TAG VALUES FROM long WITH KEY =~ /t+/ WHERE t =~ /(a+)+$/`,
  holt_winters: `SELECT holt_winters(mean(v), 100, 24) FROM m WHERE ${day} GROUP BY time(1s), host`,
  'holt_winters, one series': `SELECT holt_winters(count(v), 100, 500) FROM m WHERE time >= ${startS}s AND time < ${startS + 900_000}s GROUP BY time(1s) fill(1)`,
  subquery: `SELECT mean(x) FROM (SELECT sum(v) AS x FROM m WHERE ${day} GROUP BY time(1ms) fill(0))`,
  'SHOW SERIES': repeated('SHOW SERIES'),
  'SHOW TAG VALUES': repeated(`SHOW TAG VALUES FROM ${seriesMeasurement} WITH KEY = id`),
  'SHOW cardinality': repeated('SHOW SERIES EXACT CARDINALITY'),
};

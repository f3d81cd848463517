/**
 * Goal: the `influx` shell of InfluxDB 1.x does against Citadel what it does against InfluxDB.
 * Method: the real shell (Debian package influxdb-client) runs the same commands against both servers, in
 * every way it takes them, and what it prints must be the same.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { havePackages } from '../support/debian-packages.ts';
import { runProgram } from './run-program.ts';
import { type ServerPair, startPair } from './server-pair.ts';

/** The machine may be slow; no test waits for its own sake. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const dumpLines = Array.from({ length: 600 }, (_, n) => [
  `load,host=h${n % 3},os=a\\ b v=${n / 4},n=${n}i,ok=${n % 2 === 0},s="te\\"xt, ${n}" ${n * 1_000_000_000}`,
]).flat();

const dump = [
  '# DDL',
  'CREATE DATABASE shell',
  'CREATE RETENTION POLICY other ON shell DURATION INF REPLICATION 1',
  '',
  '# DML',
  '# CONTEXT-DATABASE: shell',
  '',
  ...dumpLines,
  '# CONTEXT-RETENTION-POLICY: other',
  'second v=1 1',
  'second v=-2.5e-3 -1000000000',
  'bad line',
  '',
].join('\n');

/** Figures and verdicts; times and speeds are each run's own. */
function importVerdict(stderr: string): string[] {
  return stderr
    .split('\n')
    .map((line) => line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, ''))
    .filter((line) => /^(Processed|Failed)/.test(line));
}

/** What the terminal shows when these lines are typed; the shell reads USE only from a terminal. */
async function typeInto(port: number, lines: readonly string[]): Promise<string> {
  const command = `influx -host 127.0.0.1 -port ${port}`;
  const input = `${lines.join('\n')}\n`;
  const { stdout } = await runProgram('script', ['-qec', command, '/dev/null'], { input });
  return stdout.replaceAll('\r', '');
}

describe.skipIf(!havePackages('influxdb', 'influxdb-client'))('the influx shell', () => {
  let pair: ServerPair;

  beforeAll(async () => {
    pair = await startPair();
  });

  afterAll(() => pair?.stop());

  /** One run of the shell against each; both must end and print alike. */
  async function expectSame(args: readonly string[], input?: string): Promise<string> {
    const { ours, theirs } = await pair.bothSettled(({ port }) =>
      runProgram('influx', ['-host', '127.0.0.1', '-port', String(port), ...args], {
        ...(input !== undefined && { input }),
      }),
    );
    expect(ours).toEqual(theirs);
    return ours.stdout;
  }

  test('-import, plain and compressed, counts alike and stores alike', async () => {
    const plain = join(pair.directory, 'dump.txt');
    const packed = join(pair.directory, 'dump.gz');
    writeFileSync(plain, dump);
    writeFileSync(packed, gzipSync(dump.replaceAll('load,', 'packed,')));
    for (const args of [
      ['-path', plain],
      ['-path', packed, '-compressed'],
    ]) {
      const { ours, theirs } = await pair.both(({ port }) =>
        runProgram('influx', ['-host', '127.0.0.1', '-port', String(port), '-import', ...args]),
      );
      expect(importVerdict(ours.stderr + ours.stdout)).toEqual(
        importVerdict(theirs.stderr + theirs.stdout),
      );
      expect(importVerdict(ours.stderr + ours.stdout).length).toBeGreaterThan(0);
      expect(ours.status).toBe(theirs.status);
    }
    const counts = await expectSame([
      '-database',
      'shell',
      '-execute',
      'SELECT count(*) FROM load, packed, shell.other.second',
    ]);
    expect(counts).toContain('600');
  });

  const query =
    'SELECT * FROM load WHERE n < 5; SELECT mean(v) FROM load GROUP BY host; SHOW FIELD KEYS';

  test.each([
    'column',
    'column -precision rfc3339',
    'csv',
    'csv -precision ms',
    'json',
    'json -pretty',
    'json -precision s',
    'json -pretty -precision rfc3339',
  ])('-execute -format %s', async (format) => {
    const flags = ['-format', ...format.split(' ')];
    const printed = await expectSame(['-database', 'shell', '-execute', query, ...flags]);
    expect(printed).toContain('h1');
  });

  test('INSERT, into policies too, and what it refuses', async () => {
    const execute = (text: string) => expectSame(['-database', 'shell', '-execute', text]);
    await execute('INSERT typed,host=a v=1.5,s="x y" 1000000000');
    await execute('INSERT INTO other typed,host=b v=2 2000000000');
    await execute('INSERT typed,host=a v="text" 1000000000');
    await execute('INSERT typed');
    expect(await execute('SELECT * FROM typed, shell.other.typed')).toContain('x y');
    await expectSame(['-database', 'nowhere', '-execute', 'INSERT m v=1']);
    await expectSame(['-execute', 'SELECT * FROM m']);
    await expectSame(['-database', 'shell', '-execute', 'SELECT mean( FROM m']);
  });

  test('a script on standard input', async () => {
    const script =
      'SHOW MEASUREMENTS;\nSHOW TAG VALUES WITH KEY = host;\nSELECT last(n) FROM load\n';
    expect(await expectSame(['-database', 'shell', '-format', 'csv'], script)).toContain('599');
  });

  test('typed into a terminal: USE, settings, chunked, SHOW', async () => {
    const lines = [
      'CREATE DATABASE typing',
      'USE typing',
      'USE nowhere',
      'INSERT cpu,host=a value=1.5 1000000000',
      'INSERT cpu,host=b value=2,i=3i 2000000000',
      'precision rfc3339',
      'SELECT * FROM cpu',
      'format csv',
      'chunk size 1',
      'SELECT * FROM cpu',
      'chunked',
      'format json',
      'pretty',
      'SELECT * FROM cpu GROUP BY host',
      'USE shell.other',
      'SELECT * FROM second',
      'SHOW SERIES',
      'SHOW RETENTION POLICIES ON typing',
      'SELECT * FROM nowhere..cpu',
      'DROP DATABASE typing',
      'SHOW DATABASES',
      'exit',
    ];
    const { ours, theirs } = await pair.bothSettled(async ({ port }) => {
      const shown = await typeInto(port, lines);
      return shown.replaceAll(String(port), 'PORT').replace(/version \S+/, 'version V');
    });
    expect(ours).toBe(theirs);
    expect(ours).toContain('Using database typing');
    expect(ours).toContain('1970-01-01T00:00:02Z');
  });

  test('typed into a terminal: what it shows, to the letter', async () => {
    const lines = [
      'CREATE DATABASE mydb',
      'USE mydb',
      'INSERT cpu,host=a value=1.5 1000000000',
      'INSERT cpu,host=b value=2,s="x y",i=3i,b=true 2000000000',
      'SELECT * FROM cpu',
      'precision rfc3339',
      "SELECT value FROM cpu WHERE host = 'a'",
      'SHOW MEASUREMENTS',
      'SHOW TAG VALUES WITH KEY = host',
      'INSERT bad',
      "DELETE FROM cpu WHERE host = 'a'",
      'SELECT count(value) FROM cpu',
      'SELECT * FROM nowhere..cpu',
      'DROP DATABASE mydb',
      'SHOW DATABASES',
    ];
    const shown = await typeInto(pair.citadel.port, [...lines, 'exit']);
    for (const part of [
      /Connected to http:\/\/127.0.0.1:\d+ version 1\.8\.10/,
      /Using database mydb/,
      /time +b +host +i +s +value\n.*\n1000000000 +a +1\.5\n2000000000 +true +b +3 +x y +2\n/,
      /time +value\n.*\n1970-01-01T00:00:01Z +1\.5\n/,
      /name: measurements\nname\n-+\ncpu\n/,
      /key +value\n.*\nhost +a\nhost +b\n/,
      /ERR: \{"error":"unable to parse 'bad': missing fields"\}/,
      /time +count\n.*\n1970-01-01T00:00:00Z +1\n/,
      /ERR: database not found: nowhere/,
    ]) {
      expect(shown).toMatch(part);
    }
    const databases = shown.slice(shown.lastIndexOf('name: databases'));
    expect(databases).toContain('shell');
    expect(databases).not.toContain('mydb');
  });
});

/** What the persistence test does and asks: data chosen to cross files, partitions and policies. */

export interface PersistenceStep {
  readonly name: string;
  readonly statements?: readonly string[];
  readonly writes?: readonly {
    readonly db?: string;
    readonly rp?: string;
    /** Text, or bytes as Latin-1. */
    readonly lines: string | readonly string[];
  }[];
  /** Where the data goes afterwards; questions are asked at each. */
  readonly moves: readonly ('flush' | 'restart' | 'kill')[];
}

const week = 604_800_000_000_000;

/** One point a week for more than a year, two hosts, values of every type. */
function weeklyLines(version: number): string {
  const lines: string[] = [];
  for (let i = 0; i < 60; i++) {
    const at = BigInt(i) * BigInt(week) + 1_400_000_000_000_000_000n;
    const fields = `f=${i / 8 + version},i=${i * 1_000_003 + version}i,s="v${i % 7}-${version}",b=${i % 2 === 0}`;
    lines.push(`weekly,host=${i % 2 === 0 ? 'a' : 'b'} ${fields} ${at}`);
  }
  return lines.join('\n');
}

/** Several thousand points of one series, so that it takes more than one chunk. */
function denseLines(from: number, count: number, value: number): string {
  const lines: string[] = [];
  for (let i = from; i < from + count; i++) lines.push(`dense v=${value + (i % 10)},n=${i}i ${i}`);
  return lines.join('\n');
}

const extremes = `ends v=1,big=9223372036854775807i 9223372036854775806
ends v=2,big=-9223372036854775808i -9223372036854775806
ends v=-0,big=0i 0
ends v=5e-324,big=9007199254740993i 1
ends v=1.7976931348623157e308,big=-9007199254740993i 2`;

const oddNames = `__proto__,constructor=toString __proto__=1,hasOwnProperty="x" 1
constructor,__proto__=x valueOf=true 2
\u{1f600},\u{1f511}=\u{1f600}\\ \\,\\= \u{1f4c8}="a\\"b\\\\c\nd" 3
sp\\ ace\\,d,k\\ e\\=y=v\\ a\\,l f\\ \\,x=1 4`;

const notUtf8 = ['bytes,t=\xff\xfe s="\x80\xc3" 1\n', 'bytes,t=\xe4 s="\xf0\x9f" 2\n'];

export const steps: readonly PersistenceStep[] = [
  {
    name: 'first data',
    statements: [
      'CREATE DATABASE p',
      'CREATE DATABASE "__proto__"',
      'CREATE RETENTION POLICY hourly ON p DURATION INF REPLICATION 1 SHARD DURATION 1h',
      'CREATE RETENTION POLICY daily ON p DURATION INF REPLICATION 1 SHARD DURATION 1d',
    ],
    writes: [
      { lines: weeklyLines(0) },
      { lines: extremes },
      { lines: oddNames },
      { lines: notUtf8 },
      { lines: denseLines(0, 9_000, 0) },
      {
        rp: 'hourly',
        lines: 'cpu,h=a v=1 0\ncpu,h=b v=2 3600000000000\ncpu,h=a v=3 7200000000000',
      },
      { rp: 'daily', lines: 'cpu,h=a v=10 0\ncpu,h=b v=20 86400000000000' },
      { db: '__proto__', lines: 'm v=1 1' },
    ],
    moves: ['flush', 'restart'],
  },
  {
    name: 'late data over files',
    writes: [
      { lines: weeklyLines(100).split('\n').slice(20, 40).join('\n') },
      { lines: denseLines(4_000, 600, 1_000) },
      { lines: 'dense extra="only here" 4100\ndense v=-1 0\nends v=7 0' },
      { rp: 'hourly', lines: 'cpu,h=a v=-1 3599999999999\ncpu,h=a w=true 0' },
      { lines: 'fresh,a=1 v=1i 5\nfresh,a=2 v=2i 5' },
    ],
    moves: ['kill', 'flush'],
  },
  {
    name: 'deletes, drops and what is written after them',
    statements: [
      'DELETE FROM dense WHERE time >= 4050 AND time < 4200',
      "DELETE FROM weekly WHERE host = 'a' AND time < '2015-01-01T00:00:00Z'",
      "DROP SERIES FROM fresh WHERE a = '1'",
      'DROP MEASUREMENT "constructor"',
      'DROP RETENTION POLICY daily ON p',
      'CREATE RETENTION POLICY daily ON p DURATION INF REPLICATION 1 SHARD DURATION 1d',
      'DROP DATABASE "__proto__"',
      'CREATE DATABASE "__proto__"',
    ],
    writes: [
      { lines: 'dense v=77 4100\nfresh,a=1 v=11i 6' },
      { lines: 'constructor v="now a string" 2' },
      { lines: 'weekly,host=a f=0.5 1400000000000000000' },
      { rp: 'daily', lines: 'cpu,h=b v=0.5 5' },
      { db: '__proto__', lines: 'm v="text" 2' },
    ],
    moves: ['kill', 'restart'],
  },
];

export const questions: readonly string[] = [
  'SHOW DATABASES',
  'SHOW RETENTION POLICIES ON p',
  'SHOW MEASUREMENTS',
  'SHOW SERIES',
  'SHOW TAG KEYS',
  'SHOW FIELD KEYS',
  'SHOW TAG VALUES WITH KEY =~ /./',
  'SELECT * FROM weekly',
  'SELECT * FROM weekly GROUP BY host ORDER BY time DESC LIMIT 7 OFFSET 3',
  'SELECT count(f), sum(i), min(f), max(i), first(s), last(b), mean(f) FROM weekly GROUP BY host',
  "SELECT count(*) FROM weekly WHERE time > '2014-06-01T00:00:00Z' AND time < '2016-01-01T00:00:00Z' GROUP BY time(30d), host fill(none)",
  'SELECT * FROM ends',
  'SELECT count(v), max(big), min(big), first(v), last(v) FROM ends',
  'SELECT v FROM ends WHERE time = 9223372036854775806 OR time = 0',
  'SELECT * FROM "__proto__"',
  'SELECT * FROM "constructor"',
  'SELECT * FROM "\u{1f600}"',
  'SELECT * FROM "sp ace,d"',
  'SELECT * FROM bytes',
  'SELECT count(v), sum(v), sum(n), max(n), count(extra) FROM dense',
  'SELECT v, n, extra FROM dense WHERE time >= 3998 AND time < 4205',
  'SELECT mean(v), count(n) FROM dense WHERE time >= 0 AND time < 9000 GROUP BY time(500ns)',
  'SELECT v FROM dense WHERE v > 1000 AND n < 4010',
  'SELECT * FROM hourly.cpu',
  'SELECT sum(v) FROM hourly.cpu GROUP BY h',
  'SELECT * FROM daily.cpu',
  'SELECT * FROM fresh GROUP BY *',
  'SELECT * FROM "__proto__".autogen.m',
  'SELECT v FROM nothing',
];

/**
 * The data that both servers are loaded with: every type, gaps, odd names, odd times, two retention
 * policies, many series, and rows of the shape of TSBS. Always the same bytes.
 *
 * Two series of one measurement have a time in common only where a case is about that (`same`,
 * `same2`): the reference leaves the order of such rows open.
 */

import { makeRandom } from '../influxql/generate.ts';

export interface DataSet {
  readonly database: string;
  /** '' = the default. */
  readonly policy: string;
  readonly lines: readonly string[];
}

/** 2020-01-01T00:00:00Z */
const start = 1_577_836_800n * 1_000_000_000n;
const second = 1_000_000_000n;

/** A float that is sure to be written as one and read back the same. */
function float(value: number): string {
  return String(value);
}

/** Hosts a, b and c; c has no region; all four types; some fields missing in some rows. */
function cpuLines(seed: number, count: number): string[] {
  const random = makeRandom(seed);
  const hosts = ['host=a,region=eu', 'host=b,region=us', 'host=c'];
  return hosts.flatMap((tags, h) =>
    Array.from({ length: count }, (_, n) => {
      const fields = [`v=${float(Math.round(random() * 10_000) / 100 - 20)}`];
      if (n % 3 !== 2) fields.push(`i=${Math.floor(random() * 1000) - 300}i`);
      if (n % 4 !== 1) fields.push(`s="s${n % 5}"`);
      if (n % 5 !== 3) fields.push(`b=${random() < 0.5}`);
      const time = start + BigInt(n * 10 + h * 3) * second;
      return `cpu,${tags} ${fields.join(',')} ${time}`;
    }),
  );
}

/** Minutes with many, one or no point; an hour of silence. */
function gapLines(): string[] {
  const minutes = [0, 0.2, 0.5, 1, 3, 3.7, 4, 9, 10, 70, 71, 75.5, 90];
  return minutes.flatMap((minute, n) => {
    const time = start + BigInt(Math.round(minute * 60)) * second;
    return [
      `gaps,k=x f=${float(n * 1.5)},n=${n * 7}i ${time}`,
      `gaps,k=y n=${100 - n}i,t="${n % 2 === 0 ? 'even' : 'odd'}" ${time + second / 2n}`,
    ];
  });
}

function oldLines(): string[] {
  const times = [
    '-9223372036854775806',
    '-1000000000000000001',
    '-86400000000001',
    '-1',
    '0',
    '1',
    '86399999999999',
    '1000000000000000000',
    '9223372036854775806',
  ];
  return times.map((time, n) => `old,a=1 v=${n},w=${n}i ${time}`);
}

function nanoLines(): string[] {
  return Array.from(
    { length: 50 },
    (_, n) => `nano,t=${n % 2} v=${float(n / 8)} ${start + BigInt(n)}`,
  );
}

function oddLines(): string[] {
  return [
    `my\\,\\ m\\=1,tag\\ key=tag\\ value,t\\=2=a\\,b,ünï=cödé field\\ key=1,f\\,2="x y",v\\=3=3i ${start}`,
    `my\\,\\ m\\=1,tag\\ key=other,t\\=2=c\\=d,ünï=日本 field\\ key=2,f\\,2="\\"q\\" \\\\ back",v\\=3=4i ${start + second}`,
    `my\\,\\ m\\=1 field\\ key=2.5 ${start + 2n * second}`,
    `select,from=where group=1,by=2 ${start}`,
    `select,from=order group=3 ${start + second}`,
    `1st,2nd=x 3rd=1 ${start}`,
    `"quoted","k"=v "f"=1,plain=2 ${start}`,
    `Cpu,Host=A V=1 ${start}`,
    `time_like,timer=1 times=2,_f=3 ${start}`,
    `texts t="<a href=\\"x\\">&</a>",u="日本語 é 😀" ${start}`,
    `texts t="",u="back\\\\slash" ${start + second}`,
    `texts t="line1\nline2",u="tab\there" ${start + 2n * second}`,
    `texts t="a",u="'single'" ${start + 3n * second}`,
  ];
}

/** A later value of the same row replaces the earlier one, field by field. */
function duplicateLines(): string[] {
  return [
    `dup,k=a v=1,w=1 ${start}`,
    `dup,k=a v=2 ${start}`,
    `dup,k=a w=3,x=4 ${start}`,
    `dup,k=b v=5 ${start + second}`,
    `dup,k=b v=5 ${start + second}`,
    `dup,k=a v=9 ${start + 2n * second}`,
    `dup,k=a v=7 ${start + 2n * second}`,
  ];
}

function integerLines(): string[] {
  const values = [
    '9223372036854775807',
    '-9223372036854775808',
    '9007199254740993',
    '-1',
    '0',
    '1',
  ];
  return values.map(
    (value, n) => `ints,k=${n % 2} i=${value}i,f=${float(n / 3)} ${start + BigInt(n) * second}`,
  );
}

/** Ties in time and in value. */
function tieLines(): string[] {
  return [
    `ties v=5,i=3i,s="b",b=true ${start}`,
    `ties v=1,i=1i,s="a",b=false ${start + second}`,
    `ties v=1,i=1i,s="a",b=true ${start + 2n * second}`,
    `ties v=5,i=3i,s="c",b=false ${start + 3n * second}`,
    `ties v=-0.0,i=2i ${start + 4n * second}`,
    `same,h=a v=1,i=2i,s="x",b=true ${start}`,
    `same,h=b v=3,i=1i,s="z",b=false ${start}`,
    `same,h=c v=2,i=3i,s="y",b=true ${start}`,
    `same,h=a v=4 ${start + second}`,
    `same,h=b v=4 ${start + second}`,
    `same2,h=a v=1 ${start}`,
    `same2,h=b w=2 ${start}`,
  ];
}

/** Hourly, through both changes of clocks of 2019 in Europe and America. */
function clockLines(): string[] {
  const spring = 1_553_731_200n * second; // 2019-03-28T00:00:00Z
  const autumn = 1_571_961_600n * second; // 2019-10-25T00:00:00Z
  const hours = Array.from({ length: 120 }, (_, n) => n);
  return [
    ...hours.map((n) => `clock v=${n},i=${n}i ${spring + BigInt(n) * 3600n * second}`),
    ...hours.map((n) => `clock v=${n + 500},i=${n + 500}i ${autumn + BigInt(n) * 3600n * second}`),
    ...hours.map((n) => `days,k=${n % 3} v=${n} ${spring + BigInt(n) * 43_200n * second}`),
  ];
}

function manyLines(): string[] {
  return Array.from({ length: 300 }, (_, n) => {
    const tags = `a=${n % 7},b=b${n % 13},id=id${String(n).padStart(3, '0')}`;
    return `many,${tags} v=${n},n=${n * n}i ${start + BigInt(n) * second}`;
  });
}

function mixedLines(): string[] {
  return [
    `m1,h=a x=1.5,only1=1 ${start}`,
    `m1,h=b x=2.5 ${start + 10n * second}`,
    `m2,h=a x=7i,only2="z" ${start + 5n * second}`,
    `m2,h=c x=8i ${start + 15n * second}`,
    `m3,h=a x="text" ${start + 7n * second}`,
    `tagfield,x=tag x=1,y=2 ${start}`,
    `tagfield,x=gat x=3,y=4 ${start + second}`,
    `floats tiny=0.0000001,small=0.000001,big=100000000000000000000000,neg=-0.0,third=0.3333333333333333,max=1.7976931348623157e308,min=5e-324 ${start}`,
    `floats tiny=1e-10,small=123456.789,big=1e21,neg=-1.5,third=2,max=0,min=1e20 ${start + second}`,
    `single v=42 ${start}`,
    `bools,k=a b=true ${start}`,
    `bools,k=a b=false ${start + second}`,
    `bools,k=b b=true ${start + 2n * second}`,
  ];
}

/** 20 hosts, 2 hours, a row every 10 s: the shape of TSBS `cpu-only`. */
function tsbsLines(): string[] {
  const random = makeRandom(20_160_101);
  const regions = ['us-west-1', 'eu-west-1', 'ap-southeast-2'];
  const fields = [
    'user',
    'system',
    'idle',
    'nice',
    'iowait',
    'irq',
    'softirq',
    'steal',
    'guest',
    'guest_nice',
  ];
  const hosts = Array.from({ length: 20 }, (_, n) => ({
    tags: `hostname=host_${n},region=${regions[n % 3]},datacenter=${regions[n % 3]}${'abc'[n % 2]},rack=${n % 10},os=Ubuntu16.04LTS,arch=x64,team=SF,service=${n % 5},service_version=1,service_environment=test`,
    values: fields.map(() => Math.round(random() * 100)),
  }));
  const lines: string[] = [];
  for (let step = 0; step < 720; step++) {
    const time = 1_451_606_400n * second + BigInt(step * 10) * second;
    for (const { tags, values } of hosts) {
      for (let f = 0; f < values.length; f++) {
        values[f] = Math.min(100, Math.max(0, values[f]! + Math.round(random() * 2 - 1)));
      }
      const cells = fields.map((field, f) => `usage_${field}=${values[f]}i`).join(',');
      lines.push(`cpu,${tags} ${cells} ${time}`);
    }
  }
  return lines;
}

export const dataSets: readonly DataSet[] = [
  {
    database: 'zoo',
    policy: '',
    lines: [
      ...cpuLines(1, 60),
      ...gapLines(),
      ...oldLines(),
      ...nanoLines(),
      ...oddLines(),
      ...duplicateLines(),
      ...integerLines(),
      ...tieLines(),
      ...clockLines(),
      ...manyLines(),
      ...mixedLines(),
    ],
  },
  { database: 'zoo', policy: 'second', lines: [...cpuLines(2, 20), `only_second v=1 ${start}`] },
  { database: 'tsbs', policy: '', lines: tsbsLines() },
];

/** What has to be there before the data. */
export const preparations: readonly string[] = [
  'CREATE DATABASE zoo',
  'CREATE RETENTION POLICY second ON zoo DURATION INF REPLICATION 1',
  'CREATE DATABASE tsbs',
  'CREATE DATABASE bare',
  'CREATE DATABASE copies',
];

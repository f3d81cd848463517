/**
 * The TSBS `cpu-only` shape, seeded: rows of 10 values with 10 tags, one per host every 10 s from
 * 2016-01-01T00:00:00Z on, values on a random walk in 0..100, as integers or as floats of two decimals.
 *
 * Same seed, same bytes, on every machine.
 */

export interface TsbsOptions {
  readonly hosts: number;
  readonly rows: number;
  readonly float: boolean;
  readonly seed: number;
}

export const tsbsDay: TsbsOptions = { hosts: 100, rows: 864_000, float: false, seed: 123 };

export const tsbsStartNs = 1_451_606_400_000_000_000n;
const intervalS = 10;

export const tsbsFields = [
  'usage_user',
  'usage_system',
  'usage_idle',
  'usage_nice',
  'usage_iowait',
  'usage_irq',
  'usage_softirq',
  'usage_steal',
  'usage_guest',
  'usage_guest_nice',
] as const;

const regions: readonly (readonly [name: string, zones: string])[] = [
  ['us-east-1', 'abce'],
  ['us-west-1', 'ab'],
  ['us-west-2', 'abc'],
  ['eu-west-1', 'abc'],
  ['eu-central-1', 'ab'],
  ['ap-southeast-1', 'ab'],
  ['ap-southeast-2', 'ab'],
  ['ap-northeast-1', 'ac'],
  ['sa-east-1', 'abc'],
];
const systems = ['Ubuntu16.10', 'Ubuntu16.04LTS', 'Ubuntu15.10'];
const arches = ['x64', 'x86'];
const teams = ['SF', 'NYC', 'LON', 'CHI'];
const environments = ['production', 'staging', 'test'];

/** Small and good enough: mulberry32. Returns numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function makeSeries(host: number, random: () => number): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const [region, zones] = pick(regions);
  const tags = [
    `hostname=host_${host}`,
    `region=${region}`,
    `datacenter=${region}${pick([...zones])}`,
    `rack=${Math.floor(random() * 100)}`,
    `os=${pick(systems)}`,
    `arch=${pick(arches)}`,
    `team=${pick(teams)}`,
    `service=${Math.floor(random() * 20)}`,
    `service_version=${Math.floor(random() * 2)}`,
    `service_environment=${pick(environments)}`,
  ];
  return `cpu,${tags.join(',')}`;
}

/** Yields bodies of `rowsPerBody` rows; the last one may be shorter. */
export function* tsbsBodies(options: TsbsOptions, rowsPerBody: number): Generator<Buffer> {
  const { hosts, rows, float, seed } = options;
  const random = seededRandom(seed);
  const series = Array.from({ length: hosts }, (_, host) => makeSeries(host, random));
  const width = tsbsFields.length;
  const state = Float64Array.from({ length: hosts * width }, () => random() * 100);
  for (let start = 0; start < rows; start += rowsPerBody) {
    let text = '';
    for (let row = start; row < Math.min(rows, start + rowsPerBody); row++) {
      const host = row % hosts;
      text += `${series[host]!} `;
      for (let f = 0; f < width; f++) {
        // Three uniform steps are close to one normal step of deviation 1.
        const step = (random() + random() + random() - 1.5) * 2;
        const value = Math.min(100, Math.max(0, state[host * width + f]! + step));
        state[host * width + f] = value;
        text += `${f === 0 ? '' : ','}${tsbsFields[f]!}=${float ? value.toFixed(2) : `${Math.trunc(value)}i`}`;
      }
      const seconds = tsbsStartNs / 1_000_000_000n + BigInt(Math.floor(row / hosts) * intervalS);
      text += ` ${seconds}000000000\n`;
    }
    yield Buffer.from(text, 'latin1');
  }
}

/** `count` series of one field and one row each. */
export function* manySeriesBodies(count: number, rowsPerBody: number): Generator<Buffer> {
  for (let start = 0; start < count; start += rowsPerBody) {
    let text = '';
    for (let i = start; i < Math.min(count, start + rowsPerBody); i++) {
      text += `sensor,building=b${i % 1_000},device=d${i} value=${i % 97}.5 ${tsbsStartNs}\n`;
    }
    yield Buffer.from(text, 'latin1');
  }
}

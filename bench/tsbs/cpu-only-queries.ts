/**
 * The query types of TSBS `cpu-only` in InfluxQL, each with seeded hosts and stretches of time, as TSBS
 * draws them anew for every request.
 */

import { seededRandom, tsbsFields, tsbsStartNs } from './tsbs-cpu.ts';

export interface DataShape {
  readonly hosts: number;
  readonly hours: number;
}

export interface QueryType {
  readonly name: string;
  /** How many times as fast as InfluxDB it must be. */
  readonly goal: number;
  /** The text of request number `turn`. */
  text(shape: DataShape, turn: number): string;
}

const startS = Number(tsbsStartNs / 1_000_000_000n);
const seed = 456;

class Draw {
  readonly #random: () => number;
  readonly #shape: DataShape;

  constructor(shape: DataShape, turn: number) {
    this.#shape = shape;
    this.#random = seededRandom(seed + turn * 7_919);
    // The first numbers of neighbouring seeds are alike.
    this.#random();
  }

  /** `count` different hosts, or all when there are fewer. */
  hosts(count: number): string {
    const picked = new Set<number>();
    while (picked.size < Math.min(count, this.#shape.hosts)) {
      picked.add(Math.floor(this.#random() * this.#shape.hosts));
    }
    return `(${[...picked].map((host) => `hostname = 'host_${host}'`).join(' OR ')})`;
  }

  /** A stretch of so many hours, or the whole of shorter data. */
  stretch(hours: number): string {
    const length = Math.min(hours, this.#shape.hours) * 3_600;
    const latest = this.#shape.hours * 3_600 - length;
    const from = Math.floor(this.#random() * (latest + 1));
    return `time >= '${timeText(from)}' AND time < '${timeText(from + length)}'`;
  }

  /** A time with some data before it. */
  end(): string {
    const span = this.#shape.hours * 3_600;
    return timeText(Math.floor(span * (0.2 + 0.8 * this.#random())));
  }
}

function timeText(seconds: number): string {
  return new Date((startS + seconds) * 1_000).toISOString().replace('.000Z', 'Z');
}

function each(fn: string, count: number): string {
  return tsbsFields
    .slice(0, count)
    .map((field) => `${fn}(${field})`)
    .join(', ');
}

type Write = (draw: Draw) => string;

function define(name: string, goal: number, write: Write): QueryType {
  return { name, goal, text: (shape, turn) => write(new Draw(shape, turn)) };
}

function singleGroupby(metrics: number, hosts: number, hours: number): QueryType {
  return define(
    `single-groupby-${metrics}-${hosts}-${hours}`,
    1,
    (draw) =>
      `SELECT ${each('max', metrics)} FROM cpu WHERE ${draw.hosts(hosts)} AND ${draw.stretch(hours)} GROUP BY time(1m)`,
  );
}

function maxAll(hosts: number): QueryType {
  return define(
    `cpu-max-all-${hosts}`,
    2,
    (draw) =>
      `SELECT ${each('max', 10)} FROM cpu WHERE ${draw.hosts(hosts)} AND ${draw.stretch(8)} GROUP BY time(1h)`,
  );
}

function doubleGroupby(name: string, metrics: number): QueryType {
  return define(
    `double-groupby-${name}`,
    8,
    (draw) =>
      `SELECT ${each('mean', metrics)} FROM cpu WHERE ${draw.stretch(12)} GROUP BY time(1h), hostname`,
  );
}

export const cpuOnlyQueries: readonly QueryType[] = [
  singleGroupby(1, 1, 1),
  singleGroupby(1, 1, 12),
  singleGroupby(1, 8, 1),
  singleGroupby(5, 1, 1),
  singleGroupby(5, 1, 12),
  singleGroupby(5, 8, 1),
  maxAll(1),
  maxAll(8),
  doubleGroupby('1', 1),
  doubleGroupby('5', 5),
  doubleGroupby('all', 10),
  define(
    'high-cpu-1',
    1,
    (draw) =>
      `SELECT * FROM cpu WHERE usage_user > 90.0 AND ${draw.hosts(1)} AND ${draw.stretch(12)}`,
  ),
  define(
    'high-cpu-all',
    2,
    (draw) => `SELECT * FROM cpu WHERE usage_user > 90.0 AND ${draw.stretch(12)}`,
  ),
  define('lastpoint', 1, () => 'SELECT * FROM cpu GROUP BY hostname ORDER BY time DESC LIMIT 1'),
  define(
    'groupby-orderby-limit',
    1,
    (draw) =>
      `SELECT max(usage_user) FROM cpu WHERE time < '${draw.end()}' GROUP BY time(1m) ORDER BY time DESC LIMIT 5`,
  ),
];

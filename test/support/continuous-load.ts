/**
 * Rows that come on time and rows that come late, for continuous queries over short windows, and the
 * question whether every window holds what the query itself gives.
 */

import { sleep, waitUntil } from './citadel-cluster.ts';
import type { CitadelProcess } from './citadel-process.ts';

const db = 'cq';
const hostCount = 3;
const rowsPerWrite = 6;
/** Between two writes. */
const pauseMs = 15;
const latePeriod = 4;
const patienceMs = 60_000;
export const windowMsMax = 1_000;

interface Definition {
  readonly name: string;
  readonly resample: string;
  readonly select: string;
  readonly from: string;
  readonly groupBy: string;
  readonly where: string;
}

/** Several widths, an offset, tags, FOR and EVERY, a query over another's result. */
const definitions: readonly Definition[] = [
  {
    name: 'plain',
    resample: '',
    select: 'count(v) AS n, sum(v) AS s',
    from: 'm',
    groupBy: 'time(250ms), host',
    where: '',
  },
  {
    name: 'shifted',
    resample: '',
    select: 'max(v) AS high, mean(v) AS mid',
    from: 'm',
    groupBy: 'time(1s, 300ms)',
    where: `host <> 'h0'`,
  },
  {
    name: 'again',
    resample: 'RESAMPLE EVERY 500ms FOR 2s ',
    select: 'sum(v) AS s',
    from: 'm',
    groupBy: 'time(500ms), host',
    where: '',
  },
  {
    name: 'chained',
    resample: '',
    select: 'sum(n) AS n',
    from: 'out_plain',
    groupBy: 'time(1s)',
    where: '',
  },
];

interface Answer {
  readonly results: readonly {
    readonly series?: readonly { readonly tags?: object; readonly values: readonly unknown[][] }[];
    readonly error?: string;
  }[];
}

export interface QueryInfo {
  readonly name: string;
  readonly owner: string | null;
  readonly settledUntil: string | null;
  readonly lastError: string;
}

async function ask(node: CitadelProcess, q: string): Promise<Answer['results'][number]> {
  const answer = await node.request('/query', { db, q, epoch: 'ms' }, { method: 'POST' });
  if (answer.status !== 200) throw new Error(answer.text());
  const [result] = (answer.json() as Answer).results;
  if (result === undefined || result.error !== undefined) throw new Error(answer.text());
  return result;
}

export async function describeQueries(node: CitadelProcess): Promise<readonly QueryInfo[]> {
  const info = (await node.request('/info')).json() as {
    services: { continuousQueries: readonly QueryInfo[] };
  };
  return info.services.continuousQueries;
}

/** Makes the database and its queries; their windows begin now. */
export async function createQueries(node: CitadelProcess): Promise<void> {
  await node.request('/query', { q: `CREATE DATABASE ${db}` }, { method: 'POST' });
  for (const { name, resample, select, from, groupBy, where } of definitions) {
    const filter = where === '' ? '' : ` WHERE ${where}`;
    const text = `SELECT ${select} INTO out_${name} FROM ${from}${filter} GROUP BY ${groupBy}`;
    await ask(node, `CREATE CONTINUOUS QUERY ${name} ON ${db} ${resample}BEGIN ${text} END`);
  }
}

/** Writes until stopped; a write that fails is sent again, to another node if there is one. */
export class ContinuousLoad {
  readonly #nodes: readonly CitadelProcess[];
  readonly #random: () => number;
  /** Every window of every query begins later. */
  readonly #firstMs: number;
  #count = 0;
  #isStopping = false;
  #isAbandoned = false;
  #done: Promise<void> = Promise.resolve();
  #lastMs = 0;

  /** `firstMs`: no row is older; long enough after the queries were made. */
  constructor(nodes: readonly CitadelProcess[], random: () => number, firstMs: number) {
    this.#nodes = nodes;
    this.#random = random;
    this.#firstMs = firstMs;
  }

  start(): void {
    this.#isStopping = false;
    this.#done = this.#run();
  }

  /** Gives up on what is not acknowledged yet. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    this.#isStopping = true;
    await this.#done.catch(() => undefined);
  }

  /** Resolves when the last write is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#done;
  }

  /** All of one time, for a window long gone. */
  async writeLate(agoMs: number): Promise<void> {
    await this.#write(
      this.#makeBody(() => Math.max(this.#firstMs, Date.now() - Math.floor(agoMs))),
    );
  }

  /** Every window of the rows written holds what its query gives, asked at any node. */
  async expectExact(node: CitadelProcess): Promise<void> {
    // No window of a row begins before, or ends after.
    const fromMs = this.#firstMs - windowMsMax;
    const untilMs = this.#lastMs + windowMsMax;
    for (const one of definitions) {
      await waitUntil(
        `windows of ${one.name} equal the query`,
        () => this.#isExact(node, one, fromMs, untilMs),
        patienceMs,
      );
    }
  }

  async #isExact(
    node: CitadelProcess,
    { name, select, from, where, groupBy }: Definition,
    fromMs: number,
    untilMs: number,
  ): Promise<boolean> {
    const range = `time >= ${fromMs}ms AND time < ${untilMs}ms`;
    const filter = where === '' ? range : `(${where}) AND ${range}`;
    const direct = await ask(
      node,
      `SELECT ${select} FROM ${from} WHERE ${filter} GROUP BY ${groupBy} fill(none)`,
    );
    const columns = select.split(', ').map((column) => column.split(' AS ')[1]);
    const byTag = groupBy.endsWith('host') ? ' GROUP BY host' : '';
    const kept = await ask(
      node,
      `SELECT ${columns.join(', ')} FROM out_${name} WHERE ${range}${byTag}`,
    );
    const [a, b] = [direct, kept].map(({ series = [] }) =>
      JSON.stringify(series.map(({ tags, values }) => ({ tags, values }))),
    );
    if (a === b && direct.series !== undefined) return true;
    throw new Error(describeDifference(direct, kept));
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const isLate = this.#random() * latePeriod < 1;
      const ageMs = isLate ? this.#random() * 6_000 : 0;
      const time = () =>
        Math.max(this.#firstMs, Date.now() - Math.floor(ageMs + this.#random() * 30));
      await this.#write(this.#makeBody(time));
      await sleep(pauseMs);
    }
  }

  #makeBody(time: () => number): string {
    const lines = Array.from({ length: rowsPerWrite }, () => {
      const timeMs = time();
      this.#lastMs = Math.max(this.#lastMs, timeMs);
      // Six digits of its own, so that no row overwrites another.
      const own = String(this.#count++ % 1_000_000).padStart(6, '0');
      const host = Math.floor(this.#random() * hostCount);
      return `m,host=h${host} v=${Math.floor(this.#random() * 1_000)}i ${timeMs}${own}`;
    });
    return lines.join('\n');
  }

  async #write(body: string): Promise<void> {
    for (let attempt = 0; !this.#isAbandoned; attempt++) {
      const node = this.#nodes[(this.#count + attempt) % this.#nodes.length]!;
      const options = { method: 'POST', body, timeoutMs: 15_000 };
      const status = await node.request('/write', { db }, options).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 204) return;
      if (status === 400 || status === 404) throw new Error(`the write was refused: ${status}`);
      await sleep(pauseMs);
    }
  }
}

function describeDifference(
  direct: Answer['results'][number],
  kept: Answer['results'][number],
): string {
  const flatten = ({ series = [] }: Answer['results'][number]) =>
    series.flatMap(({ tags, values }) => values.map((row) => JSON.stringify([tags, row])));
  const [a, b] = [flatten(direct), flatten(kept)];
  const missing = a.filter((row) => !b.includes(row));
  const extra = b.filter((row) => !a.includes(row));
  return `${a.length} windows, missing ${missing.slice(0, 3)} extra ${extra.slice(0, 3)}`;
}

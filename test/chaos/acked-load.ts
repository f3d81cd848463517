/**
 * Concurrent writers against one server, and the model of what it acknowledged.
 *
 * Every writer owns a series of its own (spread over the shards) and writes points whose value follows
 * from their time, so that a changed value shows. A batch counts as acknowledged only when the
 * answer 204 arrived whole. Beside them each writer keeps one cell that it overwrites with growing numbers.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { CitadelProcess } from '../support/citadel-process.ts';

export const database = 'chaos';

/** A node, or several of which each request takes one. */
export type Answering = Pick<CitadelProcess, 'request'>;

/** Each batch also overwrites so many cells with so much text: fills memtables fast, stores little. */
const fillerLines = 40;
const fillerSize = 8_000;
/** Of the cell that is overwritten. */
const cellTime = 1_000n;
const firstTime = 1_700_000_000_000_000_000n;
const stepNs = 1_000_000n;

/** Any function of time that has no period near a batch's length. */
function valueAt(index: number): number {
  return ((index * 2_654_435_761) % 1_000_003) / 8;
}

interface Writer {
  readonly name: string;
  /** Points [0, sent) were sent at least once. */
  sent: number;
  readonly acked: { readonly from: number; readonly until: number }[];
  cellSent: number;
  cellAcked: number;
}

interface QueryResult {
  readonly results: readonly {
    readonly error?: string;
    readonly series?: readonly { readonly values: readonly (readonly (number | string)[])[] }[];
  }[];
}

export class AckedLoad {
  readonly #writers: readonly Writer[];
  /** Answers other than 204, by text. */
  readonly refusals = new Map<string, number>();
  #stopped = true;
  #running: Promise<unknown> = Promise.resolve();

  readonly #fillerLines: number;
  readonly #cells: boolean;

  /**
   * `filled`: memtables fill up fast, so that flushes and compaction go on all the time. `prefix`: of the
   * names of writers, for loads beside each other. `cells`: whether the overwritten ones are checked (default).
   */
  constructor(
    writerCount: number,
    options: { filled?: boolean; prefix?: string; cells?: boolean } = {},
  ) {
    const { filled = false, prefix = 'w', cells = true } = options;
    this.#cells = cells;
    this.#fillerLines = filled ? fillerLines : 0;
    this.#writers = Array.from({ length: writerCount }, (_, i) => ({
      name: `${prefix}${i}`,
      sent: 0,
      acked: [],
      cellSent: 0,
      cellAcked: 0,
    }));
  }

  get ackedPoints(): number {
    return this.#writers.reduce(
      (sum, { acked }) => sum + acked.reduce((part, { from, until }) => part + until - from, 0),
      0,
    );
  }

  async prepare(server: Answering): Promise<void> {
    const params = { q: `CREATE DATABASE ${database}` };
    const { status } = await server.request('/query', params, { method: 'POST' });
    if (status !== 200) throw new Error(`cannot create the database: ${status}`);
  }

  /** Writers go on until `stop`; an answer that never came ends the batch's hopes, not the writer. */
  start(server: Answering, batchSizeMax = 150): void {
    this.#stopped = false;
    this.#running = Promise.all(
      this.#writers.map(async (writer) => {
        while (!this.#stopped) await this.#writeBatch(server, writer, batchSizeMax);
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #writeBatch(server: Answering, writer: Writer, sizeMax: number): Promise<void> {
    const from = writer.sent;
    const until = from + 1 + ((from * 7 + writer.name.length) % sizeMax);
    const cell = writer.cellSent + 1;
    const lines = [`cell,writer=${writer.name} v=${cell}i ${cellTime}`];
    for (let i = 0; i < this.#fillerLines; i++) {
      const text = String(valueAt(from + i))
        .repeat(fillerSize)
        .slice(0, fillerSize);
      lines.push(`filler,writer=${writer.name} s="${text}" ${i}`);
    }
    for (let i = from; i < until; i++) {
      const time = firstTime + BigInt(i) * stepNs;
      lines.push(`load,writer=${writer.name} n=${i}i,v=${valueAt(i)} ${time}`);
    }
    writer.sent = until;
    writer.cellSent = cell;
    const body = lines.join('\n');
    try {
      const { status, text } = await server.request(
        '/write',
        { db: database },
        { method: 'POST', body },
      );
      if (status === 204) {
        writer.acked.push({ from, until });
        writer.cellAcked = cell;
        return;
      }
      const reason = `${status} ${text().slice(0, 200)}`;
      this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
      await sleep(5);
    } catch {
      // Killed before it could answer: whether the batch is stored is unknown.
      await sleep(5);
    }
  }

  /** Everything that is wrong; empty = every acknowledged point is there with its exact value. */
  async verify(server: Answering): Promise<string[]> {
    const faults: string[] = [];
    for (const writer of this.#writers) {
      faults.push(...(await this.#verifyPoints(server, writer)));
      if (this.#cells) faults.push(...(await this.#verifyCell(server, writer)));
    }
    return faults;
  }

  async #verifyPoints(server: Answering, writer: Writer): Promise<string[]> {
    const rows = await ask(server, `SELECT n, v FROM load WHERE writer = '${writer.name}'`);
    const faults: string[] = [];
    const found = new Uint8Array(writer.sent);
    for (const [time, n, v] of rows) {
      const index = Number((BigInt(time!) - firstTime) / stepNs);
      const isRight = index < writer.sent && n === index && v === valueAt(index);
      if (isRight) found[index] = 1;
      else faults.push(`${writer.name}: wrong point at ${time}: n=${n} v=${v}`);
    }
    for (const { from, until } of writer.acked) {
      const missing = found.subarray(from, until).indexOf(0);
      if (missing !== -1)
        faults.push(`${writer.name}: acknowledged point ${from + missing} is lost`);
    }
    return faults;
  }

  async #verifyCell(server: Answering, writer: Writer): Promise<string[]> {
    const rows = await ask(server, `SELECT v FROM cell WHERE writer = '${writer.name}'`);
    const value = Number(rows[0]?.[1] ?? 0);
    const isRight = value >= writer.cellAcked && value <= writer.cellSent;
    if (isRight) return [];
    return [`${writer.name}: cell is ${value}, acknowledged ${writer.cellAcked}`];
  }
}

/** Rows of the only series; [] when there is none. Times as text, exact. */
export async function ask(
  server: Answering,
  q: string,
): Promise<readonly (readonly (number | string)[])[]> {
  const response = await server.request('/query', { db: database, epoch: 'ns', q });
  if (response.status !== 200) throw new Error(`${q}: ${response.status} ${response.text()}`);
  // Nanoseconds do not fit a double: the first number of a row is kept as text.
  const exact = response.text().replaceAll(/\[(-?\d{16,}),/g, '["$1",');
  const { results } = JSON.parse(exact) as QueryResult;
  const error = results[0]?.error;
  if (error !== undefined) throw new Error(`${q}: ${error}`);
  return results[0]?.series?.[0]?.values ?? [];
}

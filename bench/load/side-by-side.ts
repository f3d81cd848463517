/**
 * The same work for two servers in turns, so that a busy machine disturbs both alike: rows into both,
 * then request by request one after the other.
 */

import { request } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Contender } from './contenders.ts';
import { compareAnswers } from './measure.ts';
import { readCpuSeconds } from './process-facts.ts';

const bodiesInFlightMax = 4;
const retriesMax = 600;
const retryAfterMs = 50;
/** Of each query type once more, just before it is measured. */
const warmUpRuns = 3;

export interface Timing {
  readonly medianMs: number;
  readonly p90Ms: number;
  /** Of the whole process, the work it does beside included. */
  readonly cpuMs: number;
}

export interface Comparison {
  readonly runs: number;
  readonly ours: Timing;
  readonly theirs: Timing;
  /** Runs whose answers were alike. */
  readonly equal: number;
}

export interface Pair {
  readonly ours: Contender;
  readonly theirs: Contender;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function postOnce(target: string, body: Buffer): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Length': body.length };
    const outgoing = request(target, { method: 'POST', headers }, (incoming) => {
      let text = '';
      incoming.on('data', (part: Buffer) => {
        text += part.toString();
      });
      incoming.on('error', reject);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Repeats what the server was too busy for, as a real client does. */
async function post(server: Contender, database: string, body: Buffer): Promise<void> {
  for (let attempt = 0; attempt < retriesMax; attempt++) {
    const { status, text } = await postOnce(`${server.url}/write?db=${database}`, body);
    if (status === 204) return;
    if (status !== 503) throw new Error(`${server.name}: ${status} ${text.slice(0, 500)}`);
    await pause(retryAfterMs);
  }
  throw new Error(`${server.name} stays too busy`);
}

/** Bodies are made as they are sent and each goes to both. */
export async function loadBoth(
  { ours, theirs }: Pair,
  database: string,
  bodies: Iterator<Buffer>,
): Promise<void> {
  for (const server of [ours, theirs]) await server.execute(`CREATE DATABASE ${database}`);
  const work = async (): Promise<void> => {
    for (let next = bodies.next(); next.done !== true; next = bodies.next()) {
      const body = next.value;
      await Promise.all([post(ours, database, body), post(theirs, database, body)]);
    }
  };
  await Promise.all(Array.from({ length: bodiesInFlightMax }, work));
}

/** Until both have put away what was written: neither uses more than a little CPU. */
export async function settle({ ours, theirs }: Pair, limitMs: number): Promise<void> {
  const stepMs = 2_000;
  const idleSeconds = 0.1;
  const read = (): number => readCpuSeconds(ours.pid) + readCpuSeconds(theirs.pid);
  let quiet = 0;
  for (let waited = 0; waited < limitMs && quiet < 3; waited += stepMs) {
    const before = read();
    await pause(stepMs);
    quiet = read() - before < idleSeconds ? quiet + 1 : 0;
  }
}

class Stopwatch {
  readonly #server: Contender;
  readonly #times: number[] = [];
  #cpuBefore: number;

  constructor(server: Contender) {
    this.#server = server;
    this.#cpuBefore = readCpuSeconds(server.pid);
  }

  /** What came before was for warming up. */
  reset(): void {
    this.#times.length = 0;
    this.#cpuBefore = readCpuSeconds(this.#server.pid);
  }

  async ask(database: string, text: string): Promise<Buffer> {
    const start = performance.now();
    const { body } = await this.#server.query(database, text);
    this.#times.push(performance.now() - start);
    return body;
  }

  read(): Timing {
    const sorted = this.#times.toSorted((a, b) => a - b);
    const at = (part: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
    const cpu = readCpuSeconds(this.#server.pid) - this.#cpuBefore;
    return { medianMs: at(0.5), p90Ms: at(0.9), cpuMs: (cpu * 1_000) / sorted.length };
  }
}

/**
 * Lets each server answer a query for so long, without the other: one that has run for a while has read
 * its files and compiled its code.
 */
export async function warmUp(
  pair: Pair,
  database: string,
  text: (turn: number) => string,
  limitMs: number,
): Promise<void> {
  for (const server of [pair.ours, pair.theirs]) {
    const end = performance.now() + limitMs;
    for (let turn = 0; turn < 2 || performance.now() < end; turn++) {
      await server.query(database, text(turn));
    }
  }
}

export interface CompareOptions {
  readonly database: string;
  /** The text of request number `turn`. */
  readonly text: (turn: number) => string;
  readonly runs: { readonly min: number; readonly max: number };
  /** Beyond the least number of runs it ends after so long. */
  readonly budgetMs: number;
}

/** Throws when an answer is an error. */
export async function compareQuery(pair: Pair, options: CompareOptions): Promise<Comparison> {
  const { database, text, runs, budgetMs } = options;
  const ours = new Stopwatch(pair.ours);
  const theirs = new Stopwatch(pair.theirs);
  let turn = 0;
  let equal = 0;
  const both = async (): Promise<void> => {
    const asked = text(turn++);
    const answer = await ours.ask(database, asked);
    const other = await theirs.ask(database, asked);
    if (compareAnswers(answer, other) !== 'DIFFERENT') equal++;
  };
  const repeat = async (least: number, most: number, limitMs: number): Promise<number> => {
    const start = performance.now();
    let done = 0;
    while (done < least || (done < most && performance.now() - start < limitMs)) {
      await both();
      done++;
    }
    return done;
  };
  for (let i = 0; i < warmUpRuns; i++) await both();
  ours.reset();
  theirs.reset();
  equal = 0;
  const count = await repeat(runs.min, runs.max, budgetMs);
  return { runs: count, ours: ours.read(), theirs: theirs.read(), equal };
}

/**
 * Writes the keys of the pattern: each lives its life step by step, and the next step of a batch begins when the one before
 * was acknowledged.
 *
 * An attempt that failed may be on its way still, held up in a paused process. So all attempts of a step carry one
 * write id, which makes them one write wherever it is known, and each a time before its own end after which it is not
 * carried out: a node that wakes from a pause may not know the id yet. Without an answer in a window of attempts the step
 * is begun anew. Clocks of checker and servers may differ by a few seconds.
 */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeUrl } from '../client/http.ts';
import { type Attempt, attempt, insist } from '../client/insist.ts';
import { Servers } from '../client/servers.ts';
import type { Journal } from './journal.ts';
import { type Step, stepOf, stepsMax } from './key-pattern.ts';
import type { CheckerOptions } from './options.ts';
import { type OnError, runWrites } from './write-run.ts';

/** How long one step of a batch is tried before it counts as not acknowledged. */
const patienceMs = 120_000;
/** Of all attempts under one write id. */
const windowMs = 20_000;
/** From the end of a window on nothing of it is carried out: so long a server may go on with it, and clocks may differ. */
const settleMs = 15_000;
const timeoutMs = 5_000;
/** Of one attempt: what a server begins then has ended before the next attempt starts. */
const carriedOutMs = 4_000;
const json = { 'Content-Type': 'application/json' };

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}

function renderPuts(steps: readonly Step[]): string {
  return JSON.stringify(
    steps.flatMap(({ key, value }) =>
      value === undefined ? [] : [{ KeyBase64: base64(key), ValueBase64: base64(value) }],
    ),
  );
}

function renderDeletes(steps: readonly Step[]): string {
  return JSON.stringify(
    steps.flatMap(({ key, value }) => (value === undefined ? [{ KeyBase64: base64(key) }] : [])),
  );
}

class KeyWriter {
  readonly #table: string;
  readonly #series: number;
  readonly #servers: Servers;

  constructor({ table, series, urls }: CheckerOptions) {
    this.#table = table;
    this.#series = series;
    this.#servers = new Servers(urls);
  }

  async writeBatch(from: number, until: number, onError: OnError): Promise<boolean> {
    for (let step = 0; step < stepsMax; step++) {
      const steps: Step[] = [];
      for (let n = from; n < until; n++) {
        const one = stepOf(n % this.#series, Math.floor(n / this.#series), step);
        if (one !== undefined) steps.push(one);
      }
      const isDone =
        (await this.#send('/kv/put', renderPuts(steps), onError)) &&
        (await this.#send('/kv/delete', renderDeletes(steps), onError));
      if (!isDone) return false;
    }
    return true;
  }

  async #send(path: string, body: string, onError: OnError): Promise<boolean> {
    if (body === '[]') return true;
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const startedMs = performance.now();
      const { outcome } = await this.#sendInWindow(path, body, onError);
      if (outcome !== 'unknown') return outcome === 'acknowledged';
      if (performance.now() > deadlineMs) return false;
      await sleep(Math.max(0, startedMs + windowMs + settleMs - performance.now()));
    }
  }

  #sendInWindow(path: string, body: string, onError: OnError): Promise<Attempt> {
    const common = { table: this.#table, writeId: randomBytes(16).toString('hex') };
    const request = { method: 'POST', headers: json, body, timeoutMs } as const;
    return insist({
      servers: this.#servers,
      send: (server) => {
        const params = { ...common, notAfter: String(Date.now() + carriedOutMs) };
        return attempt(makeUrl(server, path, params), request);
      },
      onError,
      patienceMs: windowMs - timeoutMs,
    });
  }
}

/** True when every step of every key was acknowledged. */
export function writeKstore(options: CheckerOptions, journal: Journal): Promise<boolean> {
  process.stderr.write(`journal: ${journal.path}\n`);
  const writer = new KeyWriter(options);
  return runWrites(options, journal, (from, until, onError) =>
    writer.writeBatch(from, until, onError),
  );
}

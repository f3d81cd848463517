/**
 * Writes batches to Citadel (or any InfluxDB 1.x) until each line is stored or refused.
 *
 * The same batch is sent again while servers are away or overloaded. Of a batch that was taken in part the
 * refused lines are found by halving: points are idempotent, so sending some twice does no harm.
 */

import { ask, describeError, makeUrl } from '../../../client/http.ts';
import { attempt, insist } from '../../../client/insist.ts';
import type { Servers } from '../../../client/servers.ts';
import { CommandError } from '../command-error.ts';
import { cutBatch, type WriteBatch } from './write-batch.ts';

export interface DestinationOptions {
  readonly servers: Servers;
  readonly headers: Readonly<Record<string, string>>;
  /** How long one batch is tried. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  readonly note: (message: string) => void;
}

export interface WriteTarget {
  readonly database: string;
  /** '' = the default. */
  readonly policy: string;
  readonly precision: string;
}

export interface Refusal {
  readonly place: string;
  readonly reason: string;
  /** More than one when too many were refused to look for each. */
  readonly count: number;
}

export interface Written {
  readonly written: number;
  readonly refusals: readonly Refusal[];
}

/** Lines that are looked for one by one; beyond it refused lines are only counted. */
const namedMax = 200;
const statementMs = 60_000;

export class Destination {
  readonly #options: DestinationOptions;
  #named = 0;

  constructor(options: DestinationOptions) {
    this.#options = options;
  }

  /** One statement that changes something. @throws CommandError */
  async run(statement: string): Promise<void> {
    const { servers, headers, patienceMs, signal, note } = this.#options;
    const body = new URLSearchParams({ q: statement }).toString();
    const form = { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' };
    const request = {
      method: 'POST',
      headers: form,
      body,
      timeoutMs: statementMs,
      signal,
    } as const;
    const { outcome, why, answer } = await insist({
      servers,
      send: (server) => attempt(makeUrl(server, '/query'), request),
      onError: (server, reason) => note(`${server}: ${reason}`),
      patienceMs,
      signal,
    });
    if (outcome !== 'acknowledged') throw new CommandError(`cannot run ${statement}: ${why}`);
    const error = /"error":"((?:[^"\\]|\\.)*)"/.exec(answer?.text ?? '')?.[1];
    if (error !== undefined) throw new CommandError(`cannot run ${statement}: ${error}`);
  }

  /** @throws CommandError when the servers stay away, or the user may not write */
  async write(batch: WriteBatch, target: WriteTarget): Promise<Written> {
    if (batch.count === 0) return { written: 0, refusals: [] };
    const { outcome, why, answer } = await this.#send(batch, target);
    if (outcome === 'acknowledged') return { written: batch.count, refusals: [] };
    const status = answer?.status ?? 0;
    if (outcome === 'unknown' || status === 401 || status === 403 || answer === undefined) {
      throw new CommandError(`cannot write: ${why}`);
    }
    const reason = readError(answer.text);
    if (batch.count === 1) {
      this.#named += 1;
      return { written: 0, refusals: [{ place: batch.placeOf(0), reason, count: 1 }] };
    }
    const dropped = Number(/ dropped=(\d+)\b/.exec(reason)?.[1] ?? 0);
    if (dropped > 0 && dropped <= batch.count && this.#named >= namedMax) {
      const place = `among ${batch.placeOf(0)} to ${batch.placeOf(batch.count - 1)}`;
      return { written: batch.count - dropped, refusals: [{ place, reason, count: dropped }] };
    }
    return this.#writeHalves(batch, target);
  }

  async #writeHalves(batch: WriteBatch, target: WriteTarget): Promise<Written> {
    const middle = batch.count >> 1;
    const first = await this.write(cutBatch(batch, 0, middle), target);
    const second = await this.write(cutBatch(batch, middle, batch.count), target);
    return {
      written: first.written + second.written,
      refusals: [...first.refusals, ...second.refusals],
    };
  }

  #send(batch: WriteBatch, { database, policy, precision }: WriteTarget) {
    const { servers, headers, patienceMs, signal, note } = this.#options;
    const params = { db: database, ...(policy !== '' && { rp: policy }), precision };
    return insist({
      servers,
      send: (server) =>
        attempt(makeUrl(server, '/write', params), {
          method: 'POST',
          headers,
          body: batch.body,
        }),
      onError: (server, why) => {
        // A refusal is told by line later.
        if (!why.startsWith('HTTP 4') || why.startsWith('HTTP 404')) note(`${server}: ${why}`);
      },
      patienceMs,
      signal,
    });
  }

  /** @throws CommandError when no server answers at once: better to know before hours of reading */
  async ping(): Promise<void> {
    const { servers, headers, signal } = this.#options;
    const reasons: string[] = [];
    for (let i = 0; i < servers.count; i++) {
      const server = servers.current();
      try {
        const { status } = await ask(makeUrl(server, '/ping'), { method: 'GET', headers, signal });
        if (status < 400) return;
        reasons.push(`${server} answered ${status}`);
      } catch (error) {
        reasons.push(`${server}: ${describeError(error)}`);
      }
      servers.moveOn(server);
    }
    throw new CommandError(`cannot reach ${reasons.join(', ')}; say where with -url`);
  }
}

function readError(text: string): string {
  try {
    return (JSON.parse(text) as { error: string }).error;
  } catch {
    return text.trim().slice(0, 300);
  }
}

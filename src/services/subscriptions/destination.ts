/**
 * One server that a subscription sends to: lines over HTTP as InfluxDB's client posts them, or a datagram each.
 *
 * Counts, and says in the log when it begins to fail and when it is back. A URL's password is never shown.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import type { DatagramSender } from '../../env/network.ts';
import { Backoff } from './backoff.ts';
import type { Lines } from './line-writer.ts';

/** As InfluxDB's subscriber by default. */
const timeoutMs = 30_000;
const userAgent = 'InfluxDBClient';
/** Datagrams between two pauses: a receiver on this machine must get its turn. */
const datagramsPerSlice = 64;

export type DestinationEnv = Pick<Env, 'clock' | 'rng' | 'log' | 'network' | 'timers'>;

export interface WriteTarget {
  readonly database: string;
  readonly policy: string;
}

/** `refused`: by content, it would be again. `too-large`: fewer lines may pass. */
export type Verdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'too-large'; readonly reason: string };

export interface DestinationCounts {
  points: number;
  /** Attempts. */
  failures: number;
}

type Transport = (lines: Lines, signal: AbortSignal) => Promise<Verdict>;

const delivered: Verdict = { kind: 'delivered' };

/** Without what may be secret: user, password, query. */
function showUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^@/]*@/i, '$1').replace(/[?#].*$/, '');
}

/** @throws TypeError for what is no URL */
function writeUrl(url: string, { database, policy }: WriteTarget): string {
  const target = new URL(url);
  target.pathname = `${target.pathname.replace(/\/+$/, '')}/write`;
  const parameters = { consistency: '', db: database, precision: 'ns', rp: policy };
  target.search = new URLSearchParams(parameters).toString();
  target.hash = '';
  return target.href;
}

export class Destination {
  readonly shown: string;
  readonly counts: DestinationCounts = { points: 0, failures: 0 };
  readonly #env: DestinationEnv;
  readonly #url: string;
  readonly #backoff: Backoff;
  readonly #transport: Transport;
  #sender: DatagramSender | undefined;
  /** Why the last attempt failed; undefined = it did not. */
  #problem: string | undefined;

  constructor(env: DestinationEnv, url: string, target: WriteTarget) {
    this.#env = env;
    this.#url = url;
    this.shown = showUrl(url);
    this.#backoff = new Backoff(env);
    this.#transport = /^udp:/i.test(url)
      ? (lines) => this.#sendDatagrams(lines)
      : (lines, signal) => this.#post(target, lines, signal);
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** Monotonic ms: before that it is not tried again. */
  get notBeforeMs(): number {
    return this.#backoff.notBeforeMs;
  }

  /** @throws CitadelError when it has to be tried again, not before `notBeforeMs` */
  async deliver(lines: Lines, signal: AbortSignal): Promise<Verdict> {
    try {
      const verdict = await this.#transport(lines, signal);
      this.#noteSuccess();
      if (verdict.kind === 'delivered') this.counts.points += lines.ends.length;
      return verdict;
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(error);
      throw error;
    }
  }

  close(): void {
    this.#sender?.close();
    this.#sender = undefined;
  }

  #noteSuccess(): void {
    this.#backoff.reset();
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#env.log.info('destination takes points again', { destination: this.shown });
  }

  #noteFailure(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.counts.failures++;
    this.#backoff.fail();
    this.close();
    if (this.#problem === undefined) {
      this.#env.log.warn('destination fails', { destination: this.shown, reason });
    }
    this.#problem = reason;
  }

  async #post(target: WriteTarget, lines: Lines, signal: AbortSignal): Promise<Verdict> {
    const headers = { 'Content-Type': '', 'User-Agent': userAgent };
    const request = { url: this.#targetUrl(target), headers, body: lines.bytes, timeoutMs };
    const { status, text } = await this.#env.network.post(request, signal);
    if (status >= 200 && status < 300) return delivered;
    const reason = `answer ${status}: ${text.trim().slice(0, 300)}`;
    if (status === 400 || status === 422) return { kind: 'refused', reason };
    if (status === 413) return { kind: 'too-large', reason };
    throw new CitadelError('unavailable', reason);
  }

  #targetUrl(target: WriteTarget): string {
    try {
      return writeUrl(this.#url, target);
    } catch (cause) {
      throw new CitadelError('invalid-argument', 'its URL cannot be used', { cause });
    }
  }

  /** A point each. What went out before an error comes again. */
  async #sendDatagrams({ bytes, ends }: Lines): Promise<Verdict> {
    const sender = await this.#openSender();
    let start = 0;
    for (const [i, end] of ends.entries()) {
      try {
        await sender.send(bytes.subarray(start, end));
      } catch (error) {
        const isTooLarge = error instanceof CitadelError && error.code === 'too-large';
        if (!isTooLarge) throw error;
        return { kind: 'too-large', reason: error.message };
      }
      start = end + 1;
      if (i % datagramsPerSlice === datagramsPerSlice - 1) await this.#env.timers.yieldNow();
    }
    await sender.settle();
    return delivered;
  }

  async #openSender(): Promise<DatagramSender> {
    if (this.#sender !== undefined) return this.#sender;
    let url: URL;
    try {
      url = new URL(this.#url);
    } catch (cause) {
      throw new CitadelError('invalid-argument', 'its URL cannot be used', { cause });
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    this.#sender = await this.#env.network.openDatagrams(host, Number(url.port));
    return this.#sender;
  }
}

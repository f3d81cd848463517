/**
 * One request, again and again over all servers, until it is acknowledged, refused, or too late.
 *
 * Only for what may be repeated: an answer in doubt (5xx, a lost connection) leaves open whether it was
 * done. Overload (503) is waited out as long as the server asks for.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, ask, describeError, type Request } from './http.ts';
import type { Servers } from './servers.ts';

const backoffMs = { first: 50, max: 2_000 };
/** A server may ask for longer waits; others may have room by then. */
const retryAfterMsMax = 10_000;

export interface Attempt {
  readonly outcome: 'acknowledged' | 'unknown' | 'refused';
  readonly why: string;
  /** Undefined = none came. */
  readonly answer: Answer | undefined;
}

/** Answers in doubt: server trouble, overload, and 404 while a new database spreads. */
function judge(answer: Answer): Attempt {
  const { status, text } = answer;
  if (status >= 200 && status < 300) return { outcome: 'acknowledged', why: '', answer };
  const isTemporary = status >= 500 || status === 404 || status === 408 || status === 429;
  const why = `HTTP ${status} ${text.trim().slice(0, 200)}`;
  return { outcome: isTemporary ? 'unknown' : 'refused', why, answer };
}

export async function attempt(url: URL, request: Request): Promise<Attempt> {
  try {
    return judge(await ask(url, request));
  } catch (error) {
    return { outcome: 'unknown', why: describeError(error), answer: undefined };
  }
}

export interface Insistence {
  readonly servers: Servers;
  readonly send: (server: string) => Promise<Attempt>;
  readonly onError: (server: string, why: string) => void;
  /** How long it is tried. */
  readonly patienceMs: number;
  /** No further attempt after it; the wait between two ends at once. */
  readonly signal?: AbortSignal | undefined;
}

function isOver(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

export async function insist(insistence: Insistence): Promise<Attempt> {
  const { servers, send, onError, patienceMs, signal } = insistence;
  const deadlineMs = performance.now() + patienceMs;
  for (let tries = 1; ; tries++) {
    const server = servers.current();
    const result = await send(server);
    if (result.outcome === 'acknowledged' || isOver(signal)) return result;
    onError(server, result.why);
    if (result.outcome === 'refused' || performance.now() > deadlineMs) return result;
    servers.moveOn(server);
    const rounds = Math.floor((tries - 1) / servers.count);
    const ownMs = Math.min(backoffMs.max, backoffMs.first * 2 ** Math.min(rounds, 10));
    const askedMs = Math.min(retryAfterMsMax, result.answer?.retryAfterMs ?? 0);
    const waitMs = Math.max(ownMs, servers.count > 1 ? 0 : askedMs);
    await sleep(waitMs, undefined, signal && { signal }).catch(() => undefined);
    if (isOver(signal)) return result;
  }
}

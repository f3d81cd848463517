/**
 * What holds for a query as a whole: how many run at once, how long one may take, and that it ends
 * when its client goes, even when whoever it waits for does not listen.
 */

import { CitadelError } from '../../base/errors.ts';
import { StopController } from '../../base/stop-signal.ts';
import type { Timers } from '../../env/env.ts';
import type { BrokerLimits } from '../parts.ts';
import type { BrokerStats } from '../requests.ts';

export interface RunningQuery {
  readonly signal: AbortSignal;
  /** Passes pieces on until the query is ended; then throws why. */
  guard<T>(pieces: AsyncIterable<T>): AsyncGenerator<T>;
  /** Ends it: whoever waits for its answer gets the reason. */
  end(reason: CitadelError): void;
  finish(): void;
}

/** One for all: nobody waits for an answer any more, and a stack costs more than the rest of the end. */
const queryEnded = new CitadelError('cancelled', 'query has ended');

/** @throws CitadelError `limit-exceeded` */
function checkConcurrency(active: number, max: number): void {
  if (max === 0 || active < max) return;
  const message = `max-concurrent-queries limit exceeded(${active}, ${max})`;
  throw new CitadelError('limit-exceeded', message);
}

function reasonOf(signal: AbortSignal): unknown {
  const { reason } = signal;
  return reason instanceof CitadelError
    ? reason
    : new CitadelError('cancelled', 'query interrupted', { cause: reason });
}

/**
 * Waits for one promise after the other, but no longer than until the signal fires. What was waited for
 * is forgotten each time: a race with one lasting promise would hold all results until that settles.
 */
class GuardedWait {
  readonly #signal: AbortSignal;
  #fail: ((reason: unknown) => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
  }

  wait<T>(pending: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      pending.then(resolve, reject);
      if (this.#signal.aborted) this.#onAbort();
    });
  }

  close(): void {
    this.#fail = undefined;
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => this.#fail?.(reasonOf(this.#signal));
}

async function* guardPieces<T>(pieces: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = pieces[Symbol.asyncIterator]();
  const guarded = new GuardedWait(signal);
  let isDone = false;
  try {
    if (signal.aborted) throw reasonOf(signal);
    for (;;) {
      const next = await guarded.wait(iterator.next());
      isDone = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    // The work may fail in its own words because it was ended; why it was ended says more.
    throw signal.aborted ? reasonOf(signal) : error;
  } finally {
    guarded.close();
    // Not awaited: who does not listen to the signal may not listen to this either.
    if (!isDone) iterator.return?.()?.catch(() => undefined);
  }
}

/** @throws CitadelError `limit-exceeded` */
export function startQuery(
  stats: BrokerStats,
  limits: BrokerLimits,
  timers: Pick<Timers, 'after'>,
  client: AbortSignal,
): RunningQuery {
  checkConcurrency(stats.queriesActive, limits.maxConcurrentQueries);
  const controller = new StopController();
  const { signal } = controller;
  stats.queriesStarted++;
  stats.queriesActive++;
  // Once it is ended only its client is waited for: its place is free.
  signal.addEventListener('abort', () => stats.queriesActive--, { once: true });
  const onClientGone = () => controller.abort(client.reason);
  client.addEventListener('abort', onClientGone);
  if (client.aborted) onClientGone();
  const { queryTimeoutMs } = limits;
  const timeout =
    queryTimeoutMs === 0
      ? undefined
      : timers.after(queryTimeoutMs, () => {
          controller.abort(new CitadelError('timeout', 'query-timeout limit exceeded'));
        });
  return {
    signal,
    guard: (pieces) => guardPieces(pieces, signal),
    end: (reason) => controller.abort(reason),
    finish: () => {
      timeout?.cancel();
      client.removeEventListener('abort', onClientGone);
      controller.abort(queryEnded);
    },
  };
}

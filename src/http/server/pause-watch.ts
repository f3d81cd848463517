/**
 * What a node of a cluster does with requests that lay in it while it stood still: its process was stopped, or the machine
 * under it. Whoever sent them may have given up, written the same through another node, and something newer after it.
 *
 * When the process goes on, requests that change something wait for a few turns of the event loop. By then everything
 * that had come is read, closed connections too: what was asked by somebody who has gone is not carried out any more. A
 * client that is still there gets its answer, a moment later. One that gave up and kept its connection is not noticed.
 */

import type { FastifyInstance, FastifyReply } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import type { IsAbandoned } from '../../broker/requests.ts';
import type { Env } from '../../env/env.ts';

/** Shorter ones are not noticed: a client that gives up sooner than this must say so (`notAfter`). */
const pauseMs = 1_000;
const beatMs = 50;
/** Turns of the event loop, with everything that is ready read in each, before it shows who is there. */
const settleBeats = 5;

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined on a node that is alone. */
    isAbandoned: IsAbandoned | undefined;
  }
}

type WatchParts = Pick<Env, 'clock' | 'timers' | 'log'>;

class PauseWatch {
  readonly #env: WatchParts;
  #lastMs: number;
  #wokeMs = Number.NEGATIVE_INFINITY;
  #beatsLeft = 0;
  #settled: Promise<void> | undefined;
  #settle: () => void = () => undefined;

  constructor(env: WatchParts) {
    this.#env = env;
    this.#lastMs = env.clock.monotonicMs();
  }

  /** Undefined = it goes on as ever. */
  get settled(): Promise<void> | undefined {
    this.look();
    return this.#settled;
  }

  hasPausedSince(monotonicMs: number): boolean {
    this.look();
    return this.#wokeMs > monotonicMs;
  }

  /** Monotonic ms. After a pause what was read comes before any timer, so every look may be the first to see it. */
  look(): number {
    const nowMs = this.#env.clock.monotonicMs();
    const stoodMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (stoodMs < pauseMs) return nowMs;
    this.#wokeMs = nowMs;
    this.#beatsLeft = settleBeats;
    this.#settled ??= new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#env.log.warn('the process stood still', { forMs: Math.round(stoodMs) });
    return nowMs;
  }

  beat(): void {
    this.look();
    if (this.#settled !== undefined && --this.#beatsLeft <= 0) this.goOn();
  }

  goOn(): void {
    this.#settled = undefined;
    this.#settle();
  }
}

/** A closed connection takes its answers with it. */
function hasGone(reply: FastifyReply): boolean {
  return reply.raw.destroyed;
}

export function watchPauses(app: FastifyInstance, env: WatchParts): void {
  const watch = new PauseWatch(env);
  const beats = env.timers.every(beatMs, () => watch.beat());
  app.addHook('onClose', async () => {
    beats.cancel();
    watch.goOn();
  });
  app.addHook('onRequest', (request, reply, done) => {
    const arrivedMs = watch.look();
    request.isAbandoned = () => {
      if (!watch.hasPausedSince(arrivedMs)) return undefined;
      return (watch.settled ?? Promise.resolve()).then(() => hasGone(reply));
    };
    done();
  });
  app.addHook('preHandler', (request, reply, done) => {
    const { settled } = watch;
    if (settled === undefined || request.method !== 'POST') {
      done();
      return;
    }
    const goOn = () => {
      const gone = new CitadelError('cancelled', 'client closed the connection');
      done(hasGone(reply) ? gone : undefined);
    };
    settled.then(goOn, goOn);
  });
}

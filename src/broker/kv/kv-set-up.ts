/**
 * The shards of keys of a cluster are placed when the first key is written to it, so that a cluster that keeps none has
 * none. Until then every table is unknown.
 */

import { CitadelError } from '../../base/errors.ts';
import type { BrokerParts } from '../parts.ts';
import { pause } from '../route/route-parts.ts';

/** The controller places shards within a second or two. */
const patienceMs = 10_000;
const pollMs = 100;

export class KvSetUp {
  readonly #parts: BrokerParts;
  #making: Promise<void> | undefined;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
  }

  get #isPlaced(): boolean {
    return this.#parts.route.cluster.map.shards.kstore.length > 0;
  }

  /** Whether there are shards of keys, as the metadata store has it. @throws CitadelError `unavailable` */
  async isDone(): Promise<boolean> {
    if (this.#isPlaced) return true;
    await this.#parts.route.cluster.refresh();
    return this.#isPlaced;
  }

  /** @throws CitadelError `unavailable` */
  ensure(): Promise<void> {
    if (this.#isPlaced) return Promise.resolve();
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #make(): Promise<void> {
    const { env, route, setUpKeys } = this.#parts;
    const made: Promise<void> = setUpKeys?.() ?? Promise.resolve();
    await made;
    const deadlineMs = env.clock.monotonicMs() + patienceMs;
    while (!(await this.isDone())) {
      if (env.clock.monotonicMs() > deadlineMs) {
        const message = 'cannot write keys: the cluster has not placed their shards yet';
        throw new CitadelError('unavailable', message);
      }
      await pause(route.env.timers, pollMs, new AbortController().signal);
    }
  }
}

/**
 * How many passwords may be tried: some at once, then one after the other, by one client and for one user.
 *
 * Failures fill a bucket that drains steadily; while it is full nothing is tried any more, right or wrong.
 * Who has logged in before is not asked here, so that guessing locks nobody out who is at work.
 */

import { CitadelError } from '../base/errors.ts';
import type { Clock } from '../env/env.ts';
import { networkOf } from './address.ts';

/** Buckets kept; the one touched longest ago goes first. */
const bucketsMax = 4096;

interface BucketRule {
  readonly failuresMax: number;
  readonly drainedPerSecond: number;
}

const addressRule: BucketRule = { failuresMax: 32, drainedPerSecond: 1 };
/** Over all clients: higher, because others could fill it. */
const userRule: BucketRule = { failuresMax: 128, drainedPerSecond: 2 };

interface Bucket {
  readonly level: number;
  readonly atMs: number;
}

class Buckets {
  readonly #rule: BucketRule;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rule: BucketRule) {
    this.#rule = rule;
  }

  level(key: string, nowMs: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    const drained = ((nowMs - bucket.atMs) / 1000) * this.#rule.drainedPerSecond;
    return Math.max(0, bucket.level - drained);
  }

  isFull(key: string, nowMs: number): boolean {
    return this.level(key, nowMs) > this.#rule.failuresMax - 1;
  }

  add(key: string, amount: number, nowMs: number): void {
    const level = this.level(key, nowMs) + amount;
    this.#buckets.delete(key);
    if (level <= 0) return;
    this.#buckets.set(key, { level, atMs: nowMs });
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= bucketsMax) return;
      this.#buckets.delete(oldest);
    }
  }
}

export class FailureLimits {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #byAddress = new Buckets(addressRule);
  readonly #byUser = new Buckets(userRule);

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /**
   * Counts a try as failed until `succeeded` takes it back, so that many at once count too.
   *
   * @throws CitadelError `overloaded` instead of letting it be tried
   */
  begin(address: string, user: string): void {
    const nowMs = this.#clock.monotonicMs();
    const network = networkOf(address);
    if (this.#byAddress.isFull(network, nowMs) || this.#byUser.isFull(user, nowMs)) {
      throw new CitadelError('overloaded', 'too many failed logins: try again in a few seconds');
    }
    this.#byAddress.add(network, 1, nowMs);
    this.#byUser.add(user, 1, nowMs);
  }

  /** The try was none to count. */
  succeeded(address: string, user: string): void {
    const nowMs = this.#clock.monotonicMs();
    this.#byAddress.add(networkOf(address), -1, nowMs);
    this.#byUser.add(user, -1, nowMs);
  }
}

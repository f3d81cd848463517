/**
 * This node's session with the metadata store: a lease, renewed every second, with the node's record on it.
 *
 * Whether the lease is valid is never asked of anybody: it is, until the monotonic time of SENDING the
 * last confirmed renewal + TTL - 1 s. The store measures from when it received that renewal, so
 * this node stops counting on its lease before anybody else may.
 *
 * A gate stands before each renewal: a probe of the data directory. While it fails or hangs the lease is left
 * to run out, so that a node whose disk is gone gives its primaries away.
 */

import { CitadelError } from '../base/errors.ts';
import type { Env, TimerHandle } from '../env/env.ts';
import type { ClusterMap, NodeRecord } from '../model/cluster.ts';
import { renderNode } from './cluster-records.ts';
import { nodeKey } from './meta-keys.ts';
import type { MetaStore } from './meta-store.ts';

const renewPeriodMs = 1_000;
const retryPeriodMs = 250;
const marginMs = 1_000;
const gatePatienceMs = 1_000;
/** Of giving the lease back at a stop. */
const farewellMs = 1_000;

export interface SessionOptions {
  readonly ttlMs: number;
  /** Rejects while this node must not be counted on. */
  readonly gate?: (() => Promise<void>) | undefined;
}

type SessionEnv = Pick<Env, 'clock' | 'timers' | 'log'>;

interface HeldLease {
  readonly id: string;
  readonly ttlMs: number;
}

export class Session {
  readonly #env: SessionEnv;
  readonly #store: MetaStore;
  readonly #options: SessionOptions;
  #node: NodeRecord;
  #lease: HeldLease | undefined;
  /** Monotonic. */
  #validUntilMs = Number.NEGATIVE_INFINITY;
  #timer: TimerHandle | undefined;
  #step: Promise<void> = Promise.resolve();
  /** Undefined = not under way. */
  #probe: Promise<string | undefined> | undefined;
  #isGateShut = false;
  #isUnreachable = false;
  /** The record must be put although the lease is held. */
  #mustPut = false;
  #closed = false;

  /** `store`: guarded, so that no node shows up in a store that is not its cluster's. */
  constructor(env: SessionEnv, store: MetaStore, node: NodeRecord, options: SessionOptions) {
    this.#env = env;
    this.#store = store;
    this.#node = node;
    this.#options = options;
  }

  get node(): NodeRecord {
    return this.#node;
  }

  /** The lease is valid by this node's own clock. */
  isAttached(monotonicMs: number): boolean {
    return monotonicMs <= this.#validUntilMs;
  }

  /** What a key that must go with this node is put with; undefined = not attached. */
  get lease(): string | undefined {
    return this.isAttached(this.#env.clock.monotonicMs()) ? this.#lease?.id : undefined;
  }

  /** Resolves when the first attempt to attach is over, however it went; goes on by itself. */
  start(): Promise<void> {
    return this.#run();
  }

  /** Looks for this node in a map of the store: a record that somebody removed is put again. */
  observe({ nodes }: ClusterMap): void {
    const seen = nodes.get(this.#node.uuid);
    const isOurs = seen?.startedMs === this.#node.startedMs && seen.storeId === this.#node.storeId;
    if (isOurs || this.lease === undefined) return;
    if (seen !== undefined) {
      this.#env.log.error('another process has the id of this node', {
        node: seen.uuid,
        httpUrl: seen.httpUrl,
        storeId: seen.storeId,
      });
      return;
    }
    this.#mustPut = true;
  }

  /** Tells the others that this node is about to stop. @throws CitadelError `unavailable` */
  async announceStop(): Promise<void> {
    this.#node = { ...this.#node, isStopping: true };
    await this.#step;
    if (this.#lease !== undefined) await this.#put(this.#lease.id);
  }

  /** Gives the lease back, so that nobody waits for it to run out. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    await this.#step;
    this.#validUntilMs = Number.NEGATIVE_INFINITY;
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease === undefined) return;
    const revoked = this.#store.revokeLease(lease.id).catch((error: unknown) => {
      this.#env.log.warn('cannot give the lease back', { error: String(error) });
    });
    await this.#within(revoked, farewellMs);
  }

  #run(): Promise<void> {
    const sentMs = this.#env.clock.monotonicMs();
    this.#step = this.#renew().then(
      () => this.#schedule(sentMs + renewPeriodMs),
      (error: unknown) => {
        this.#noteFailure(error);
        this.#schedule(this.#env.clock.monotonicMs() + retryPeriodMs);
      },
    );
    return this.#step;
  }

  #schedule(atMs: number): void {
    if (this.#closed) return;
    const delayMs = Math.max(0, atMs - this.#env.clock.monotonicMs());
    this.#timer = this.#env.timers.after(delayMs, () => void this.#run());
  }

  async #renew(): Promise<void> {
    if (!(await this.#isGateOpen())) throw new CitadelError('unavailable', 'the gate is shut');
    const sentMs = this.#env.clock.monotonicMs();
    const held = this.#lease;
    const lease = held ?? (await this.#store.grantLease(this.#options.ttlMs));
    if (held !== undefined) await this.#keepAlive(held.id);
    // Held from now on, so that a record that cannot be put does not cost a lease per attempt.
    this.#lease = lease;
    if (held === undefined) this.#mustPut = true;
    if (this.#mustPut) await this.#put(lease.id);
    this.#mustPut = false;
    if (!this.isAttached(sentMs)) {
      this.#env.log.info('attached to the metadata store', { lease: lease.id, ttlMs: lease.ttlMs });
    }
    this.#isUnreachable = false;
    this.#validUntilMs = sentMs + lease.ttlMs - marginMs;
  }

  async #keepAlive(id: string): Promise<void> {
    try {
      await this.#store.keepLeaseAlive(id);
    } catch (error) {
      if (error instanceof CitadelError && error.code === 'not-found') {
        this.#lease = undefined;
        this.#validUntilMs = Number.NEGATIVE_INFINITY;
        this.#env.log.warn('lease is lost: taking a new one', { lease: id });
      }
      throw error;
    }
  }

  async #put(lease: string): Promise<void> {
    const key = nodeKey(this.#node.uuid);
    const value = renderNode(this.#node);
    const { succeeded } = await this.#store.transaction({
      compare: [],
      onSuccess: [{ kind: 'put', key, value, lease }],
    });
    if (!succeeded) throw new CitadelError('unavailable', 'cannot put the record of this node');
  }

  #noteFailure(error: unknown): void {
    if (this.#isUnreachable || this.#isGateShut) return;
    const isLost = error instanceof CitadelError && error.code === 'not-found';
    if (isLost) return;
    this.#isUnreachable = true;
    this.#env.log.warn('cannot renew the lease', { error: String(error) });
  }

  /** A probe that hangs is not asked again, but waited for. */
  async #isGateOpen(): Promise<boolean> {
    const { gate } = this.#options;
    if (gate === undefined) return true;
    this.#probe ??= gate()
      .then(
        () => undefined,
        (error: unknown) => String(error),
      )
      .finally(() => {
        this.#probe = undefined;
      });
    const reason = await this.#within(this.#probe, gatePatienceMs, 'no answer');
    if ((reason !== undefined) !== this.#isGateShut) {
      this.#isGateShut = reason !== undefined;
      if (reason === undefined) this.#env.log.info('data directory takes writes again');
      else this.#env.log.error('data directory takes no writes: leaving the lease', { reason });
    }
    return reason === undefined;
  }

  #within<T, L = undefined>(work: Promise<T>, patienceMs: number, late?: L): Promise<T | L> {
    return new Promise((resolve) => {
      const timer = this.#env.timers.after(patienceMs, () => resolve(late as L));
      work.then(resolve, () => resolve(late as L)).finally(() => timer.cancel());
    });
  }
}

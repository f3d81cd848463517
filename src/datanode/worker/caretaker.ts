/**
 * Looks after what a worker's replicas have on disk, by itself: reads and checks everything that is stored, round after
 * round within a budget, and asks peers for what damaged files held, whoever found the damage.
 *
 * A damaged record of the log whose entry is still in memory loses nothing: the stores are flushed, then nobody
 * needs it. Only asks: what a replica may take from whom is the step function's to say.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Disk, Env, TimerHandle } from '../../env/env.ts';
import { scrubLog } from '../log/scrub-log.ts';
import { kindOfSlot, shardOfSlot } from '../slots.ts';
import type { CareCounts, CareRules } from './care-rules.ts';
import type { ReplicaGroup } from './replica-group.ts';
import type { ShardReplica } from './shard-replica.ts';

const watchMs = 500;
/** After a start the first round waits a while, unless rounds follow each other more quickly. */
const firstScrubMs = 120_000;
/** A copy that did not heal the damage is asked for again after so long, then twice as long. */
const askMs = { first: 3_000, max: 60_000 };

export interface CaretakerOptions {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  readonly disk: Disk;
  readonly groups: readonly ReplicaGroup[];
  readonly rules: CareRules;
}

interface Patient {
  askAtMs: number;
  waitMs: number;
}

function isCancelled(error: unknown): boolean {
  return error instanceof CitadelError && error.code === 'cancelled';
}

export class Caretaker {
  readonly #options: CaretakerOptions;
  readonly #abort = new AbortController();
  readonly #patients = new Map<ShardReplica, Patient>();
  /** Places in logs that were told. */
  readonly #told = new Set<string>();
  readonly #watch: TimerHandle;
  readonly #running: Promise<void>;
  #scrubbedBytes = 0;
  #scrubRounds = 0;
  #damageFound = 0;
  #damageHealed = 0;
  /** Monotonic ms at which what was read so far is paid for. */
  #paidMs = 0;

  constructor(options: CaretakerOptions) {
    const { env, groups } = options;
    this.#options = options;
    // One that waits to be filled counts as found; it heals as any other replica does that gets its first snapshot.
    for (const { set } of groups) this.#damageFound += set.isolated.size;
    this.#watch = env.timers.every(watchMs, () => this.#look());
    this.#running = this.#run();
  }

  get counts(): CareCounts {
    return {
      scrubbedBytes: this.#scrubbedBytes,
      scrubRounds: this.#scrubRounds,
      damageFound: this.#damageFound,
      damageHealed: this.#damageHealed,
    };
  }

  /** The other replicas of the slot hold something else: what they have is taken over. */
  repair(slot: number): void {
    for (const group of this.#options.groups) {
      const replica = group.replicas.get(slot);
      if (replica !== undefined) group.step(replica, { kind: 'damaged' });
    }
  }

  async stop(): Promise<void> {
    this.#watch.cancel();
    this.#abort.abort();
    await this.#running;
  }

  #look(): void {
    const nowMs = this.#options.env.clock.monotonicMs();
    for (const { replicas } of this.#options.groups) {
      for (const replica of replicas.values()) {
        if (replica.store.hasDamagedFiles) this.#attend(replica, nowMs);
      }
    }
    for (const replica of this.#patients.keys()) {
      if (replica.store.hasDamagedFiles && !replica.isRetired) continue;
      this.#patients.delete(replica);
      this.#damageHealed++;
      this.#options.env.log.info('damage healed', this.#nameOf(replica));
    }
  }

  #attend(replica: ShardReplica, nowMs: number): void {
    let patient = this.#patients.get(replica);
    if (patient === undefined) {
      patient = { askAtMs: nowMs, waitMs: askMs.first };
      this.#patients.set(replica, patient);
      this.#damageFound++;
    }
    if (replica.peers === undefined || nowMs < patient.askAtMs) return;
    patient.askAtMs = nowMs + patient.waitMs;
    patient.waitMs = Math.min(askMs.max, patient.waitMs * 2);
    this.#ask(replica);
  }

  #ask(replica: ShardReplica): void {
    const group = this.#options.groups.find(({ replicas }) => {
      return replicas.get(replica.shard) === replica;
    });
    group?.step(replica, { kind: 'damaged' });
  }

  #nameOf({ shard }: ShardReplica) {
    return { kind: kindOfSlot(shard), shard: shardOfSlot(shard) };
  }

  async #run(): Promise<void> {
    const { env, rules } = this.#options;
    const { signal } = this.#abort;
    const { scrubIntervalMs } = rules;
    if (scrubIntervalMs === 0) return;
    const rest = (ms: number) => env.timers.sleep(ms, signal).catch(() => undefined);
    await rest(Math.min(firstScrubMs, scrubIntervalMs));
    while (!signal.aborted) {
      const startMs = env.clock.monotonicMs();
      await this.#round();
      if (!signal.aborted) this.#scrubRounds++;
      await rest(Math.max(watchMs, startMs + scrubIntervalMs - env.clock.monotonicMs()));
    }
  }

  async #round(): Promise<void> {
    for (const group of this.#options.groups) {
      for (const replica of [...group.replicas.values()]) {
        if (this.#abort.signal.aborted) return;
        if (!replica.isRetired) await this.#guard(() => this.#scrubStore(replica));
      }
      await this.#guard(() => this.#scrubLog(group));
    }
  }

  /** One that cannot be read now is read in the next round. */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isCancelled(error)) this.#options.env.log.warn('scrub broke off', { error });
    }
  }

  async #scrubStore(replica: ShardReplica): Promise<void> {
    const { signal } = this.#abort;
    const { store } = replica;
    const found = await store.scrub({ signal, spend: (bytes) => this.#spend(bytes) });
    if (found.length === 0 || store.hasDamagedFiles) return;
    // The store itself has put it right.
    this.#damageFound++;
    this.#damageHealed++;
  }

  async #scrubLog(group: ReplicaGroup): Promise<void> {
    const { disk, env } = this.#options;
    const { log } = group;
    const spend = (bytes: number) => this.#spend(bytes);
    const places = await scrubLog(disk, log.directory, log.lastSegment, spend);
    const news = places.filter(({ file, offset }) => !this.#told.has(`${file}/${offset}`));
    if (news.length === 0) return;
    for (const { file, offset } of news) {
      this.#told.add(`${file}/${offset}`);
      this.#damageFound++;
      env.log.error('commit log damaged', { file, offset, action: 'its entries go to the stores' });
    }
    for (const replica of [...group.replicas.values()]) {
      if (replica.hasUnflushed) await group.flush(replica, this.#abort.signal);
    }
    await group.trim();
    this.#damageHealed += news.length;
  }

  /** Keeps reading within the budget of bytes a second. Errors: `cancelled`. */
  async #spend(bytes: number): Promise<void> {
    const { env, rules } = this.#options;
    const { signal } = this.#abort;
    const nowMs = env.clock.monotonicMs();
    this.#scrubbedBytes += bytes;
    this.#paidMs = Math.max(this.#paidMs, nowMs) + (bytes / rules.scrubBytesPerSecond) * 1000;
    if (this.#paidMs - nowMs > 20) await env.timers.sleep(this.#paidMs - nowMs, signal);
    else await env.timers.yieldNow();
    if (signal.aborted) throw new CitadelError('cancelled', 'the scrub was ended');
  }
}

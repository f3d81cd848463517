/**
 * One feed: reads on in the logs of the shards that this node is primary of, sends, and moves its cursors on
 * when a destination has the points.
 *
 * One read and one body at a time. After a failure nothing is kept: when it is time to try again the log is
 * read again. So a slow destination costs a read's worth of memory, a dead one none.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import type { SubscriptionTail } from '../../metadata/subscription-tails.ts';
import type { EntryVersions, LogTails, TailAnswer, TailPart } from '../../model/log-tail.ts';
import { CursorBoard } from './cursor-board.ts';
import { Destination } from './destination.ts';
import { formatFrames } from './format-frames.ts';
import { OccasionalWarning } from './occasional-warning.ts';
import { Sender } from './sender.ts';

/** Frames of one read. */
const readSizeMax = 512 * 1024;
/** After a read that failed, and between looks for shards that are not here yet. */
const readRetryMs = 500;

export interface FeedCounts {
  /** Points that destinations will never take, or lines cannot express. */
  refused: number;
  /** Log entries that were gone before they were read, of whatever database. */
  dropped: number;
}

export interface FeedOptions {
  readonly env: Pick<Env, 'clock' | 'rng' | 'log' | 'network' | 'timers'>;
  readonly tails: LogTails;
  readonly tail: SubscriptionTail;
}

export class Feed {
  readonly tail: SubscriptionTail;
  readonly destinations: readonly Destination[];
  readonly cursors = new CursorBoard();
  readonly counts: FeedCounts = { refused: 0, dropped: 0 };
  readonly #options: FeedOptions;
  readonly #sender: Sender;
  readonly #refusals: OccasionalWarning;
  readonly #drops: OccasionalWarning;
  /** Shards with entries that were not read, the one read longest ago first. */
  readonly #ready = new Set<number>();
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #wakeUp: () => void = () => undefined;

  constructor(options: FeedOptions) {
    const { tail } = options;
    const { subscription, database, policy, destinations } = tail;
    const log = options.env.log.with({ database, policy, subscription: subscription.name });
    const env = { ...options.env, log };
    this.tail = tail;
    this.#options = { ...options, env };
    this.destinations = destinations.map((url) => new Destination(env, url, { database, policy }));
    this.#refusals = new OccasionalWarning(env, 'points refused by their destination');
    this.#drops = new OccasionalWarning(env, 'log entries gone before they were sent');
    this.#sender = new Sender({
      env,
      destinations: this.destinations,
      onRefused: (points, reason) => this.#noteRefused(points, reason),
    });
    this.#running = this.#run();
  }

  /** The shards to feed from now on; `found`: the durable cursor of one that is new here. */
  setShards(
    shards: ReadonlySet<number>,
    found: (shard: number) => EntryVersions | undefined,
  ): void {
    for (const shard of this.cursors.shards) {
      if (shards.has(shard)) continue;
      this.cursors.leave(shard);
      this.#ready.delete(shard);
    }
    for (const shard of shards) {
      if (this.cursors.has(shard)) continue;
      this.cursors.add(shard, found(shard));
      this.#ready.add(shard);
    }
    this.#wakeUp();
  }

  /** These have new entries. */
  wake(shards: readonly number[]): void {
    for (const shard of shards) if (this.cursors.has(shard)) this.#ready.add(shard);
    if (this.#ready.size > 0) this.#wakeUp();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#wakeUp();
    await this.#running;
    for (const destination of this.destinations) destination.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      if (this.#ready.size === 0) await this.#idle();
      else await this.#round();
    }
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeUp = resolve;
    });
  }

  async #round(): Promise<void> {
    const { log } = this.#options.env;
    try {
      const { parts, absent } = await this.#read();
      for (const part of parts) this.#noteRead(part);
      await this.#deliver(parts);
      for (const part of parts) this.cursors.noteDelivered(part);
      // A shard that has just come to this node, or leaves it.
      if (parts.length === 0 && absent.length > 0) await this.#pause(readRetryMs);
    } catch (error) {
      if (this.#ending.signal.aborted) return;
      // A destination says itself what is wrong with it.
      if (!(error instanceof CitadelError)) log.error('feed failed', { error });
      const { monotonicMs } = this.#options.env.clock;
      await this.#pause(Math.max(readRetryMs / 10, this.#sender.notBeforeMs - monotonicMs()));
    }
  }

  #read(): Promise<TailAnswer> {
    const { dbId, rpId, sinceMs } = this.tail;
    const shards = [...this.#ready].map((shard) => ({
      shard,
      after: this.cursors.after(shard),
      sinceMs: this.cursors.isPast(shard) ? 0 : sinceMs,
    }));
    const question = { dbId, rpId, shards, sizeMax: readSizeMax };
    return this.#options.tails.readTail(question, this.#ending.signal);
  }

  #noteRead(part: TailPart): void {
    const { shard, missed, damaged, isAtEnd } = part;
    const lost = missed + damaged;
    this.cursors.noteRead(part);
    // News that come from now on make it ready again.
    this.#ready.delete(shard);
    if (!isAtEnd && this.cursors.has(shard)) this.#ready.add(shard);
    if (lost === 0) return;
    this.counts.dropped += lost;
    this.#drops.note(lost, { shard });
  }

  async #deliver(parts: readonly TailPart[]): Promise<void> {
    const frames = parts.flatMap((part) => part.frames);
    if (frames.length === 0) return;
    try {
      for (const body of formatFrames(frames, () => this.#sender.bodySizeMax)) {
        if (body.unwritable > 0)
          this.#noteRefused(body.unwritable, 'line protocol has no way to say their names');
        if (body.ends.length > 0) await this.#sender.send(body, this.#ending.signal);
      }
    } catch (error) {
      for (const { shard } of parts) if (this.cursors.has(shard)) this.#ready.add(shard);
      throw error;
    }
  }

  #noteRefused(points: number, reason: string): void {
    this.counts.refused += points;
    this.#refusals.note(points, { reason });
  }

  async #pause(delayMs: number): Promise<void> {
    await this.#options.env.timers.sleep(delayMs, this.#ending.signal).catch(() => undefined);
  }
}

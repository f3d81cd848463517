/**
 * Makes the cursors of all feeds durable, at a bounded rate: once a period those that moved, in so many
 * transactions at most; who is left out comes first the next time.
 */

import type { Env, TimerHandle } from '../../env/env.ts';
import { cursorsPerSave, type SubscriptionCursors } from '../../metadata/subscription-cursors.ts';
import type { Feed } from './feed.ts';

const savesPerPeriod = 10;
/** At a stop: what is not saved then comes twice. */
const lastSavesMax = 100;

export interface CursorSaverOptions {
  readonly env: Pick<Env, 'timers' | 'log'>;
  readonly periodMs: number;
  readonly cursors: SubscriptionCursors;
  readonly feeds: () => Iterable<Feed>;
}

export class CursorSaver {
  readonly #options: CursorSaverOptions;
  readonly #timer: TimerHandle;
  #running: Promise<void> | undefined;
  /** Where the next round begins. */
  #turn = 0;

  constructor(options: CursorSaverOptions) {
    const { env, periodMs } = options;
    this.#options = options;
    this.#timer = env.timers.every(periodMs, () => this.saveNow());
  }

  /** Unless that is under way. */
  saveNow(): void {
    this.#running ??= this.#round(savesPerPeriod).finally(() => {
      this.#running = undefined;
    });
  }

  /** Saves what it can once more. */
  async stop(): Promise<void> {
    this.#timer.cancel();
    await this.#running;
    await this.#round(lastSavesMax);
  }

  async #round(savesMax: number): Promise<void> {
    const { env, feeds } = this.#options;
    const all = [...feeds()];
    let saves = 0;
    try {
      for (let i = 0; i < all.length && saves < savesMax; i++) {
        const feed = all[(this.#turn + i) % all.length]!;
        if (await this.#save(feed)) saves++;
      }
      this.#turn = (this.#turn + Math.max(1, saves)) % Math.max(1, all.length);
    } catch (error) {
      env.log.debug('cannot save cursors of subscriptions now', { error: String(error) });
    }
  }

  /** False: there was nothing to save. */
  async #save({ tail, cursors: board }: Feed): Promise<boolean> {
    const moved = board.unsaved(cursorsPerSave);
    if (moved.length === 0) return false;
    const positions = moved.map((one) => ({ tail: tail.id, ...one }));
    const isSaved = await this.#options.cursors.save(tail, positions);
    if (isSaved) for (const { shard, versions } of moved) board.noteSaved(shard, versions);
    return true;
  }
}

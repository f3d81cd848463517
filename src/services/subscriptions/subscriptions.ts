/**
 * Subscriptions at work: a feed per destination for the shards that this node is primary of, started and
 * ended as subscriptions and primaries change. docs/subscriptions.md has the whole picture.
 */

import type { Reading } from '../../base/reading.ts';
import type { SubscriberStatus } from '../../broker/requests.ts';
import { SubscriptionCursors } from '../../metadata/subscription-cursors.ts';
import { listTails } from '../../metadata/subscription-tails.ts';
import type { TailPosition } from '../../model/log-tail.ts';
import type { Service, ServiceParts } from '../parts.ts';
import { CursorSaver } from './cursor-saver.ts';
import { describeFeeds } from './describe-feeds.ts';
import { Feed } from './feed.ts';
import { OwnShards } from './own-shards.ts';
import { readFeeds } from './read-feeds.ts';

/** A node's own metadata is written at no cost to others; etcd keeps what was written until it is compacted. */
const savePeriodsMs = { alone: 1_000, inCluster: 10_000 };
/** Feeds of one node; more are left out, and said. */
const feedsMax = 1_000;

type SubscriptionParts = Pick<
  ServiceParts,
  | 'env'
  | 'broker'
  | 'catalog'
  | 'store'
  | 'tails'
  | 'cluster'
  | 'lease'
  | 'onAdminChange'
  | 'clockSlackMs'
>;

class Subscriptions implements Service {
  readonly name = 'subscriptions';
  readonly #parts: SubscriptionParts;
  readonly #cursors: SubscriptionCursors;
  readonly #saver: CursorSaver;
  readonly #shards: OwnShards;
  readonly #feeds = new Map<string, Feed>();
  /** Feeds that were ended and have not finished yet. */
  readonly #ending = new Set<Promise<void>>();
  readonly #stops: (() => void)[];
  #isCrowded = false;
  #closed = false;

  constructor(parts: SubscriptionParts) {
    const { env, broker, store, tails, cluster, lease, onAdminChange } = parts;
    this.#parts = parts;
    broker.stats.subscribers = () => this.describe();
    const onMoved = (positions: readonly TailPosition[]) => this.#cursorsMoved(positions);
    this.#cursors = new SubscriptionCursors({ store, env, onMoved });
    const feeds = () => this.#feeds.values();
    const periodMs = lease === undefined ? savePeriodsMs.alone : savePeriodsMs.inCluster;
    this.#saver = new CursorSaver({ env, periodMs, cursors: this.#cursors, feeds });
    const onChange = () => this.#update();
    const onLost = () => this.#saver.saveNow();
    const isAlone = lease === undefined;
    this.#shards = new OwnShards({ env, cluster, isAlone, onChange, onLost });
    this.#stops = [
      onAdminChange(onChange),
      () => this.#shards.stop(),
      tails.onEntries((shards) => {
        for (const feed of this.#feeds.values()) feed.wake(shards);
      }),
    ];
    this.#update();
  }

  readings(): readonly Reading[] {
    return readFeeds([...this.#feeds.values()]);
  }

  describe(): readonly SubscriberStatus[] {
    return describeFeeds([...this.#feeds.values()]);
  }

  async stop(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    await Promise.all([...this.#feeds.values()].map((feed) => feed.stop()));
    await Promise.all(this.#ending);
    await this.#saver.stop();
    this.#cursors.close();
  }

  #cursorsMoved(positions: readonly TailPosition[]): void {
    if (this.#closed) return;
    this.#parts.tails.moveTails(positions);
    // They have just been read for the first time.
    if (this.#feeds.size === 0) this.#update();
  }

  /** Feeds as the catalog wants them, on the shards that the map gives this node. */
  #update(): void {
    if (this.#closed) return;
    const { env, catalog, tails, clockSlackMs } = this.#parts;
    const wanted = listTails(catalog.view, catalog.admin.view, clockSlackMs);
    tails.setTails(wanted.map(({ id, dbId, rpId, sinceMs }) => ({ id, dbId, rpId, sinceMs })));
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, feed] of this.#feeds) if (!ids.has(id)) this.#end(id, feed);
    if (!this.#cursors.isLoaded) return;
    for (const tail of wanted.slice(0, feedsMax)) {
      const feed = this.#feeds.get(tail.id) ?? new Feed({ env, tails, tail });
      this.#feeds.set(tail.id, feed);
      feed.setShards(this.#shards.ready, (shard) => this.#cursors.find(tail.id, shard));
    }
    this.#noteCrowd(wanted.length);
  }

  #noteCrowd(count: number): void {
    const isCrowded = count > feedsMax;
    if (isCrowded && !this.#isCrowded) {
      this.#parts.env.log.warn('too many subscriptions, the last ones get nothing', {
        count,
        feedsMax,
      });
    }
    this.#isCrowded = isCrowded;
  }

  #end(id: string, feed: Feed): void {
    this.#feeds.delete(id);
    const ended = feed.stop().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}

export async function startSubscriptions(parts: SubscriptionParts): Promise<Service> {
  return new Subscriptions(parts);
}

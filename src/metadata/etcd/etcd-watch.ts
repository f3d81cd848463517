/**
 * All watches of a store on one gRPC stream that is opened again whenever it breaks.
 *
 * A watch resumes one revision before the next it wants and drops what it has seen: so a history that was
 * compacted right up to it is noticed, where etcd would silently leave out a delete at that revision. A
 * server whose revision lies below what a watch has seen was restored: its watchers read their ranges anew.
 *
 * The stream is asked for its progress every few seconds: a server that hangs and one that is cut off
 * look alike from here, and without a question would not be noticed at all. The revision in that answer is
 * not used: etcd 3.4 may send it before changes that it covers.
 */

import type { Etcd3, IDuplexStream, IEvent, IWatchRequest, IWatchResponse } from 'etcd3';
import type { Clock, TimerHandle, Timers } from '../../env/env.ts';
import type { MetaChange, MetaWatch, WatchNotice } from '../meta-store.ts';
import type { EtcdCodec } from './etcd-codec.ts';
import type { EtcdHosts } from './etcd-hosts.ts';

type Stream = IDuplexStream<IWatchRequest, IWatchResponse>;

const reopenDelayMs = 250;
const progressPeriodMs = 3_000;
/** Silence for so long ends the stream. */
const silenceMsMax = 9_000;

export interface WatchWorld {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Pick<Timers, 'after' | 'every'>;
}

interface Watcher {
  readonly id: number;
  readonly prefix: string;
  readonly listener: (notice: WatchNotice) => void;
  /** The next revision it wants. */
  next: number;
  /** It has been told something: `next` lies behind a revision that was there. */
  isUnderWay: boolean;
}

function keyOf(change: MetaChange): string {
  return change.kind === 'put' ? change.record.key : change.key;
}

export class EtcdWatches {
  readonly #world: WatchWorld;
  readonly #hosts: EtcdHosts;
  readonly #codec: EtcdCodec;
  readonly #watchers = new Map<number, Watcher>();
  #nextId = 1;
  #client: Etcd3 | undefined;
  #stream: Stream | undefined;
  /** Raised with each stream: what an old one still says is not heard. */
  #life = 0;
  #heardMs = 0;
  #reopening: TimerHandle | undefined;
  readonly #progress: TimerHandle;
  #closed = false;

  constructor(world: WatchWorld, hosts: EtcdHosts, codec: EtcdCodec) {
    this.#world = world;
    this.#hosts = hosts;
    this.#codec = codec;
    this.#progress = world.timers.every(progressPeriodMs, () => this.#askProgress());
  }

  watch(prefix: string, fromRevision: number, listener: Watcher['listener']): MetaWatch {
    const id = this.#nextId++;
    const watcher = { id, prefix, listener, next: fromRevision, isUnderWay: false };
    this.#watchers.set(id, watcher);
    if (this.#stream !== undefined) this.#create(this.#stream, watcher);
    else if (this.#client === undefined && this.#reopening === undefined) this.#open();
    return { close: () => this.#remove(watcher) };
  }

  close(): void {
    this.#closed = true;
    this.#progress.cancel();
    this.#watchers.clear();
    this.#drop();
  }

  #remove(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher.id)) return;
    this.#stream?.write({ cancel_request: { watch_id: watcher.id } });
  }

  #open(): void {
    const life = ++this.#life;
    const client = this.#hosts.streams;
    this.#client = client;
    this.#heardMs = this.#world.clock.monotonicMs();
    const opening: Promise<Stream> = this.#hosts
      .renewToken(client)
      .then(() => client.watchClient.watch());
    opening.then(
      (stream) => this.#follow(stream, life),
      () => this.#broken(life),
    );
  }

  #follow(stream: Stream, life: number): void {
    // A cancelled stream still fails once.
    stream.on('error', () => this.#broken(life));
    stream.on('end', () => this.#broken(life));
    stream.on('data', (response) => {
      if (life === this.#life) this.#hear(response);
    });
    if (life !== this.#life || this.#closed) {
      stream.cancel();
      return;
    }
    this.#stream = stream;
    for (const watcher of this.#watchers.values()) this.#create(stream, watcher);
  }

  #create(stream: Stream, { id, prefix, next, isUnderWay }: Watcher): void {
    const start_revision = Math.max(1, isUnderWay ? next - 1 : next);
    const request = { ...this.#codec.toRange(prefix), start_revision, watch_id: id };
    stream.write({ create_request: request });
  }

  #broken(life: number): void {
    if (life !== this.#life) return;
    if (this.#client !== undefined) this.#hosts.rotate(this.#client);
    this.#drop();
    if (this.#closed) return;
    this.#reopening = this.#world.timers.after(reopenDelayMs, () => {
      this.#reopening = undefined;
      this.#open();
    });
  }

  #drop(): void {
    this.#life++;
    this.#reopening?.cancel();
    this.#reopening = undefined;
    this.#stream?.cancel();
    this.#stream = undefined;
    this.#client = undefined;
  }

  #askProgress(): void {
    if (this.#client === undefined) return;
    const silentMs = this.#world.clock.monotonicMs() - this.#heardMs;
    // Calls have given this server up: its silence then needs less proof.
    const isGivenUp = this.#client !== this.#hosts.streams && silentMs > progressPeriodMs;
    if (isGivenUp || silentMs > silenceMsMax) this.#broken(this.#life);
    else if (this.#watchers.size > 0) this.#stream?.write({ progress_request: {} });
    else this.#heardMs += silentMs;
  }

  #hear(response: IWatchResponse): void {
    this.#heardMs = this.#world.clock.monotonicMs();
    const watcher = this.#watchers.get(Number(response.watch_id));
    if (response.canceled) {
      this.#cancelled(watcher, response);
      return;
    }
    if (watcher === undefined) return;
    const revision = Number(response.header.revision);
    if (response.created && watcher.isUnderWay && revision < watcher.next - 1) {
      this.#finish(watcher, revision + 1);
      return;
    }
    this.#deliver(watcher, response.events);
  }

  #cancelled(watcher: Watcher | undefined, response: IWatchResponse): void {
    const compacted = Number(response.compact_revision);
    if (compacted > 0 && watcher !== undefined) this.#finish(watcher, compacted);
    // Not asked for: the server does not take the watch now, such as with a token that has expired.
    else if (watcher !== undefined || response.created) this.#broken(this.#life);
  }

  #finish(watcher: Watcher, revision: number): void {
    this.#remove(watcher);
    watcher.listener({ kind: 'compacted', revision });
  }

  /** Events of one revision come together and in one response. */
  #deliver(watcher: Watcher, events: readonly IEvent[]): void {
    for (let i = 0; i < events.length; ) {
      const revision = Number(events[i]!.kv.mod_revision);
      const changes: MetaChange[] = [];
      for (; i < events.length && Number(events[i]!.kv.mod_revision) === revision; i++) {
        changes.push(this.#codec.toChange(events[i]!));
      }
      if (revision < watcher.next) continue;
      watcher.next = revision + 1;
      watcher.isUnderWay = true;
      changes.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
      watcher.listener({ kind: 'changes', revision, changes });
      if (!this.#watchers.has(watcher.id)) return;
    }
  }
}

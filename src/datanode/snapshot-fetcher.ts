/**
 * Brings snapshots from peers to the workers that asked for them: few at a time, at the pace of the merge, and with rests while
 * the node is busy, unless a shard has too few copies without it.
 *
 * One that failed is reported at once; asked for again it waits, longer each time. It always begins anew.
 */

import { CitadelError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { SnapshotTransport } from '../rpc/snapshot-api.ts';
import { FetchPace } from './fetch-pace.ts';
import { kindOfSlot, shardOfSlot } from './slots.ts';
import type { ClusterToWorker } from './worker/cluster-messages.ts';
import { toFailure } from './worker/failure.ts';

/** Snapshots that come in at once. */
const fetchCountMax = 2;
/** Sent to the worker and not merged yet; always one piece. */
const windowBytes = 4 * 1024 * 1024;
const backOffMs = { first: 500, max: 30_000 };

export interface FetcherOptions {
  readonly env: Pick<Env, 'clock' | 'timers'>;
  /** The shard has too few copies, or this one is damaged: it is not made to wait. */
  readonly isUrgent: (shard: number) => boolean;
  readonly transport: SnapshotTransport;
  /** To the worker of the shard. */
  readonly send: (
    shard: number,
    message: ClusterToWorker,
    transfer: readonly ArrayBuffer[],
  ) => void;
}

interface Fetch {
  readonly shard: number;
  readonly from: string;
  readonly abort: AbortController;
  outstanding: number;
  /** Of pieces that are not merged yet, when each was sent, monotonic ms. */
  readonly sentMs: number[];
  /** Resolves when something was merged, or the fetch is stopped. */
  moved: () => void;
}

export class SnapshotFetcher {
  readonly #options: FetcherOptions;
  readonly #fetches = new Map<number, Fetch>();
  readonly #failures = new Map<number, number>();
  readonly #running = new Set<Promise<void>>();
  readonly #pace: FetchPace;
  #waiting: (() => void)[] = [];
  #activeCount = 0;

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#pace = new FetchPace(options.env.clock, options.env.timers);
  }

  start(shard: number, from: string): void {
    // The one before it ends first: its `snapshot-end` is on its way.
    if (this.#fetches.has(shard)) return;
    const abort = new AbortController();
    const moved = () => undefined;
    const transfer: Fetch = { shard, from, abort, outstanding: 0, sentMs: [], moved };
    this.#fetches.set(shard, transfer);
    const running = this.#run(transfer).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  taken(shard: number, bytes: number): void {
    const transfer = this.#fetches.get(shard);
    if (transfer === undefined) return;
    transfer.outstanding -= bytes;
    const sentMs = transfer.sentMs.shift();
    if (sentMs !== undefined)
      this.#pace.note(bytes, this.#options.env.clock.monotonicMs() - sentMs);
    transfer.moved();
  }

  stop(shard: number): void {
    const transfer = this.#fetches.get(shard);
    transfer?.abort.abort();
    transfer?.moved();
  }

  async close(): Promise<void> {
    for (const shard of this.#fetches.keys()) this.stop(shard);
    await Promise.all(this.#running);
  }

  async #run(transfer: Fetch): Promise<void> {
    const { shard } = transfer;
    let failure: ReturnType<typeof toFailure> | undefined;
    try {
      await this.#backOff(transfer);
      await this.#withSlot(transfer, () => this.#carry(transfer));
      this.#failures.delete(shard);
    } catch (error) {
      this.#failures.set(shard, (this.#failures.get(shard) ?? 0) + 1);
      failure = toFailure(error);
    }
    this.#fetches.delete(shard);
    this.#options.send(shard, { kind: 'snapshot-end', shard, failure }, []);
  }

  async #backOff({ shard, abort }: Fetch): Promise<void> {
    const count = this.#failures.get(shard) ?? 0;
    if (count === 0) return;
    const delayMs = Math.min(backOffMs.max, backOffMs.first * 2 ** (count - 1));
    await this.#options.env.timers.sleep(delayMs, abort.signal);
  }

  async #withSlot(transfer: Fetch, work: () => Promise<void>): Promise<void> {
    while (this.#activeCount >= fetchCountMax) {
      await new Promise<void>((resolve) => {
        transfer.moved = resolve;
        this.#waiting.push(resolve);
      });
      if (transfer.abort.signal.aborted) break;
    }
    if (transfer.abort.signal.aborted) throw new CitadelError('cancelled', 'the fetch was stopped');
    this.#activeCount++;
    try {
      await work();
    } finally {
      this.#activeCount--;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    }
  }

  async #carry(transfer: Fetch): Promise<void> {
    const { transport, send, env, isUrgent } = this.#options;
    const { shard, from, abort } = transfer;
    const { signal } = abort;
    const begin = async () => {
      if (!isUrgent(shard)) await this.#pace.ready(signal);
      return env.clock.monotonicMs();
    };
    let startMs = await begin();
    for await (const part of transport.fetchSnapshot(
      from,
      kindOfSlot(shard),
      shardOfSlot(shard),
      signal,
    )) {
      // A part of a larger buffer is copied: the buffer may hold the next one.
      const piece = part.byteLength === part.buffer.byteLength ? part : part.slice();
      const { byteLength } = piece;
      transfer.outstanding += byteLength;
      transfer.sentMs.push(env.clock.monotonicMs());
      send(shard, { kind: 'snapshot-piece', shard, piece }, [piece.buffer as ArrayBuffer]);
      while (transfer.outstanding > windowBytes && !signal.aborted) {
        await new Promise<void>((resolve) => {
          transfer.moved = resolve;
        });
      }
      if (signal.aborted) break;
      this.#pace.note(byteLength, env.clock.monotonicMs() - startMs);
      startMs = await begin();
    }
    if (signal.aborted) throw new CitadelError('cancelled', 'the fetch was stopped');
  }
}

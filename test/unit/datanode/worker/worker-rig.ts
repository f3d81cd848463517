/** A data worker in the simulated world, with the model of what it acknowledged. */

import { unlimitedMemory } from '../../../../src/base/memory-budget.ts';
import type {
  FromWorker,
  WorkerStart,
  WorkerStatus,
} from '../../../../src/datanode/worker/messages.ts';
import { openWorker } from '../../../../src/datanode/worker/open-worker.ts';
import type { WorkerCore } from '../../../../src/datanode/worker/worker-core.ts';
import { createSimEnv, type SimEnv } from '../../../../src/env/sim/sim-env.ts';
import { encodePointsFrame } from '../../../../src/model/frame-encode.ts';
import { encodeSeriesKey } from '../../../../src/model/series-key.ts';
import { type FakeStore, makeFiles, openFakeStore, type StoreFiles } from './fake-store.ts';

export const dbId = '00000000000000db';
export const rpId = '00000000000000aa';
export const shardCount = 4;

export function makeFrame(shard: number, value: number, time = BigInt(value)): Uint8Array {
  const key = encodeSeriesKey({ measurement: 'm', tags: [] });
  const times = BigInt64Array.of(time);
  const columns = [{ name: 'v', type: 'float' as const, values: Float64Array.of(value) }];
  return encodePointsFrame({ dbId, rpId, shardCount, shard }, [{ key, times, columns }]);
}

export interface Answer {
  readonly shard: number;
  readonly frame: Uint8Array;
  readonly code: string;
  readonly origin: string;
  readonly sequence: number;
}

export class WorkerRig {
  readonly env: SimEnv;
  readonly files = new Map<string, StoreFiles>();
  readonly faults = { failFlushes: 0 };
  readonly stores = new Map<number, FakeStore>();
  readonly sent: FromWorker[] = [];
  readonly answers = new Map<number, Answer>();
  readonly acked: { readonly shard: number; readonly frame: Uint8Array }[] = [];
  readonly #start: WorkerStart;
  readonly #asked = new Map<number, { readonly shard: number; readonly frame: Uint8Array }>();
  core: WorkerCore | undefined;
  #life = 0;
  #id = 0;

  constructor(seed: number, options: Partial<WorkerStart> = {}) {
    this.env = createSimEnv(seed);
    this.#start = {
      root: '/sim',
      shardCount,
      logCount: 2,
      logIds: [0, 1],
      fsync: 'always',
      fsyncIntervalMs: 20,
      segmentBytes: 2_000,
      memoryBytes: 20_000,
      scanMemory: unlimitedMemory,
      idleFlushMs: 5_000,
      policies: [],
      care: { scrubIntervalMs: 0, scrubBytesPerSecond: 1 },
      writerPort: undefined as never,
      cluster: undefined,
      ...options,
    };
  }

  async open(): Promise<void> {
    const { env } = this;
    const life = ++this.#life;
    this.stores.clear();
    this.core = await env.scheduler.run(
      openWorker({
        env,
        disk: env.disk.forProcess(),
        start: this.#start,
        openStore: async (shard, directory) => {
          const files = this.files.get(directory) ?? makeFiles();
          this.files.set(directory, files);
          await env.disk.makeDirectory(directory);
          const store = openFakeStore(env, files, this.faults);
          this.stores.set(shard, store);
          return store;
        },
        cacheBytes: () => 0,
        send: (message) => {
          if (life === this.#life) this.#receive(message);
        },
        onClosed: () => undefined,
      }),
    );
  }

  /** `sentMs`: when the broker sent it; undefined = not said. */
  write(shard: number, frame: Uint8Array, writeId?: Uint8Array, sentMs?: number): number {
    const id = ++this.#id;
    this.#asked.set(id, { shard, frame });
    const ownId = new Uint8Array(16);
    new DataView(ownId.buffer).setUint32(0, id);
    const item = { id, shard, writeId: writeId ?? ownId, isFallback: false, sentMs, frame };
    this.core!.receive({ kind: 'write', items: [{ ...item, level: 'auto' }] });
    return id;
  }

  async status(): Promise<WorkerStatus> {
    const id = ++this.#id;
    this.core!.receive({ kind: 'call', id, call: { kind: 'status' } });
    await this.env.scheduler.advance(0);
    const done = this.sent.find((message) => message.kind === 'done' && message.id === id);
    if (done?.kind !== 'done' || done.status === undefined) throw new Error('no status');
    return done.status;
  }

  async close(flush: boolean): Promise<void> {
    const id = ++this.#id;
    this.core!.receive({ kind: 'call', id, call: { kind: 'close', flush } });
    await this.env.scheduler.advance(2_000);
  }

  /** Every acknowledged frame that can no longer be read. */
  lost(): number {
    return this.acked.filter(({ shard, frame }) => !this.#has(shard, frame)).length;
  }

  #has(shard: number, frame: Uint8Array): boolean {
    const { memory, files } = this.stores.get(shard)!;
    for (const entry of [...memory.values(), ...files.rows.values()]) {
      if (Buffer.from(entry.frame).equals(frame)) return true;
    }
    return false;
  }

  #receive(message: FromWorker): void {
    this.sent.push(message);
    if (message.kind !== 'answers') return;
    for (const { id, origin, sequence, failure } of message.answers) {
      const asked = this.#asked.get(id)!;
      this.answers.set(id, { ...asked, code: failure?.code ?? 'ok', origin, sequence });
      if (failure === undefined) this.acked.push(asked);
    }
  }
}

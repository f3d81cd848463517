/** A store of keys in a temporary directory, and short ways to write to it and read from it, for tests. */

import type { Log } from '../../../src/env/env.ts';
import { createThreadEnv } from '../../../src/env/node/thread-env.ts';
import { type KStore, type KvRange, openKStore } from '../../../src/kstore/kstore.ts';
import { type ByteList, itemOf, listOf } from '../../../src/model/key-list.ts';
import { KvFrameBuilder } from '../../../src/model/kv-frame.ts';
import { createInThreadWriter } from '../../../src/sqlite/in-thread-writer.ts';
import { createReaderPool } from '../../../src/sqlite/reader-pool.ts';
import type { SqliteReaders, SqliteWriter } from '../../../src/sqlite/sqlite.ts';

export const origins = ['1111111111111111', '8888888888888888', 'ffffffffffffffff'] as const;
export const directory = 'kshard-0000';

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => quiet,
};
export const env = createThreadEnv(quiet);
export const never = new AbortController().signal;

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Key and value as latin-1 text; undefined = delete. */
export type Pair = readonly [key: string, value: string | undefined];

export function kvFrame(
  table: string,
  pairs: readonly Pair[],
  target = { shard: 0, shardCount: 1 },
): Uint8Array {
  const builder = new KvFrameBuilder({ table, ...target });
  for (const [key, value] of pairs) {
    if (value === undefined) builder.delete(bytesOf(key));
    else builder.put(bytesOf(key), bytesOf(value));
  }
  return builder.finish();
}

export interface WorldOptions {
  readonly root: string;
  /** Stands between the store and the real writer, to fail on purpose. */
  readonly wrapWriter?: (writer: SqliteWriter) => SqliteWriter;
}

export class World {
  readonly store: KStore;
  readonly readers: SqliteReaders;
  readonly writer: SqliteWriter;
  lsn: number;
  hlc = 1000;

  constructor(store: KStore, readers: SqliteReaders, writer: SqliteWriter) {
    this.store = store;
    this.readers = readers;
    this.writer = writer;
    this.lsn = store.positions.replayFrom;
  }

  /** Applies pairs with the next stamp, or the given one. */
  put(
    table: string,
    pairs: readonly Pair[],
    stamp: { hlc?: number; origin?: string; lsn?: number } = {},
  ): void {
    const lsn = stamp.lsn ?? ++this.lsn;
    this.store.apply({
      shard: 0,
      origin: stamp.origin ?? origins[0],
      sequence: lsn,
      hlc: stamp.hlc ?? ++this.hlc,
      epoch: 1,
      writeId: new Uint8Array(16),
      lsn,
      frame: kvFrame(table, pairs),
    });
  }

  async flush(versions: Record<string, number> = {}): Promise<void> {
    await this.store.flush({ versions, hlcMax: this.hlc, stableHlc: 0 });
  }

  async get(table: string, keys: readonly string[]): Promise<(string | undefined)[]> {
    return getValues(this.store, table, listOf(keys.map(bytesOf)));
  }

  /** In one turn; undefined = the values have more bytes. */
  getNow(table: string, keys: readonly string[], bytesMax: number) {
    const found = this.store.getNow(table, listOf(keys.map(bytesOf)), bytesMax);
    if (found === undefined) return undefined;
    const { present, values } = found;
    return Array.from(present, (one, i) => (one === 1 ? textOf(itemOf(values, i)) : undefined));
  }

  /** `key=value`, in order. */
  async list(table: string, range: Partial<KvRange> = {}): Promise<string[]> {
    const whole: KvRange = { from: new Uint8Array(0), until: undefined, ...range };
    const found: string[] = [];
    for await (const { keys, values } of this.store.scan(table, whole, never)) {
      for (let i = 0; i < keys.ends.length; i++) {
        found.push(`${textOf(itemOf(keys, i))}=${textOf(itemOf(values, i))}`);
      }
    }
    return found;
  }

  /** Closes files; what is on disk stays, what is in memory is lost, as in a crash. */
  async close(): Promise<void> {
    await this.store.close();
    this.readers.close();
    await this.writer.close();
  }
}

export async function getValues(
  store: KStore,
  table: string,
  keys: ByteList,
): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for await (const { start, present, values } of store.get(table, keys, never)) {
    if (start !== found.length) throw new Error(`a block starts at ${start}`);
    present.forEach((one, i) => {
      found.push(one === 1 ? textOf(itemOf(values, i)) : undefined);
    });
  }
  return found;
}

export async function openWorld(options: WorldOptions): Promise<World> {
  const { root } = options;
  const real = createInThreadWriter(root);
  const writer = options.wrapWriter?.(real) ?? real;
  const readers = createReaderPool(root, 8);
  const store = await openKStore({
    env,
    disk: env.openDisk(root),
    directory,
    shard: 0,
    shardCount: 1,
    writer,
    readers,
    hashSeed: 7,
  });
  return new World(store, readers, writer);
}

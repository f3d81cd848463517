/**
 * The key-value engine against bare better-sqlite3 in the same run.
 *
 * The engine runs with its SQLite writer in the same thread, so a put here pays for memtable, sort, row checksums and the
 * transaction one after the other; in a node the last is another thread's. Commit log and network are not in it.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNodeEnv } from '../../src/env/node/node-env.ts';
import { type KStore, openKStore } from '../../src/kstore/kstore.ts';
import { type ByteList, ByteListBuilder } from '../../src/model/key-list.ts';
import { KvFrameBuilder } from '../../src/model/kv-frame.ts';
import { type Connection, Database } from '../../src/sqlite/driver.ts';
import { createInThreadWriter } from '../../src/sqlite/in-thread-writer.ts';
import { createReaderPool } from '../../src/sqlite/reader-pool.ts';

import { type BareRates, batchSize, itemsOf, Keys, keySize, value } from './workload.ts';

const sortedSize = 100_000;
const env = createNodeEnv({ logLevel: 'error', logFormat: 'json' });
const { signal } = new AbortController();

type Row = readonly [what: string, perSecond: number, bare: number | undefined];

async function rateOf(count: number, run: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await run();
  return (count / (performance.now() - started)) * 1000;
}

function framesOf(keys: readonly Uint8Array[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < keys.length; at += batchSize) {
    const builder = new KvFrameBuilder({ table: 'bench', shard: 0, shardCount: 1 });
    for (const key of keys.slice(at, at + batchSize)) builder.put(key, value);
    frames.push(builder.finish());
  }
  return frames;
}

function apply(store: KStore, frames: readonly Uint8Array[]): void {
  for (const [i, frame] of frames.entries()) {
    const sequence = i + 1;
    const stamp = { origin: '1111111111111111', hlc: sequence, lsn: sequence };
    store.apply({ shard: 0, sequence, epoch: 1, writeId: new Uint8Array(16), frame, ...stamp });
  }
}

function batchesOf(keys: readonly Uint8Array[]): ByteList[] {
  const builder = new ByteListBuilder(batchSize * keySize, batchSize);
  const batches: ByteList[] = [];
  for (const key of keys) {
    builder.add(key);
    if (builder.count === batchSize) batches.push(builder.take());
  }
  return batches;
}

async function getAll(store: KStore, batches: readonly ByteList[]): Promise<void> {
  for (const batch of batches) {
    for await (const { present } of store.get('bench', batch, signal)) {
      if (present.includes(0)) throw new Error('a key is missing');
    }
  }
}

async function listAll(store: KStore, keyCount: number): Promise<void> {
  let count = 0;
  const everything = { from: new Uint8Array(0), until: undefined };
  for await (const { keys } of store.scan('bench', everything, signal)) count += keys.ends.length;
  if (count !== keyCount) throw new Error(`a list of ${count} keys`);
}

function loadBare(root: string, keys: readonly Uint8Array[]): Connection {
  const database = new Database(join(root, 'bare.db'));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('wal_autocheckpoint = 0');
  database.exec('CREATE TABLE rows (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID');
  const put = database.prepare('INSERT OR REPLACE INTO rows VALUES (?, ?)');
  for (let at = 0; at < keys.length; at += sortedSize) {
    const sorted = keys.slice(at, at + sortedSize).sort(Buffer.compare);
    database.exec('BEGIN');
    for (const key of sorted) put.run(key, value);
    database.exec('COMMIT');
    database.pragma('wal_checkpoint(TRUNCATE)');
  }
  return database;
}

function getBare(database: Connection, keys: readonly Uint8Array[]): void {
  const get = database.prepare('SELECT v FROM rows WHERE k = ?');
  for (const key of keys) if (get.get(key) === undefined) throw new Error('a key is missing');
}

function listBare(database: Connection, keyCount: number): void {
  let count = 0;
  for (const _ of database.prepare('SELECT k, v FROM rows ORDER BY k').raw().iterate()) count++;
  if (count !== keyCount) throw new Error(`a list of ${count} keys`);
}

async function run(root: string, keyCount: number): Promise<{ rows: Row[]; bare: BareRates }> {
  const all = new Keys(keyCount);
  const keys = itemsOf(all.slice(0, keyCount));
  const asked = [...keys].sort(() => env.rng.next() - 0.5).slice(0, Math.min(keyCount, 200_000));
  const frames = framesOf(keys);
  const batches = batchesOf(asked);
  const writer = createInThreadWriter(root);
  const readers = createReaderPool(root, 8, 1024);
  const place = { disk: env.openDisk(root), directory: 'kshard-0000', shard: 0, shardCount: 1 };
  const store = await openKStore({ env, writer, readers, hashSeed: 1, ...place });
  let bare: Connection | undefined;
  const bareLoad = await rateOf(keyCount, () => {
    bare = loadBare(root, keys);
  });
  const database = bare!;
  const applied = await rateOf(keyCount, () => apply(store, frames));
  const fromMemory = await rateOf(batches.length * batchSize, () => getAll(store, batches));
  const memoryList = await rateOf(keyCount, () => listAll(store, keyCount));
  const memory = store.memoryBytes;
  const flushed = await rateOf(keyCount, async () => {
    await store.flush({ versions: {}, hlcMax: frames.length, stableHlc: 0 });
  });
  const bareGet = await rateOf(batches.length * batchSize, () =>
    getBare(database, asked.slice(0, batches.length * batchSize)),
  );
  const fromFile = await rateOf(batches.length * batchSize, () => getAll(store, batches));
  const bareList = await rateOf(keyCount, () => listBare(database, keyCount));
  const fileList = await rateOf(keyCount, () => listAll(store, keyCount));
  const rows: Row[] = [
    ['put: memtable', applied, undefined],
    ['put: flush', flushed, bareLoad],
    ['put: both', 1 / (1 / applied + 1 / flushed), bareLoad],
    ['get from memory', fromMemory, undefined],
    ['get from file', fromFile, bareGet],
    ['list from memory', memoryList, undefined],
    ['list from file', fileList, bareList],
  ];
  process.stdout.write(
    `${keyCount} keys, ${(memory / keyCount).toFixed(0)} bytes of memory each\n`,
  );
  database.close();
  await store.close();
  readers.close();
  await writer.close();
  return { rows, bare: { load: bareLoad, get: bareGet, list: bareList } };
}

/** Prints the table of the engine; returns what bare SQLite did. */
export async function benchEngine(keyCount: number): Promise<BareRates> {
  const root = mkdtempSync(join(tmpdir(), 'citadel-kv-bench-'));
  try {
    const { rows, bare } = await run(root, keyCount);
    for (const [what, perSecond, other] of rows) {
      const thousands = (count: number) => `${(count / 1000).toFixed(0).padStart(6)} k/s`;
      const ratio = other === undefined ? '' : (perSecond / other).toFixed(2);
      const against = other === undefined ? '' : `  bare ${thousands(other)}  ratio ${ratio}`;
      process.stdout.write(`${what.padEnd(18)}${thousands(perSecond)}${against}\n`);
    }
    return bare;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

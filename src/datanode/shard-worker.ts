/**
 * Entry of a data worker thread: builds the real world for it and connects the worker to its parent.
 *
 * An error that nobody caught ends the thread, and with it the node: state in memory may be wrong.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { viewOf } from '../base/bytes.ts';
import { invariant } from '../base/errors.ts';
import type { Log, LogFields } from '../env/env.ts';
import { createThreadEnv } from '../env/node/thread-env.ts';
import { openKStore } from '../kstore/kstore.ts';
import { createReaderPool } from '../sqlite/reader-pool.ts';
import { connectSqliteWriter } from '../sqlite/writer-port.ts';
import { ReadCache } from '../tstore/read-cache.ts';
import { openTStore } from '../tstore/tstore.ts';
import { ValueSieve } from '../tstore/value-sieve.ts';
import { kindOfSlot, shardOfSlot } from './slots.ts';
import { toFailure } from './worker/failure.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker/messages.ts';
import { openWorker } from './worker/open-worker.ts';

/** Share of the memory budget for rows of chunks that were read. */
const cacheShare = 0.25;
/** Open SQLite files per worker. */
const handlesMax = 256;
/** One per shard of keys, with a cache of its own each: rows are read key by key, so inner pages must stay. */
const kvHandlesMax = 64;
const kvPageCacheKib = 1024;

invariant(parentPort !== null, 'a data worker runs in a thread of its own');
const port = parentPort;
const start = workerData as WorkerStart;

function send(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

/** Errors do not cross threads as they are. */
function toPlainFields(fields: LogFields): LogFields {
  const plain = Object.entries(fields).map(([key, value]) =>
    value instanceof Error ? [key, toFailure(value)] : [key, value],
  );
  return Object.fromEntries(plain);
}

/** Events go to the main thread, which writes them. */
function createRemoteLog(common: LogFields): Log {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (event: string, fields: LogFields = {}) =>
      send({ kind: 'log', level, event, fields: toPlainFields({ ...common, ...fields }) });
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (fields) => createRemoteLog({ ...common, ...fields }),
  };
}

async function run(): Promise<void> {
  const env = createThreadEnv(createRemoteLog({}));
  const writer = connectSqliteWriter(start.writerPort);
  const readers = createReaderPool(start.root, handlesMax);
  const kvReaders = createReaderPool(start.root, kvHandlesMax, kvPageCacheKib);
  const hashSeed = viewOf(env.rng.bytes(4)).getUint32(0);
  const cache = new ReadCache(start.memoryBytes * cacheShare);
  const sieve = start.sieve && new ValueSieve(start.sieve);
  const { shardCount, policies } = start;
  const disk = env.openDisk(start.root);
  const core = await openWorker({
    env,
    disk,
    start,
    openStore: (slot, directory) => {
      const shard = shardOfSlot(slot);
      const place = { env, disk, directory, shard, shardCount, writer };
      if (kindOfSlot(slot) === 'kstore') {
        return openKStore({ ...place, readers: kvReaders, hashSeed });
      }
      return openTStore({ ...place, readers, cache, sieve, policies });
    },
    cacheBytes: () => cache.memoryBytes,
    send,
    onClosed: () => {
      readers.close();
      kvReaders.close();
      const end = () => port.close();
      writer.close().then(end, end);
    },
  });
  if (core.isWhole) sieve?.declareWhole();
  port.on('message', (message: ToWorker) => core.receive(message));
  send({ kind: 'ready' });
}

run().catch((error: unknown) => {
  send({ kind: 'open-failed', failure: toFailure(error) });
  start.writerPort.close();
  port.close();
});

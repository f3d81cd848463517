/**
 * The embedded metadata of a node: its own SQLite file in the data directory, written by a thread of
 * its own, so that neither a sync nor a large flush holds up the main thread or a new field.
 */

import { CitadelError } from '../base/errors.ts';
import type { DataDirectory } from '../datanode/data-directory.ts';
import type { Env } from '../env/env.ts';
import { openCluster, type ShardMap } from '../metadata/cluster-record.ts';
import { openEmbeddedMetaStore } from '../metadata/embedded/embedded-meta-store.ts';
import { createSqliteJournal } from '../metadata/embedded/sqlite-journal.ts';
import type { MetaStore } from '../metadata/meta-store.ts';
import { createReaderPool } from '../sqlite/reader-pool.ts';
import { connectSqliteWriter } from '../sqlite/writer-port.ts';
import { startSqliteWriterThread } from '../sqlite/writer-thread.ts';

const metadataFile = 'metadata.sqlite';

export interface OpenMetadata {
  readonly store: MetaStore;
  readonly shardMap: ShardMap;
  /** Rejects when the store's thread dies. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/**
 * Shards without metadata: whoever lost the file must not find an empty database instead of an error.
 * Resolves with whether there is data.
 */
async function refuseLostMetadata({ disk, path }: DataDirectory): Promise<boolean> {
  const names = await disk.list('.');
  const hasData = names.some((name) => name === 'log' || name.startsWith('shard-'));
  if (!hasData || names.includes(metadataFile)) return hasData;
  throw new CitadelError('corrupt', `${metadataFile} is missing from ${path}, which has data`);
}

/** @throws CitadelError `corrupt`, `conflict`, `unsupported-version`, `unavailable`, `disk-full` */
export async function openMetadata(env: Env, directory: DataDirectory): Promise<OpenMetadata> {
  const mustBeFilled = await refuseLostMetadata(directory);
  const thread = startSqliteWriterThread(directory.path);
  let store: MetaStore | undefined;
  const close = async () => {
    await store?.close();
    await thread.close();
  };
  try {
    const journal = createSqliteJournal({
      file: metadataFile,
      writer: connectSqliteWriter(thread.openPort()),
      readers: createReaderPool(directory.path, 1),
      mustBeFilled,
    });
    store = await openEmbeddedMetaStore(env, journal);
    const { uuid, clusterUuid, shardCount } = directory.identity;
    const shardMap = await openCluster(store, env.clock, {
      nodeUuid: uuid,
      clusterUuid,
      shardCount,
    });
    return { store, shardMap, failed: thread.failed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Until a cluster can be joined. */
export function refuseExternalStore(urls: readonly string[]): void {
  if (urls.length === 0) return;
  throw new CitadelError(
    'unsupported',
    'cannot use -kvstore: this release keeps its metadata itself, start without it',
  );
}

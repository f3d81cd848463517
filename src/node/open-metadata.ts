/**
 * The embedded metadata of a node: its own SQLite file in the data directory, written by a thread of
 * its own, so that neither a sync nor a large flush holds up the main thread or a new field.
 */

import { CitadelError } from '../base/errors.ts';
import { clusterMapFile } from '../datanode/cluster-map-file.ts';
import type { DataDirectory } from '../datanode/data-directory.ts';
import type { Env } from '../env/env.ts';
import { refuseMoved } from '../metadata/adopt.ts';
import { openCluster } from '../metadata/cluster-record.ts';
import type { ClusterView } from '../metadata/cluster-view.ts';
import { ClusterWatch } from '../metadata/cluster-watch.ts';
import { openEmbeddedMetaStore } from '../metadata/embedded/embedded-meta-store.ts';
import { createSqliteJournal } from '../metadata/embedded/sqlite-journal.ts';
import type { MetaStore } from '../metadata/meta-store.ts';
import { createReaderPool } from '../sqlite/reader-pool.ts';
import { connectSqliteWriter } from '../sqlite/writer-port.ts';
import { startSqliteWriterThread } from '../sqlite/writer-thread.ts';

const metadataFile = 'metadata.sqlite';

export interface OpenMetadata {
  readonly store: MetaStore;
  readonly view: ClusterView;
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
  if (names.includes(metadataFile)) return hasData;
  if (names.includes(clusterMapFile)) {
    const message = `cannot use data directory ${path} alone: it belongs to a cluster, start with -kvstore`;
    throw new CitadelError('conflict', message);
  }
  if (!hasData) return false;
  throw new CitadelError('corrupt', `${metadataFile} is missing from ${path}, which has data`);
}

export interface EmbeddedStore {
  readonly store: MetaStore;
  /** Rejects when the store's thread dies. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** The directory has metadata of its own, whether it is still in use or not. */
export async function hasEmbeddedMetadata({ disk }: DataDirectory): Promise<boolean> {
  return (await disk.list('.')).includes(metadataFile);
}

/** The store as it is. @throws CitadelError `corrupt`, `unsupported-version`, `unavailable`, `disk-full` */
export async function openEmbeddedStore(
  env: Env,
  directory: DataDirectory,
): Promise<EmbeddedStore> {
  const mustBeFilled = await refuseLostMetadata(directory);
  const thread = startSqliteWriterThread(directory.path);
  try {
    const journal = createSqliteJournal({
      file: metadataFile,
      writer: connectSqliteWriter(thread.openPort()),
      readers: createReaderPool(directory.path, 1),
      mustBeFilled,
    });
    const store = await openEmbeddedMetaStore(env, journal);
    const close = async () => {
      await store.close();
      await thread.close();
    };
    return { store, failed: thread.failed, close };
  } catch (error) {
    await thread.close();
    throw error;
  }
}

/** @throws CitadelError `corrupt`, `conflict`, `unsupported-version`, `unavailable`, `disk-full` */
export async function openMetadata(env: Env, directory: DataDirectory): Promise<OpenMetadata> {
  const { store, failed, close: closeStore } = await openEmbeddedStore(env, directory);
  let view: ClusterWatch | undefined;
  const close = async () => {
    view?.close();
    await closeStore();
  };
  try {
    await refuseMoved(store);
    const { uuid, clusterUuid, shardCount } = directory.identity;
    await openCluster(store, env.clock, { nodeUuid: uuid, clusterUuid, shardCount });
    const isAttached = () => true;
    view = new ClusterWatch(env, store, {
      self: uuid,
      clusterUuid,
      lastMap: undefined,
      isAttached,
    });
    await view.open();
    return { store, view, failed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

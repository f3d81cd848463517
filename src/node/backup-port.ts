/** Backups as a part of a node: shards from the data node, the catalog from the metadata store. */

import { CitadelError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { BackupPort } from '../http/parts.ts';
import { makeShardMap } from '../metadata/cluster-record.ts';
import { CatalogRestore, readCatalogEntries } from '../metadata/restore-catalog.ts';
import type { Stores } from './open-stores.ts';

/** The controller places new shards of keys within so long. */
const placePatienceMs = 30_000;
const pollMs = 100;

export function makeBackupPort(env: Env, { metadata, dataNode }: Stores): BackupPort {
  const { store, view, cluster, directory } = metadata;
  return {
    shards: dataNode.backups,
    readCatalog: () => readCatalogEntries(store),
    catalogRestore: new CatalogRestore(store, env.rng),
    async setUpKeys() {
      if (cluster === undefined) return;
      const { shardCount } = directory.identity;
      const { replicationFactor } = view.map;
      await makeShardMap(store, env.clock, 'kstore', { shardCount, replicationFactor });
      const deadlineMs = env.clock.monotonicMs() + placePatienceMs;
      const isReady = () => {
        const { kstore } = view.map.shards;
        return kstore.length === shardCount && kstore.every(({ isNew }) => !isNew);
      };
      while (!isReady()) {
        if (env.clock.monotonicMs() > deadlineMs) {
          throw new CitadelError('unavailable', 'the shards of keys are not placed yet: again');
        }
        await env.timers.sleep(pollMs);
      }
    },
  };
}

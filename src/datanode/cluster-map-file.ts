/**
 * `cluster-map.json` of the data directory: the last cluster map this node had, so that it can serve while
 * the metadata store is away, and can tell a store that was restored or emptied.
 *
 * The file never goes back: a map with a lower version is not saved. Format: docs/formats/data-directory.md.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../base/errors.ts';
import type { Disk } from '../env/env.ts';
import type { ClusterMap, NodeRecord, ShardRecord } from '../model/cluster.ts';

export const clusterMapFile = 'cluster-map.json';
const versionNow = 1;

type StoredShard = Omit<ShardRecord, 'learner' | 'leaving'> & {
  readonly learner: string | null;
  readonly leaving: string | null;
};

interface StoredMap {
  readonly clusterUuid: string;
  readonly version: number;
  readonly replicationFactor: number;
  readonly nodes: readonly NodeRecord[];
  readonly shards: {
    readonly tstore: readonly StoredShard[];
    readonly kstore: readonly StoredShard[];
  };
}

function toStoredShard({ learner, leaving, ...record }: ShardRecord): StoredShard {
  return { ...record, learner: learner ?? null, leaving: leaving ?? null };
}

function fromStoredShard({ learner, leaving, ...record }: StoredShard): ShardRecord {
  return { ...record, learner: learner ?? undefined, leaving: leaving ?? undefined };
}

function toStored({ nodes, shards, ...map }: ClusterMap): StoredMap {
  const { tstore, kstore } = shards;
  return {
    clusterUuid: map.clusterUuid,
    version: map.version,
    replicationFactor: map.replicationFactor,
    nodes: [...nodes.values()],
    shards: { tstore: tstore.map(toStoredShard), kstore: kstore.map(toStoredShard) },
  };
}

function fromStored({ nodes, shards, ...map }: StoredMap): ClusterMap {
  return {
    ...map,
    nodes: new Map(nodes.map((node) => [node.uuid, node])),
    shards: {
      tstore: shards.tstore.map(fromStoredShard),
      kstore: shards.kstore.map(fromStoredShard),
    },
  };
}

function encode(map: ClusterMap): Uint8Array {
  const stored = toStored(map);
  const file = { version: versionNow, map: stored, checksum: crc32(JSON.stringify(stored)) };
  return new TextEncoder().encode(`${JSON.stringify(file, undefined, 2)}\n`);
}

function decode(bytes: Uint8Array): ClusterMap {
  let file: {
    readonly version: number;
    readonly map: StoredMap;
    readonly checksum: number;
  };
  const damaged = `cannot read ${clusterMapFile}: it is damaged`;
  try {
    file = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new CitadelError('corrupt', damaged, { cause });
  }
  if (typeof file?.version === 'number' && file.version !== versionNow) {
    const message = `cannot read ${clusterMapFile}: it needs a newer release`;
    throw new CitadelError('unsupported-version', message);
  }
  if (file?.map === undefined || crc32(JSON.stringify(file.map)) !== file.checksum) {
    throw new CitadelError('corrupt', damaged);
  }
  return fromStored(file.map);
}

/**
 * Undefined: this directory was never part of a cluster with a map.
 * @throws CitadelError `corrupt`, `unsupported-version`
 */
export async function loadClusterMap(disk: Disk): Promise<ClusterMap | undefined> {
  try {
    return decode(await disk.readAll(clusterMapFile));
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/** Saves maps one after the other; of those that come meanwhile only the newest. */
export class ClusterMapFile {
  readonly #disk: Disk;
  readonly #failed: (error: unknown) => void;
  /** Version of the newest map that was saved or is being saved. */
  #newest: number;
  #wanted: ClusterMap | undefined;
  #running: Promise<void> | undefined;

  /** `saved`: what the file holds, if there is one. */
  constructor(disk: Disk, saved: ClusterMap | undefined, failed: (error: unknown) => void) {
    this.#disk = disk;
    this.#newest = saved?.version ?? 0;
    this.#failed = failed;
  }

  save(map: ClusterMap): void {
    if (map.version < this.#newest) return;
    this.#newest = map.version;
    this.#wanted = map;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let map = this.#wanted; map !== undefined; map = this.#wanted) {
      this.#wanted = undefined;
      try {
        await this.#disk.writeAtomic(clusterMapFile, encode(map));
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}

/** The sections of a backup: one for memory and tombstones, one for each partition file. */

import { CitadelError } from '../../base/errors.ts';
import type { BackupSection } from '../../model/store-backup.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import type { StoreState } from '../store/store-state.ts';
import { SnapshotStream } from './snapshot-stream.ts';
import { type PinnedStore, pinStore } from './take-snapshot.ts';

export const memorySection = 'memory';

function nameOf({ meta }: PartitionFile): string {
  return `file-${meta.fileId}`;
}

/** The directory of a replica is never used for another one, and neither is the number of a file. */
export function listSections(state: StoreState): readonly BackupSection[] {
  const { readers, directory } = state.options;
  let bytes = 0;
  for (const memtable of state.memtables) bytes += memtable.memoryBytes;
  const sections: BackupSection[] = [{ name: memorySection, key: '', bytes }];
  for (const file of state.files()) {
    if (!file.exists) continue;
    const key = `${directory}/${file.meta.fileId}/${file.meta.generation}`;
    sections.push({ name: nameOf(file), key, bytes: readers.size(file.path) });
  }
  return sections;
}

function pinSection(state: StoreState, name: string): PinnedStore {
  const { hlcMax } = state.catalog.meta;
  const pinned = pinStore(state, { versions: {}, gcVersions: {}, hlcMax });
  // What was collected as garbage here means nothing where the section goes.
  const facts = { ...pinned.facts, gcVersions: {} };
  if (name === memorySection) return { ...pinned, facts, files: [] };
  const file = pinned.files.find((one) => one.exists && nameOf(one) === name);
  if (file === undefined) {
    throw new CitadelError('not-found', `shard ${state.options.shard} has no section ${name}`);
  }
  // Tombstones follow the rows: those that a compaction applied meanwhile are among them.
  return { ...pinned, facts, tombstones: [], tombstoneNoNext: 0, frames: [], files: [file] };
}

export function openSection(
  state: StoreState,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  return new SnapshotStream(state, () => pinSection(state, name), signal);
}

/** Planted `truncate`: a replica makes its log like that of the new primary by cutting off what that one lacks. */

import type { Versions } from '../../src/replication/version-vector.ts';
import type { SimDisk } from './sim-disk.ts';
import type { SimStore } from './sim-store.ts';

/** The versions that are left; undefined when nothing had to go. */
export function cutLog(
  disk: SimDisk,
  store: SimStore,
  kept: Versions,
  had: Versions,
): Versions | undefined {
  const keeps = (entry: { origin: string; sequence: number }) =>
    entry.sequence <= (kept[entry.origin] ?? 0);
  const gone = [...disk.log, ...disk.unsynced].filter((entry) => !keeps(entry));
  if (gone.length === 0) return undefined;
  for (const { hlc, origin } of gone) {
    for (const [cell, value] of store.cells) {
      if (value.hlc === hlc && value.origin === origin) store.cells.delete(cell);
    }
  }
  disk.log = disk.log.filter(keeps);
  disk.unsynced = [];
  const versions: Record<string, number> = {};
  for (const [origin, sequence] of Object.entries(had)) {
    versions[origin] = Math.min(sequence, kept[origin] ?? 0);
  }
  return versions;
}

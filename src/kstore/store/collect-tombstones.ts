/**
 * Deleted keys go for good when nothing older can arrive any more: the delete is stable, no memtable has
 * an entry with a stamp at or below it, and no file that was set aside may hold an older value.
 */

import { listOf } from '../../model/key-list.ts';
import { joinVersions } from '../../model/versions.ts';
import type { ParameterColumn, StatementBatch } from '../../sqlite/job.ts';
import { deletedFlag, readHlc, stampSize, writeHlc } from '../file/row-layout.ts';
import type { StoreState } from './store-state.ts';
import { commit, ensureSound } from './write-file.ts';

const gravesPerStep = 20_000;
const deleteRow = `DELETE FROM rows WHERE k = ? AND substr(body, 1, ${stampSize + 1}) = ?`;
const deleteGrave = 'DELETE FROM graves WHERE g = ?';

/** Stamps at or below it are not in any memtable. */
function horizonOf(state: StoreState, stableHlc: number): number {
  let horizon = stableHlc;
  for (const { hlcMin } of state.memtables) horizon = Math.min(horizon, hlcMin - 1);
  return horizon;
}

function blobs(parts: readonly Uint8Array[]): ParameterColumn {
  const { bytes, ends } = listOf(parts);
  return { kind: 'blob', bytes, ends: Float64Array.from(ends) };
}

/** The row goes only if it still is that very delete. */
function deletions(graves: readonly Uint8Array[]): StatementBatch[] {
  const rowCount = graves.length;
  const keys = graves.map((grave) => grave.subarray(stampSize));
  const heads = graves.map((grave) => {
    const head = new Uint8Array(stampSize + 1);
    head.set(grave.subarray(0, stampSize));
    head[stampSize] = deletedFlag;
    return head;
  });
  return [
    { sql: deleteRow, rowCount, parameters: [blobs(keys), blobs(heads)] },
    { sql: deleteGrave, rowCount, parameters: [blobs(graves)] },
  ];
}

/** True when some went. A grave whose key was written again only loses its mark. */
export async function collectTombstones(
  state: StoreState,
  stableHlc: number,
  versions: Readonly<Record<string, number>>,
): Promise<boolean> {
  if (state.isHeld || state.isDamaged || state.older.length > 0) return false;
  const horizon = horizonOf(state, stableHlc);
  if (!(horizon >= 0)) return false;
  const { file, options } = state;
  const until = new Uint8Array(7);
  writeHlc(until, 0, Math.min(horizon + 1, Number.MAX_SAFE_INTEGER));
  const found = file
    .reader(options.readers)
    .all('SELECT g FROM graves WHERE g < ? ORDER BY g LIMIT ?', [until, gravesPerStep]);
  const graves = found.flatMap(([g]) =>
    g instanceof Uint8Array && g.length > stampSize && readHlc(g, 0) <= horizon ? [g] : [],
  );
  if (graves.length === 0) return false;
  await ensureSound(state);
  await commit(state, deletions(graves), {
    gcVersions: joinVersions(file.meta.gcVersions, versions),
  });
  return true;
}

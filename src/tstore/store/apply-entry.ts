/** Applies log entries in memory: points go to the memtable as they are, deletes become tombstones. */

import type { Entry } from '../../model/entry.ts';
import { type DeleteFrame, openFrame, type PointsFrame } from '../../model/frame-decode.ts';
import type { StoreState } from './store-state.ts';

/** The log has checked the frame; what cannot be read here was never accepted. */
export function applyEntry(state: StoreState, entry: Entry): void {
  const kept = state.slabs.keep(entry.frame);
  const frame = openFrame(kept, { trusted: true });
  state.active.lastLsn = Math.max(state.active.lastLsn, entry.lsn);
  if (frame.kind === 'points') applyPoints(state, entry, frame.points);
  else applyDelete(state, entry, frame.delete);
}

function applyPoints(state: StoreState, entry: Entry, points: PointsFrame): void {
  const { dbId, rpId } = points.header;
  if (state.isDropped(dbId, rpId)) return;
  const { columnKeys } = points;
  const fields = new Uint32Array(columnKeys.length);
  for (let i = 0; i < fields.length; i++) {
    fields[i] = state.fieldNames.numberOf(columnKeys[i]!.name, columnKeys[i]!.type);
  }
  const part = state.active.part(dbId, rpId, () => state.database(dbId));
  const origin = state.origins.numberOf(entry.origin);
  part.add({ points, hlc: entry.hlc, origin, lsn: entry.lsn, fields });
}

function applyDelete(state: StoreState, entry: Entry, frame: DeleteFrame): void {
  const { dbId } = frame.header;
  const known = state.tombstonesOf(dbId);
  const { hlc, origin, lsn } = entry;
  if (known.some((other) => other.hlc === hlc && other.origin === origin)) return;
  state.origins.numberOf(origin);
  const no = state.tombstoneNoNext++;
  const { predicate } = frame;
  state.tombstones.set(dbId, [...known, { no, dbId, predicate, hlc, origin, lsn }]);
}

/**
 * Reads on in the log of one replica behind a version vector, for a tail: entries in order per origin, frames of
 * other databases and of before the tail's time left out.
 *
 * What this replica accepts now comes after all others: they end, so nobody waits for ever, and after a
 * restart the points of a series come in the order of their writes.
 *
 * What is no longer in the log, or cannot be read, is counted; reading goes on behind it.
 */

import type { EntryVersions } from '../../model/log-tail.ts';
import type { EntryIndex } from './entry-index.ts';
import { findPlaces } from './find-places.ts';
import type { LogRecord } from './log-layout.ts';
import type { SegmentReader } from './segment-reader.ts';

/** What is read at once, other replicas' records in between included. */
const spanBytes = 1024 * 1024;
/** Of the first 48 bytes of a frame (frame-layout.ts). */
const kindOffset = 44;
const pointsKind = 1;

export interface TailLog {
  readonly index: EntryIndex;
  readonly reader: Pick<SegmentReader, 'read'>;
  /** What is applied, as the replica counts it now. */
  readonly versions: () => EntryVersions;
  /** Of what this replica accepts now. */
  readonly ownOrigin: () => string;
}

export interface TailScope {
  /** As in a frame's header: database id, policy id. */
  readonly ids: Uint8Array;
  /** Entries with a smaller stamp are left out. */
  readonly sinceHlc: number;
}

export interface TailRead {
  readonly frames: readonly Uint8Array[];
  readonly start: EntryVersions;
  readonly through: EntryVersions;
  readonly missed: number;
  readonly damaged: number;
  /** Of the frames read, those left out included. */
  readonly readBytes: number;
}

export interface TailLag {
  readonly entries: number;
  readonly bytes: number;
}

interface Progress {
  readonly frames: Uint8Array[];
  readonly through: Record<string, number>;
  damaged: number;
  readBytes: number;
}

/** Sequence of the first entry of an origin that can be read above `have`; `applied` + 1 = none. */
function firstReadable(index: EntryIndex, origin: string, have: number, applied: number): number {
  const run = index.runOf(origin);
  if (run === undefined || have + 1 >= run.next) return Math.max(applied, have) + 1;
  return Math.max(have + 1, run.first);
}

/** Where a tail without a cursor begins: at what the log has. */
function beginning({ index, versions }: TailLog): EntryVersions {
  const base = Object.entries(versions()).map(([origin, applied]) => {
    return [origin, firstReadable(index, origin, 0, applied) - 1] as const;
  });
  return Object.fromEntries(base);
}

/** Raises `after` over what cannot be read any more. */
function skipMissing(log: TailLog, after: EntryVersions): { start: EntryVersions; missed: number } {
  const start: Record<string, number> = { ...after };
  let missed = 0;
  for (const [origin, applied] of Object.entries(log.versions())) {
    const have = after[origin] ?? 0;
    if (have >= applied) continue;
    const first = firstReadable(log.index, origin, have, applied);
    if (first === have + 1) continue;
    missed += first - 1 - have;
    start[origin] = first - 1;
  }
  return { start, missed };
}

function isWanted({ frame, hlc, scope }: LogRecord, wanted: TailScope): boolean {
  if (hlc < wanted.sinceHlc || frame[kindOffset] !== pointsKind) return false;
  for (let i = 0; i < wanted.ids.length; i++) if (scope[i] !== wanted.ids[i]) return false;
  return true;
}

/** Until `sizeMax` bytes are read; at least one entry. */
async function readOrigin(
  { index, reader }: TailLog,
  origin: string,
  sizeMax: number,
  { scope, progress }: { readonly scope: TailScope; readonly progress: Progress },
): Promise<void> {
  const last = (index.runOf(origin)?.next ?? 0) - 1;
  let next = (progress.through[origin] ?? 0) + 1;
  while (next <= last && progress.readBytes < sizeMax) {
    const span = Math.min(spanBytes, sizeMax - progress.readBytes);
    const places = findPlaces(index, { origin, from: next, to: last }, span);
    // Trimmed while it was being read: the next read tells of it.
    if (places.length === 0) break;
    for (const record of await reader.read(places)) {
      if (record?.origin !== origin || record.sequence !== next) progress.damaged++;
      else if (isWanted(record, scope)) progress.frames.push(record.frame);
      progress.readBytes += record?.frame.length ?? 0;
      progress.through[origin] = next++;
    }
  }
}

/** Reads about `sizeMax` bytes of frames, or one entry. */
export async function readTail(
  log: TailLog,
  scope: TailScope,
  after: EntryVersions | undefined,
  sizeMax: number,
): Promise<TailRead> {
  const { start, missed } =
    after === undefined ? { start: beginning(log), missed: 0 } : skipMissing(log, after);
  const progress: Progress = { frames: [], through: { ...start }, damaged: 0, readBytes: 0 };
  const own = log.ownOrigin();
  const behind = log.index.originsAbove(start);
  const others = behind.filter((origin) => origin !== own);
  for (const origin of behind.includes(own) ? [...others, own] : others) {
    if (progress.readBytes >= sizeMax) break;
    await readOrigin(log, origin, sizeMax, { scope, progress });
  }
  return { ...progress, start, missed };
}

/** How much of the log is behind these versions. */
export function measureLag({ index }: TailLog, through: EntryVersions): TailLag {
  let entries = 0;
  let bytes = 0;
  for (const origin of index.originsAbove(through)) {
    const lag = index.measureFrom(origin, (through[origin] ?? 0) + 1);
    entries += lag.entries;
    bytes += lag.bytes;
  }
  return { entries, bytes };
}

/**
 * Reads a whole commit log, segment after segment, and hands every good record on in order.
 *
 * Damage is collected, never skipped in silence; a torn tail ends its segment. Nothing is changed on disk.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Disk, Timers } from '../../env/env.ts';
import {
  decodeSegmentHead,
  type LogRecord,
  type RecordHeader,
  recordHeaderSize,
  type SegmentHeader,
  segmentHeadSize,
} from './log-layout.ts';
import { type ParsedSegment, parseSegment } from './segment-parse.ts';

export interface LogDamage {
  /** Relative to the data directory. */
  readonly file: string;
  readonly offset: number;
  readonly size: number;
  /** Undefined: whose record it was is unknown. */
  readonly record: RecordHeader | undefined;
  /** False when no record can have been there: the place only held a header that is not needed. */
  readonly losesRecords: boolean;
}

/** What trimming must know of a segment. */
export interface SegmentInfo {
  readonly file: string;
  readonly number: number;
  sizeBytes: number;
  /** Replica id -> the highest lsn of its records in here. */
  readonly lsnMax: Map<string, number>;
  /** Something in it cannot be read: it is set aside, not removed. */
  readonly damaged: boolean;
}

export interface LogSummary {
  readonly segments: readonly SegmentInfo[];
  readonly damage: readonly LogDamage[];
  /** Unfinished tails: unacknowledged writes, or acknowledged ones when `fsync` is not `always`. */
  readonly torn: readonly { readonly file: string; readonly offset: number }[];
  /** Position behind the last good byte; where the next segment starts. */
  readonly endPosition: number;
  readonly numberMax: number;
}

export interface LogSink {
  /** The frame is the sink's own copy. `sizeBytes`: read so far in this segment's record. */
  record(record: LogRecord): void;
  /** Awaited between segments and slices: applying may need a flush first. */
  pause?(readBytes: number): Promise<void>;
}

const segmentName = /^(\d{8,})\.log$/;
/** Records are handed on for so long between two pauses. */
const recordsPerSlice = 64;

export function segmentFile(directory: string, number: number): string {
  return `${directory}/${String(number).padStart(8, '0')}.log`;
}

interface Segment {
  readonly file: string;
  readonly number: number;
  readonly header: SegmentHeader | undefined;
  readonly damagedAt: number | undefined;
  readonly sizeBytes: number;
}

async function readHead(disk: Disk, file: string, number: number): Promise<Segment> {
  const handle = await disk.open(file, 'read');
  try {
    const head = decodeSegmentHead(await handle.read(0, segmentHeadSize));
    return { file, number, ...head, sizeBytes: await handle.size() };
  } catch (error) {
    if (!(error instanceof CitadelError) || error.code !== 'unsupported-version') throw error;
    throw new CitadelError(error.code, `${error.message}: ${file}`, { details: { file } });
  } finally {
    await handle.close();
  }
}

/** Segments in order. A last file whose head was never finished held nothing yet. */
async function listSegments(disk: Disk, directory: string): Promise<Segment[]> {
  const names = await disk.list(directory);
  const segments: Segment[] = [];
  for (const name of names) {
    const number = segmentName.exec(name)?.[1];
    if (number === undefined) continue;
    segments.push(await readHead(disk, `${directory}/${name}`, Number(number)));
  }
  return segments.sort((a, b) => a.number - b.number);
}

function toRecord(bytes: Uint8Array, header: RecordHeader, offset: number): LogRecord {
  const from = offset + recordHeaderSize;
  const { payloadSize, payloadChecksum: _, ...entry } = header;
  return { ...entry, frame: bytes.slice(from, from + payloadSize) };
}

async function deliver(
  bytes: Uint8Array,
  parsed: ParsedSegment,
  sink: LogSink,
): Promise<Map<string, number>> {
  const lsnMax = new Map<string, number>();
  let count = 0;
  for (const { header, offset } of parsed.records) {
    sink.record(toRecord(bytes, header, offset));
    lsnMax.set(header.replicaId, Math.max(header.lsn, lsnMax.get(header.replicaId) ?? 0));
    if (++count % recordsPerSlice === 0) await sink.pause?.(offset);
  }
  await sink.pause?.(bytes.length);
  return lsnMax;
}

interface Progress {
  readonly segments: SegmentInfo[];
  readonly damage: LogDamage[];
  readonly torn: { file: string; offset: number }[];
  endPosition: number;
}

function noteUnreadable(progress: Progress, segment: Segment, isLast: boolean): void {
  const { file, number, sizeBytes } = segment;
  // A head is written and synced before any group: a last, short file was never used.
  const unused = isLast && sizeBytes <= segmentHeadSize;
  if (unused) progress.torn.push({ file, offset: 0 });
  else {
    progress.damage.push({
      file,
      offset: 0,
      size: sizeBytes,
      record: undefined,
      losesRecords: true,
    });
  }
  progress.segments.push({ file, number, sizeBytes, lsnMax: new Map(), damaged: !unused });
}

async function readSegment(
  disk: Disk,
  segment: Segment,
  next: SegmentHeader | undefined,
  progress: Progress,
  sink: LogSink,
): Promise<void> {
  const { file, number, header } = segment;
  if (header === undefined) return;
  const bytes = await disk.readAll(file);
  const bounds = { end: next?.startPosition, syncedTo: next?.previousSyncedTo ?? 0 };
  const parsed = parseSegment(bytes, header, bounds);
  for (const { offset, size, header: record } of parsed.damage) {
    const losesRecords = size >= recordHeaderSize;
    progress.damage.push({ file, offset, size, record, losesRecords });
  }
  if (segment.damagedAt !== undefined) {
    const size = segmentHeadSize / 2;
    const offset = segment.damagedAt;
    progress.damage.push({ file, offset, size, record: undefined, losesRecords: false });
  }
  if (parsed.tornAt !== undefined) progress.torn.push({ file, offset: parsed.tornAt });
  progress.endPosition = parsed.endPosition;
  const lsnMax = await deliver(bytes, parsed, sink);
  const damaged = parsed.damage.length > 0 || segment.damagedAt !== undefined;
  progress.segments.push({ file, number, sizeBytes: bytes.length, lsnMax, damaged });
}

/** Errors: `unsupported-version`, `unavailable` when a file cannot be read at all. */
export async function readLog(disk: Disk, directory: string, sink: LogSink): Promise<LogSummary> {
  const segments = await listSegments(disk, directory);
  const progress: Progress = { segments: [], damage: [], torn: [], endPosition: 0 };
  for (const [i, segment] of segments.entries()) {
    const next = segments.slice(i + 1).find(({ header }) => header !== undefined)?.header;
    if (segment.header === undefined) {
      noteUnreadable(progress, segment, i === segments.length - 1);
    } else {
      await readSegment(disk, segment, next, progress, sink);
    }
  }
  const numberMax = segments.at(-1)?.number ?? 0;
  return { ...progress, numberMax };
}

/** Lets other work run between slices of a long replay. */
export function pauseWith(timers: Timers): () => Promise<void> {
  return () => timers.yieldNow();
}

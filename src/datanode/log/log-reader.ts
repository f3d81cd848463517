/**
 * Reads a whole commit log, segment after segment, and hands every good record on in order.
 *
 * Damage is collected, never skipped in silence; a torn tail ends its segment. Nothing is changed on disk.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Disk } from '../../env/env.ts';
import {
  decodeSegmentHead,
  type LogRecord,
  type RecordHeader,
  recordHeaderSize,
  type SegmentHeader,
  segmentHeadSize,
} from './log-layout.ts';
import { type ParsedRecord, type ParsedSegment, parseSegment } from './segment-parse.ts';

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
  /** The frame is the sink's own copy. `segment`: number of the one it is in. */
  record(record: LogRecord, place: LogPlace, segment: number): void;
  /** Comes between the records around it. */
  damage(damage: LogDamage): void;
  /** Awaited now and then, with the bytes read since the last time: applying may need a flush first. */
  pause(readBytes: number): Promise<void>;
}

export interface LogPlace {
  readonly file: string;
  readonly offset: number;
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

/** Segments in order. */
export async function listSegments(disk: Disk, directory: string): Promise<Segment[]> {
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

/** Records and damage of one segment, in the order of the file. */
async function deliver(
  segment: { readonly file: string; readonly number: number; readonly bytes: Uint8Array },
  records: readonly ParsedRecord[],
  damage: readonly LogDamage[],
  sink: LogSink,
): Promise<Map<string, number>> {
  const { file, number, bytes } = segment;
  const lsnMax = new Map<string, number>();
  let told = 0;
  let read = 0;
  for (const [i, { header, offset }] of records.entries()) {
    while (told < damage.length && damage[told]!.offset < offset) sink.damage(damage[told++]!);
    sink.record(toRecord(bytes, header, offset), { file, offset }, number);
    lsnMax.set(header.replicaId, Math.max(header.lsn, lsnMax.get(header.replicaId) ?? 0));
    if (i % recordsPerSlice !== recordsPerSlice - 1) continue;
    await sink.pause(offset - read);
    read = offset;
  }
  for (const rest of damage.slice(told)) sink.damage(rest);
  await sink.pause(bytes.length - read);
  return lsnMax;
}

interface Progress {
  readonly segments: SegmentInfo[];
  readonly damage: LogDamage[];
  readonly torn: { file: string; offset: number }[];
  endPosition: number;
}

function noteUnreadable(progress: Progress, segment: Segment, sink: LogSink): void {
  const { file, number, sizeBytes } = segment;
  // A head is written and synced before any group: so short a file was never used. (If it was and lost
  // its groups, the segments around it show that bytes between them are missing.)
  const unused = sizeBytes <= segmentHeadSize;
  if (!unused) {
    const damage = { file, offset: 0, size: sizeBytes, record: undefined, losesRecords: true };
    progress.damage.push(damage);
    sink.damage(damage);
  }
  progress.segments.push({ file, number, sizeBytes, lsnMax: new Map(), damaged: !unused });
}

function listDamage(segment: Segment, parsed: ParsedSegment): LogDamage[] {
  const { file, damagedAt, sizeBytes } = segment;
  const damage = parsed.damage.map(({ offset, size, header: record }): LogDamage => {
    const losesRecords = size >= recordHeaderSize;
    return { file, offset, size, record, losesRecords };
  });
  if (damagedAt === undefined || sizeBytes <= segmentHeadSize) return damage;
  const size = segmentHeadSize / 2;
  const head = { file, offset: damagedAt, size, record: undefined, losesRecords: false };
  return [head, ...damage];
}

async function readSegment(
  disk: Disk,
  segment: Segment & { readonly header: SegmentHeader },
  next: SegmentHeader | undefined,
  progress: Progress,
  sink: LogSink,
): Promise<void> {
  const { file, number, header } = segment;
  const bytes = await disk.readAll(file);
  const bounds = { end: next?.startPosition, syncedTo: next?.previousSyncedTo ?? 0 };
  const parsed = parseSegment(bytes, header, bounds);
  const damage = listDamage(segment, parsed);
  progress.damage.push(...damage);
  if (parsed.tornAt !== undefined) progress.torn.push({ file, offset: parsed.tornAt });
  progress.endPosition = parsed.endPosition;
  const lsnMax = await deliver({ file, number, bytes }, parsed.records, damage, sink);
  const sizeBytes = bytes.length;
  progress.segments.push({ file, number, sizeBytes, lsnMax, damaged: damage.length > 0 });
}

/** Errors: `unsupported-version`, `unavailable` when a file cannot be read at all. */
export async function readLog(disk: Disk, directory: string, sink: LogSink): Promise<LogSummary> {
  const segments = await listSegments(disk, directory);
  const progress: Progress = { segments: [], damage: [], torn: [], endPosition: 0 };
  for (const [i, segment] of segments.entries()) {
    const next = segments.slice(i + 1).find(({ header }) => header !== undefined)?.header;
    if (segment.header === undefined) {
      noteUnreadable(progress, segment, sink);
    } else {
      await readSegment(disk, { ...segment, header: segment.header }, next, progress, sink);
    }
  }
  const numberMax = segments.at(-1)?.number ?? 0;
  return { ...progress, numberMax };
}

/** Makes what a crash left in the page cache durable, before anything that is read from it counts. */
export async function syncLog(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (!segmentName.test(name)) continue;
    const handle = await disk.open(`${directory}/${name}`, 'append');
    try {
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}

/**
 * Bytes of the commit log: headers of segments, groups and records, little-endian, 8-aligned.
 *
 * Byte table: docs/formats/commit-log.md. A *position* counts the bytes of groups over all segments of a
 * log, so it grows for ever; a segment says at which position it starts. The checksums of group and
 * record headers are seeded with the segment's salt and the position, so that bytes of another segment,
 * of another place or from inside a payload never pass for a header.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import type { Entry } from '../../model/entry.ts';

export const logVersion = 1;
const segmentMagic = 0x534c5443;
const groupMagic = 0x474c5443;
const recordMagic = 0x524c5443;

const segmentHeaderSize = 64;
/** The header is stored twice: it is the one place that a whole segment hangs on. */
export const segmentHeadSize = 2 * segmentHeaderSize;
export const groupHeaderSize = 48;
export const recordHeaderSize = 120;

export const recordKind = { frame: 1 } as const;

export interface SegmentHeader {
  readonly logId: number;
  readonly number: number;
  /** Position of the first group; what the segment before holds beyond it was abandoned. */
  readonly startPosition: number;
  /** The segments before are known to be durable up to here. */
  readonly previousSyncedTo: number;
  readonly salt: number;
}

export interface GroupHeader {
  readonly logId: number;
  readonly recordCount: number;
  readonly position: number;
  /** Everything before this position was durable when the group was written. */
  readonly syncedTo: number;
}

/** What the log carries: an entry, whose replica it is, and a rough extent that names it when it is damaged. */
export interface LogRecord extends Entry {
  /** 16 hex digits. */
  readonly replicaId: string;
  /** Database id, policy id (u64), least and greatest time (i64) of the frame: 32 bytes. */
  readonly scope: Uint8Array;
}

export type RecordHeader = Omit<LogRecord, 'frame'> & {
  readonly payloadSize: number;
  readonly payloadChecksum: number;
};

const two32 = 2 ** 32;

function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % two32, true);
  view.setUint32(at + 4, Math.floor(value / two32), true);
}

function getU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * two32;
}

function putId(view: DataView, at: number, hex: string): void {
  view.setUint32(at, Number.parseInt(hex.slice(0, 8), 16));
  view.setUint32(at + 4, Number.parseInt(hex.slice(8), 16));
}

function getId(view: DataView, at: number): string {
  const high = view.getUint32(at).toString(16).padStart(8, '0');
  return (
    high +
    view
      .getUint32(at + 4)
      .toString(16)
      .padStart(8, '0')
  );
}

/** Where a header stands takes part in its checksum. */
function seedAt(salt: number, position: number): number {
  return (salt ^ (position / 8) ^ Math.floor(position / 8 / two32)) >>> 0;
}

export function paddedSize(payloadSize: number): number {
  return (payloadSize + 7) & ~7;
}

/** In the file, header and padding included. */
export function recordSize(record: LogRecord): number {
  return recordHeaderSize + paddedSize(record.frame.length);
}

export function encodeSegmentHead(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(segmentHeadSize);
  const view = viewOf(bytes);
  view.setUint32(0, segmentMagic, true);
  view.setUint16(4, logVersion, true);
  view.setUint32(8, header.logId, true);
  view.setUint32(12, header.number, true);
  putU64(view, 16, header.startPosition);
  putU64(view, 24, header.previousSyncedTo);
  view.setUint32(32, header.salt, true);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  bytes.copyWithin(segmentHeaderSize, 0, segmentHeaderSize);
  return bytes;
}

function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < segmentHeaderSize) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== segmentMagic) return undefined;
  if (view.getUint32(60, true) !== crc32(bytes.subarray(0, 60))) return undefined;
  const version = view.getUint16(4, true);
  const flags = view.getUint16(6, true);
  if (version !== logVersion || flags !== 0) {
    throw new CitadelError(
      'unsupported-version',
      `cannot read a commit log of version ${version}, flags ${flags}: it needs a newer release`,
    );
  }
  return {
    logId: view.getUint32(8, true),
    number: view.getUint32(12, true),
    startPosition: getU64(view, 16),
    previousSyncedTo: getU64(view, 24),
    salt: view.getUint32(32, true),
  };
}

/** Reads whichever copy is whole. `damagedAt`: offset of a copy that is not. */
export function decodeSegmentHead(bytes: Uint8Array): {
  readonly header: SegmentHeader | undefined;
  readonly damagedAt: number | undefined;
} {
  const first = decodeSegmentHeader(bytes.subarray(0, segmentHeaderSize));
  const second = decodeSegmentHeader(bytes.subarray(segmentHeaderSize, segmentHeadSize));
  const damagedAt = first === undefined ? 0 : second === undefined ? segmentHeaderSize : undefined;
  return { header: first ?? second, damagedAt };
}

export function encodeGroupHeader(header: GroupHeader, salt: number): Uint8Array {
  const bytes = new Uint8Array(groupHeaderSize);
  const view = viewOf(bytes);
  view.setUint32(0, groupMagic, true);
  view.setUint16(4, logVersion, true);
  view.setUint32(8, header.logId, true);
  view.setUint32(12, header.recordCount, true);
  putU64(view, 16, header.position);
  putU64(view, 24, header.syncedTo);
  view.setUint32(44, crc32(bytes.subarray(0, 44), seedAt(salt, header.position)), true);
  return bytes;
}

export function decodeGroupHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  place: { readonly salt: number; readonly position: number },
): GroupHeader | undefined {
  if (at + groupHeaderSize > bytes.length || view.getUint32(at, true) !== groupMagic)
    return undefined;
  const checksum = crc32(bytes.subarray(at, at + 44), seedAt(place.salt, place.position));
  if (view.getUint32(at + 44, true) !== checksum) return undefined;
  return {
    logId: view.getUint32(at + 8, true),
    recordCount: view.getUint32(at + 12, true),
    position: getU64(view, at + 16),
    syncedTo: getU64(view, at + 24),
  };
}

export function encodeRecordHeader(record: LogRecord, salt: number, position: number): Uint8Array {
  const bytes = new Uint8Array(recordHeaderSize);
  const view = viewOf(bytes);
  view.setUint32(0, recordMagic, true);
  view.setUint16(4, recordKind.frame, true);
  view.setUint32(8, record.frame.length, true);
  view.setUint32(12, crc32(record.frame), true);
  view.setUint32(16, record.shard, true);
  view.setUint32(20, record.epoch, true);
  putId(view, 24, record.replicaId);
  putId(view, 32, record.origin);
  putU64(view, 40, record.lsn);
  putU64(view, 48, record.sequence);
  putU64(view, 56, record.hlc);
  bytes.set(record.writeId, 64);
  bytes.set(record.scope, 80);
  view.setUint32(116, crc32(bytes.subarray(0, 116), seedAt(salt, position)), true);
  return bytes;
}

export function decodeRecordHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  place: { readonly salt: number; readonly position: number },
): RecordHeader | undefined {
  if (at + recordHeaderSize > bytes.length || view.getUint32(at, true) !== recordMagic) {
    return undefined;
  }
  const checksum = crc32(bytes.subarray(at, at + 116), seedAt(place.salt, place.position));
  if (view.getUint32(at + 116, true) !== checksum) return undefined;
  return {
    payloadSize: view.getUint32(at + 8, true),
    payloadChecksum: view.getUint32(at + 12, true),
    shard: view.getUint32(at + 16, true),
    epoch: view.getUint32(at + 20, true),
    replicaId: getId(view, at + 24),
    origin: getId(view, at + 32),
    lsn: getU64(view, at + 40),
    sequence: getU64(view, at + 48),
    hlc: getU64(view, at + 56),
    writeId: bytes.slice(at + 64, at + 80),
    scope: bytes.slice(at + 80, at + 112),
  };
}

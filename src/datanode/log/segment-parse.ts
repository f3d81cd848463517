/**
 * Reads one segment's bytes: its whole records, what is damaged, and where a torn tail begins.
 *
 * A bad place is a torn tail only if nothing says that it was durable: no later group of the segment and
 * not the head of the next segment has `syncedTo` beyond it. Otherwise it is damage: named, and the rest
 * is read. After an unreadable header the next header that passes its checksum is searched for.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import {
  decodeGroupHeader,
  decodeRecordHeader,
  groupHeaderSize,
  paddedSize,
  type RecordHeader,
  recordHeaderSize,
  type SegmentHeader,
  segmentHeadSize,
} from './log-layout.ts';

export interface ParsedRecord {
  readonly header: RecordHeader;
  /** In the file, of the record's header. */
  readonly offset: number;
}

export interface BadPlace {
  /** In the file. */
  readonly offset: number;
  readonly size: number;
  /** Undefined when the header itself cannot be read: whose record it was is unknown. */
  readonly header: RecordHeader | undefined;
}

export interface ParsedSegment {
  readonly records: readonly ParsedRecord[];
  readonly damage: readonly BadPlace[];
  /** Where the unfinished tail begins, in the file; undefined = there is none. */
  readonly tornAt: number | undefined;
  /** Position behind the last good byte. */
  readonly endPosition: number;
}

export interface SegmentBounds {
  /** Position at which the next segment starts; undefined for the last one. */
  readonly end: number | undefined;
  /** What the next segment's head says to be durable; 0 for the last one. */
  readonly syncedTo: number;
}

interface Walk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly head: SegmentHeader;
  readonly records: ParsedRecord[];
  readonly bad: BadPlace[];
  syncedTo: number;
}

export function positionAt(head: SegmentHeader, offset: number): number {
  return head.startPosition + offset - segmentHeadSize;
}

/** Size of the readable piece at `at`; undefined when its header is not whole. */
function readPiece(walk: Walk, at: number): number | undefined {
  const { bytes, view, head } = walk;
  const place = { salt: head.salt, position: positionAt(head, at) };
  const group = decodeGroupHeader(bytes, view, at, place);
  if (group !== undefined) {
    walk.syncedTo = Math.max(walk.syncedTo, group.syncedTo);
    return groupHeaderSize;
  }
  const header = decodeRecordHeader(bytes, view, at, place);
  if (header === undefined) return undefined;
  const from = at + recordHeaderSize;
  const size = recordHeaderSize + paddedSize(header.payloadSize);
  const payload = bytes.subarray(from, from + header.payloadSize);
  const whole = at + size <= bytes.length && crc32(payload) === header.payloadChecksum;
  if (whole) walk.records.push({ header, offset: at });
  else walk.bad.push({ offset: at, size: Math.min(size, bytes.length - at), header });
  return Math.min(size, bytes.length - at);
}

/** The next offset at which a header passes its checksum, or the end. */
function findHeader(walk: Walk, from: number, end: number): number {
  const { bytes, view, head } = walk;
  for (let at = from; at < end; at += 8) {
    const place = { salt: head.salt, position: positionAt(head, at) };
    if (decodeGroupHeader(bytes, view, at, place)) return at;
    if (decodeRecordHeader(bytes, view, at, place)) return at;
  }
  return end;
}

function walkPieces(walk: Walk, end: number): void {
  let at = segmentHeadSize;
  while (at < end) {
    const size = readPiece(walk, at);
    if (size === undefined) {
      const next = findHeader(walk, at + 8, end);
      walk.bad.push({ offset: at, size: next - at, header: undefined });
      at = next;
    } else {
      at += size;
    }
  }
}

/** `bytes`: the whole file. */
export function parseSegment(
  bytes: Uint8Array,
  head: SegmentHeader,
  bounds: SegmentBounds,
): ParsedSegment {
  const walk: Walk = {
    bytes,
    view: viewOf(bytes),
    head,
    records: [],
    bad: [],
    syncedTo: bounds.syncedTo,
  };
  const wanted =
    bounds.end === undefined ? bytes.length : bounds.end - head.startPosition + segmentHeadSize;
  const end = Math.min(wanted, bytes.length);
  walkPieces(walk, end);
  // Short of its groups; a head that was never finished has none.
  const from = Math.max(end, segmentHeadSize);
  if (wanted > from) walk.bad.push({ offset: from, size: wanted - from, header: undefined });

  const durable = ({ offset }: BadPlace) => positionAt(head, offset) < walk.syncedTo;
  const tornAt = walk.bad.find((place) => !durable(place))?.offset;
  const stop = tornAt ?? Math.max(wanted, segmentHeadSize);
  return {
    records: walk.records.filter(({ offset }) => offset < stop),
    damage: walk.bad.filter(durable),
    tornAt,
    endPosition: positionAt(head, stop),
  };
}

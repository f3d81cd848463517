/**
 * Reads and checks the sealed segments of a commit log piece by piece, beside writes and trims.
 *
 * The segment that takes writes is left out: it is looked at once it is sealed.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import type { Disk, DiskFile } from '../../env/env.ts';
import {
  decodeGroupHeader,
  decodeRecordHeader,
  groupHeaderSize,
  paddedSize,
  recordHeaderSize,
  type SegmentHeader,
  segmentHeadSize,
} from './log-layout.ts';
import { type LogPlace, listSegments } from './log-reader.ts';
import { positionAt } from './segment-parse.ts';

const windowBytes = 256 * 1024;

/** Called for every stretch that was read; keeps the reading within a budget. Throws to end it. */
export type Spend = (bytes: number) => Promise<void>;

/** Bytes of the piece at `at`; 0 = it is not all in the window, of which `needed` bytes are wanted; -1 = damaged. */
function checkPiece(
  window: Uint8Array,
  at: number,
  head: SegmentHeader,
  windowAt: number,
): { readonly size: number; readonly needed: number } {
  const view = viewOf(window);
  const place = { salt: head.salt, position: positionAt(head, windowAt + at) };
  if (at + recordHeaderSize > window.length) {
    // The last piece of a segment may be the head of an empty group.
    const isGroup = decodeGroupHeader(window, view, at, place) !== undefined;
    return { size: isGroup ? groupHeaderSize : 0, needed: recordHeaderSize };
  }
  if (decodeGroupHeader(window, view, at, place) !== undefined) {
    return { size: groupHeaderSize, needed: 0 };
  }
  const header = decodeRecordHeader(window, view, at, place);
  if (header === undefined) return { size: -1, needed: 0 };
  const size = recordHeaderSize + paddedSize(header.payloadSize);
  if (at + size > window.length) return { size: 0, needed: size };
  const from = at + recordHeaderSize;
  const isSound =
    crc32(window.subarray(from, from + header.payloadSize)) === header.payloadChecksum;
  return { size: isSound ? size : -1, needed: 0 };
}

/** Where the first damage is; undefined = there is none. */
async function scrubSegment(
  file: DiskFile,
  head: SegmentHeader,
  end: number,
  spend: Spend,
): Promise<number | undefined> {
  let wanted = windowBytes;
  for (let at = segmentHeadSize; at < end; ) {
    const window = await file.read(at, Math.min(wanted, end - at));
    await spend(window.length);
    let from = 0;
    let needed = 0;
    while (from < window.length) {
      const piece = checkPiece(window, from, head, at);
      if (piece.size < 0) return at + from;
      if (piece.size === 0) {
        needed = piece.needed;
        break;
      }
      from += piece.size;
    }
    // It does not fit into what is left of the segment.
    if (needed > 0 && at + from + needed > end) return at + from;
    wanted = Math.max(windowBytes, needed);
    at += from;
  }
  return undefined;
}

async function scrubFile(
  disk: Disk,
  file: string,
  head: SegmentHeader,
  next: SegmentHeader,
  spend: Spend,
): Promise<number | undefined> {
  const handle = await disk.open(file, 'read');
  try {
    const end = next.startPosition - head.startPosition + segmentHeadSize;
    const size = await handle.size();
    // What lies beyond the next segment's start was abandoned.
    if (size < end) return size;
    return await scrubSegment(handle, head, end, spend);
  } finally {
    await handle.close();
  }
}

/** The first damaged place of each segment below `openSegment`. Errors: as `spend`; `unsupported-version`, `unavailable`. */
export async function scrubLog(
  disk: Disk,
  directory: string,
  openSegment: number,
  spend: Spend,
): Promise<readonly LogPlace[]> {
  const segments = await listSegments(disk, directory);
  const found: LogPlace[] = [];
  for (const [i, { file, number, header, damagedAt }] of segments.entries()) {
    if (number >= openSegment) break;
    const next = segments[i + 1]?.header;
    if (header === undefined || damagedAt !== undefined) {
      found.push({ file, offset: damagedAt ?? 0 });
      continue;
    }
    if (next === undefined) continue;
    try {
      const offset = await scrubFile(disk, file, header, next, spend);
      if (offset !== undefined) found.push({ file, offset });
    } catch (error) {
      // Trimmed meanwhile.
      if (!(error instanceof CitadelError) || error.code !== 'not-found') throw error;
    }
  }
  return found;
}

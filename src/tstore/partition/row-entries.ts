/**
 * The directory entry of one stored row: which chunks lie in it, of which series, where and when.
 * Layout: docs/formats/tstore.md.
 */

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';

/** What the directory knows of a chunk. */
export interface ChunkEntry {
  readonly seriesId: number;
  /** 64-bit hash of the series key, low and high word. */
  readonly hashLow: number;
  readonly hashHigh: number;
  readonly size: number;
  /** Offsets of the first and last row from the partition's start, ns. */
  readonly min: number;
  readonly max: number;
  readonly pointCount: number;
  readonly stableHlc: number;
  /** Least stamp of any cell; a cell without one counts as `stableHlc`. */
  readonly hlcMin: number;
  /** Some cells have stamps of their own. */
  readonly stamped: boolean;
  /** Tombstones up to this number were applied when the chunk was made. */
  readonly tombstoneNo: number;
}

export interface RowEntries {
  /** CRC-32 of the row's bytes. */
  readonly dataSum: number;
  readonly chunks: readonly ChunkEntry[];
}

const flag = { sameSeries: 1, stamped: 2, earlier: 4, lowerHorizon: 8 } as const;

const scratch = new ByteWriter(1024);

export function encodeRowEntries(row: RowEntries): Uint8Array {
  const out = scratch;
  out.clear();
  out.u32(row.dataSum);
  out.varint(row.chunks.length);
  let before: ChunkEntry | undefined;
  for (const chunk of row.chunks) {
    const same = before?.seriesId === chunk.seriesId;
    const move = chunk.min - (before?.min ?? 0);
    const rise = chunk.stableHlc - (before?.stableHlc ?? 0);
    out.u8(
      (same ? flag.sameSeries : 0) |
        (chunk.stamped ? flag.stamped : 0) |
        (move < 0 ? flag.earlier : 0) |
        (rise < 0 ? flag.lowerHorizon : 0),
    );
    if (!same) {
      out.varint(chunk.seriesId - (before?.seriesId ?? 0));
      out.u32(chunk.hashLow);
      out.u32(chunk.hashHigh);
    }
    out.varint(chunk.size);
    out.varint(Math.abs(move));
    out.varint(chunk.max - chunk.min);
    out.varint(chunk.pointCount);
    out.varint(Math.abs(rise));
    if (chunk.stamped) out.varint(chunk.hlcMin);
    out.varint(chunk.tombstoneNo);
    before = chunk;
  }
  return out.finish();
}

/** Errors: `corrupt`. */
export function decodeRowEntries(bytes: Uint8Array): RowEntries {
  const input = new ByteReader(bytes);
  const dataSum = input.u32();
  const count = input.varint();
  const chunks: ChunkEntry[] = [];
  let before: ChunkEntry | undefined;
  for (let i = 0; i < count; i++) {
    const chunk = decodeEntry(input, before);
    chunks.push(chunk);
    before = chunk;
  }
  if (input.remaining !== 0) throw new CitadelError('corrupt', 'cannot read directory row');
  return { dataSum, chunks };
}

function decodeEntry(input: ByteReader, before: ChunkEntry | undefined): ChunkEntry {
  const flags = input.u8();
  const signOf = (bit: number) => ((flags & bit) !== 0 ? -1 : 1);
  const same = (flags & flag.sameSeries) !== 0 ? before : undefined;
  const seriesId = same?.seriesId ?? input.varint() + (before?.seriesId ?? 0);
  const hashLow = same?.hashLow ?? input.u32();
  const hashHigh = same?.hashHigh ?? input.u32();
  const size = input.varint();
  const min = signOf(flag.earlier) * input.varint() + (before?.min ?? 0);
  const max = min + input.varint();
  const pointCount = input.varint();
  const stableHlc = signOf(flag.lowerHorizon) * input.varint() + (before?.stableHlc ?? 0);
  const stamped = (flags & flag.stamped) !== 0;
  const hlcMin = stamped ? input.varint() : stableHlc;
  const tombstoneNo = input.varint();
  return {
    seriesId,
    hashLow,
    hashHigh,
    size,
    min,
    max,
    pointCount,
    stableHlc,
    hlcMin,
    stamped,
    tombstoneNo,
  };
}

/**
 * The head of a chunk: where everything is. Layout: docs/formats/chunk.md; chunk-encode.ts writes it.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../../base/errors.ts';
import { type FieldType, fieldTypeOf } from '../../model/field-type.ts';
import { ByteReader, corruptChunk } from '../codec/byte-reader.ts';
import { isKnownCodec } from '../codec/codec-id.ts';

export const chunkMagic = 0xc7;
export const chunkVersion = 1;
export const crcSize = 4;

/** Bits above the type code in the first byte of a column's entry. */
export const columnFlag = { validity: 8, summary: 16, stamps: 32 } as const;
const typeMask = 7;
const flagMask = 63;

/** A chunk from elsewhere may have more rows than this release writes, but not without bound. */
const rowsLimit = 1 << 20;

export interface Section {
  readonly at: number;
  readonly until: number;
}

export interface ColumnEntry {
  readonly field: number;
  readonly type: FieldType;
  readonly codec: number;
  readonly validCount: number;
  /** 0 = none, else the number of a stamp section, from 1. */
  readonly stamps: number;
  summary: Section | undefined;
  validity: Section | undefined;
  values: Section;
}

export interface Directory {
  readonly rowCount: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly stableHlc: number;
  readonly origins: readonly string[];
  readonly timeCodec: number;
  readonly times: Section;
  readonly stamps: readonly Section[];
  readonly columns: readonly ColumnEntry[];
}

export function readDirectory(bytes: Uint8Array): Directory {
  const reader = openReader(bytes);
  const rowCount = reader.unsigned();
  if (rowCount === 0 || rowCount > rowsLimit) throw corruptChunk('has a row count out of range');
  const firstOffset = reader.unsigned();
  const lastOffset = rowCount === 1 ? firstOffset : firstOffset + reader.unsigned();
  if (lastOffset > Number.MAX_SAFE_INTEGER) throw corruptChunk('has times out of range');
  const stableHlc = reader.unsigned();
  const timeCodec = readCodec(reader);
  const timeSize = reader.unsigned();
  const origins = readOrigins(reader);
  const stampSizes: number[] = [];
  for (let count = readCount(reader); count > 0; count--) stampSizes.push(reader.unsigned());
  const entries: SizedEntry[] = [];
  for (let count = readCount(reader); count > 0; count--) {
    entries.push(readEntry(reader, rowCount, stampSizes.length, entries.at(-1)?.entry.field ?? -1));
  }
  const times = take(reader, timeSize);
  const stamps = stampSizes.map((size) => take(reader, size));
  const columns = entries.map((sized) => placeEntry(reader, sized));
  if (reader.at !== reader.until) throw corruptChunk('has bytes left over');
  return {
    rowCount,
    firstOffset,
    lastOffset,
    stableHlc,
    origins,
    timeCodec,
    times,
    stamps,
    columns,
  };
}

/** Behind the checksum, magic, version and flags. */
function openReader(bytes: Uint8Array): ByteReader {
  const until = bytes.length - crcSize;
  if (until < 3) throw corruptChunk('is too short');
  const stored = new DataView(bytes.buffer, bytes.byteOffset + until, crcSize).getUint32(0, true);
  if (bytes[0] !== chunkMagic || crc32(bytes.subarray(0, until)) !== stored) {
    throw corruptChunk('does not match its checksum');
  }
  if (bytes[1] !== chunkVersion || bytes[2] !== 0) {
    throw new CitadelError('unsupported-version', 'cannot read a chunk of a later release', {
      details: { version: bytes[1]!, flags: bytes[2]! },
    });
  }
  return new ByteReader(bytes, 3, until);
}

/** A count of things that take at least one byte each. */
function readCount(reader: ByteReader): number {
  const count = reader.unsigned();
  if (count > reader.until - reader.at) throw corruptChunk('has a count out of range');
  return count;
}

function readCodec(reader: ByteReader): number {
  const codec = reader.byte();
  if (isKnownCodec(codec)) return codec;
  throw new CitadelError('unsupported-version', 'cannot read a codec of a later release', {
    details: { codec },
  });
}

function readOrigins(reader: ByteReader): string[] {
  const origins: string[] = [];
  for (let count = readCount(reader); count > 0; count--) {
    const high = reader.u32().toString(16).padStart(8, '0');
    origins.push(high + reader.u32().toString(16).padStart(8, '0'));
  }
  return origins;
}

interface SizedEntry {
  readonly entry: ColumnEntry;
  readonly summarySize: number;
  readonly validitySize: number;
  readonly valuesSize: number;
}

const nowhere: Section = { at: 0, until: 0 };

function readEntry(
  reader: ByteReader,
  rowCount: number,
  stampCount: number,
  previousField: number,
): SizedEntry {
  const field = previousField + 1 + reader.unsigned();
  const kind = reader.byte();
  const type = fieldTypeOf(kind & typeMask);
  if (type === undefined || (kind & ~flagMask) !== 0) {
    throw new CitadelError('unsupported-version', 'cannot read a column of a later release', {
      details: { kind },
    });
  }
  const codec = readCodec(reader);
  const valuesSize = reader.unsigned();
  const hasGaps = (kind & columnFlag.validity) !== 0;
  const validCount = hasGaps ? reader.unsigned() : rowCount;
  const validitySize = hasGaps ? reader.unsigned() : 0;
  const summarySize = (kind & columnFlag.summary) !== 0 ? reader.unsigned() : 0;
  const stamps = (kind & columnFlag.stamps) !== 0 ? reader.unsigned() : 0;
  if (validCount === 0 || validCount > rowCount || stamps > stampCount) {
    throw corruptChunk('has a column out of range');
  }
  const entry: ColumnEntry = {
    field,
    type,
    codec,
    validCount,
    stamps,
    summary: undefined,
    validity: undefined,
    values: nowhere,
  };
  return { entry, summarySize, validitySize, valuesSize };
}

/** Sections lie in the order of the entries: summary, validity, values. */
function placeEntry(reader: ByteReader, sized: SizedEntry): ColumnEntry {
  const { entry } = sized;
  if (sized.summarySize > 0) entry.summary = take(reader, sized.summarySize);
  if (sized.validitySize > 0) entry.validity = take(reader, sized.validitySize);
  entry.values = take(reader, sized.valuesSize);
  return entry;
}

function take(reader: ByteReader, size: number): Section {
  const at = reader.skip(size);
  return { at, until: at + size };
}

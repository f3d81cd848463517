/**
 * The same chunk for another file: other field numbers, another start of its partition. Only the head is
 * written anew; times, stamps and values are copied as they are. Layout: docs/formats/chunk.md.
 */

import { crc32 } from 'node:zlib';
import { typeCode } from '../../model/field-type.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import {
  type ColumnEntry,
  chunkMagic,
  chunkVersion,
  columnFlag,
  crcSize,
  type Directory,
  readDirectory,
  type Section,
} from './directory.ts';

export interface HeadChange {
  /** New number of a field; different fields must stay different. */
  readonly fieldNo: (field: number) => number;
  /** Added to every offset, ns; none may leave [0, 2^53). */
  readonly shift: number;
}

interface MovedColumn {
  readonly field: number;
  readonly entry: ColumnEntry;
}

const scratch = new ByteWriter(64 * 1024);

const sizeOf = ({ at, until }: Section) => until - at;

/** A new byte string. Errors: `corrupt`, `unsupported-version`. */
export function rewriteHead(bytes: Uint8Array, change: HeadChange): Uint8Array {
  const directory = readDirectory(bytes);
  const columns = directory.columns
    .map((entry) => ({ field: change.fieldNo(entry.field), entry }))
    .sort((a, b) => a.field - b.field);
  const out = scratch;
  out.size = 0;
  putHead(out, directory, change.shift);
  out.unsigned(columns.length);
  let previous = -1;
  for (const column of columns) {
    putEntry(out, column, previous);
    previous = column.field;
  }
  for (const section of [directory.times, ...directory.stamps]) copy(out, bytes, section);
  for (const { entry } of columns) {
    if (entry.summary !== undefined) copy(out, bytes, entry.summary);
    if (entry.validity !== undefined) copy(out, bytes, entry.validity);
    copy(out, bytes, entry.values);
  }
  const until = out.size;
  out.take(crcSize);
  const made = out.finish();
  new DataView(made.buffer).setUint32(until, crc32(made.subarray(0, until)), true);
  return made;
}

function copy(out: ByteWriter, bytes: Uint8Array, { at, until }: Section): void {
  out.raw(bytes.subarray(at, until));
}

function putHead(out: ByteWriter, directory: Directory, shift: number): void {
  const { rowCount, firstOffset, lastOffset, stableHlc, origins, stamps } = directory;
  out.byte(chunkMagic);
  out.byte(chunkVersion);
  out.byte(0);
  out.unsigned(rowCount);
  out.unsigned(firstOffset + shift);
  if (rowCount > 1) out.unsigned(lastOffset - firstOffset);
  out.unsigned(stableHlc);
  out.byte(directory.timeCodec);
  out.unsigned(sizeOf(directory.times));
  out.unsigned(origins.length);
  for (const origin of origins) {
    out.u32(Number.parseInt(origin.slice(0, 8), 16));
    out.u32(Number.parseInt(origin.slice(8), 16));
  }
  out.unsigned(stamps.length);
  for (const section of stamps) out.unsigned(sizeOf(section));
}

function putEntry(out: ByteWriter, { field, entry }: MovedColumn, previousField: number): void {
  const { validity, summary, stamps } = entry;
  out.unsigned(field - previousField - 1);
  out.byte(
    typeCode[entry.type] |
      (validity !== undefined ? columnFlag.validity : 0) |
      (summary !== undefined ? columnFlag.summary : 0) |
      (stamps !== 0 ? columnFlag.stamps : 0),
  );
  out.byte(entry.codec);
  out.unsigned(sizeOf(entry.values));
  if (validity !== undefined) {
    out.unsigned(entry.validCount);
    out.unsigned(sizeOf(validity));
  }
  if (summary !== undefined) out.unsigned(sizeOf(summary));
  if (stamps !== 0) out.unsigned(stamps);
}

/** Writes chunks. Layout: docs/formats/chunk.md; directory.ts reads it. */

import { crc32 } from 'node:zlib';
import { invariant } from '../../base/errors.ts';
import type { Column } from '../../model/column.ts';
import type { Hlc } from '../../model/entry.ts';
import { typeCode } from '../../model/field-type.ts';
import { encodeBooleans } from '../codec/boolean-codec.ts';
import { ByteWriter } from '../codec/byte-writer.ts';
import { encodeValues } from '../codec/codec.ts';
import { encodeTimes } from '../codec/time-codec.ts';
import { countValid, gatherColumn } from './dense-column.ts';
import { chunkMagic, chunkVersion, columnFlag } from './directory.ts';
import { encodeStampRuns, equalStampRuns, type StampRuns } from './stamp-runs.ts';
import { encodeSummary, summarize } from './summary-section.ts';

export interface ChunkInputColumn {
  /** The file's number for (field name, type); u32. */
  readonly field: number;
  readonly column: Column;
  /** Undefined = no cell has a stamp. Equal runs in several columns are stored once. */
  readonly stamps: StampRuns | undefined;
}

export interface ChunkInput {
  /** ns since the start of the partition: whole, in [0, 2^53), strictly ascending; 1 to chunkRowsMax rows. */
  readonly offsets: Float64Array;
  /** A row without a stamp counts as (this, after every origin). */
  readonly stableHlc: Hlc;
  /** Ascending by field, as long as `offsets`, each with at least one value. */
  readonly columns: readonly ChunkInputColumn[];
  /** Origin table of the stamps, 16 hex digits each; empty when nothing has a stamp. */
  readonly origins: readonly string[];
}

/** A summary takes 10 to 50 bytes; shorter columns are as quick to decode. */
const summaryCountMin = 32;

const headScratch = new ByteWriter(4096);
const bodyScratch = new ByteWriter(256 * 1024);
const stampScratch = new ByteWriter(4096);

/** A new byte string. Breaks an invariant when the input is not as it says it is. */
export function writeChunk(input: ChunkInput): Uint8Array {
  const { offsets, columns } = input;
  checkInput(input);
  const head = headScratch;
  const body = bodyScratch;
  head.size = 0;
  body.size = 0;
  const first = offsets[0]!;
  head.byte(chunkMagic);
  head.byte(chunkVersion);
  head.byte(0);
  head.unsigned(offsets.length);
  head.unsigned(first);
  if (offsets.length > 1) head.unsigned(offsets[offsets.length - 1]! - first);
  head.unsigned(input.stableHlc);
  head.byte(encodeTimes(body, offsets));
  head.unsigned(body.size);
  head.unsigned(input.origins.length);
  for (const origin of input.origins) putOrigin(head, origin);
  const stamps = distinctStamps(columns);
  head.unsigned(stamps.length);
  for (const runs of stamps) putStamps(head, body, runs);
  head.unsigned(columns.length);
  let previousField = -1;
  for (const column of columns) {
    head.unsigned(column.field - previousField - 1);
    putColumn(head, body, column, stampNumber(stamps, column.stamps));
    previousField = column.field;
  }
  return seal(head, body);
}

function checkInput({ offsets, columns }: ChunkInput): void {
  invariant(offsets.length > 0, 'a chunk has rows');
  let previous = -1;
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i]!;
    invariant(offset > previous, 'offsets of a chunk ascend from 0');
    previous = offset;
  }
  invariant(previous <= Number.MAX_SAFE_INTEGER, 'offsets of a chunk stay below 2^53');
  let field = -1;
  for (const column of columns) {
    invariant(column.field > field, 'columns of a chunk ascend by field');
    invariant(lengthOf(column.column) === offsets.length, 'columns of a chunk are as long as it');
    field = column.field;
  }
}

function lengthOf(column: Column): number {
  return column.type === 'string' ? column.codes.length : column.values.length;
}

function putOrigin(head: ByteWriter, origin: string): void {
  invariant(/^[0-9a-f]{16}$/.test(origin), 'an origin is 16 hex digits');
  head.u32(Number.parseInt(origin.slice(0, 8), 16));
  head.u32(Number.parseInt(origin.slice(8), 16));
}

function distinctStamps(columns: readonly ChunkInputColumn[]): StampRuns[] {
  const distinct: StampRuns[] = [];
  for (const { stamps } of columns) {
    if (stamps && stampNumber(distinct, stamps) === 0) distinct.push(stamps);
  }
  return distinct;
}

/** From 1; 0 = not among them. */
function stampNumber(distinct: readonly StampRuns[], stamps: StampRuns | undefined): number {
  return stamps ? distinct.findIndex((runs) => equalStampRuns(runs, stamps)) + 1 : 0;
}

function putStamps(head: ByteWriter, body: ByteWriter, runs: StampRuns): void {
  stampScratch.size = 0;
  encodeStampRuns(stampScratch, runs);
  head.unsigned(stampScratch.size);
  body.raw(stampScratch.bytes.subarray(0, stampScratch.size));
}

function putColumn(
  head: ByteWriter,
  body: ByteWriter,
  { column, stamps }: ChunkInputColumn,
  stampSection: number,
): void {
  const rowCount = lengthOf(column);
  const validCount = column.valid ? countValid(column.valid) : rowCount;
  invariant(validCount > 0, 'a column of a chunk has a value');
  const hasGaps = validCount < rowCount;
  const dense = gatherColumn(column, validCount);
  const summary = validCount >= summaryCountMin ? summarize(dense) : undefined;
  head.byte(
    typeCode[column.type] |
      (hasGaps ? columnFlag.validity : 0) |
      (summary ? columnFlag.summary : 0) |
      (stamps ? columnFlag.stamps : 0),
  );
  const summaryAt = body.size;
  if (summary) encodeSummary(body, dense, summary);
  const validityAt = body.size;
  if (hasGaps) {
    const codecAt = body.take(1);
    const codec = encodeBooleans(body, column.valid!);
    body.bytes[codecAt] = codec;
  }
  const valuesAt = body.size;
  head.byte(encodeValues(body, dense));
  head.unsigned(body.size - valuesAt);
  if (hasGaps) {
    head.unsigned(validCount);
    head.unsigned(valuesAt - validityAt);
  }
  if (summary) head.unsigned(validityAt - summaryAt);
  if (stamps) head.unsigned(stampSection);
}

function seal(head: ByteWriter, body: ByteWriter): Uint8Array {
  const until = head.size + body.size;
  const bytes = new Uint8Array(until + 4);
  bytes.set(head.bytes.subarray(0, head.size));
  bytes.set(body.bytes.subarray(0, body.size), head.size);
  new DataView(bytes.buffer).setUint32(until, crc32(bytes.subarray(0, until)), true);
  return bytes;
}

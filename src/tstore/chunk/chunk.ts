/**
 * Chunk: up to `chunkRowsMax` rows of one series with all their fields, immutable, in one byte string.
 *
 * Layout: docs/formats/chunk.md. A chunk knows neither its series nor its partition: offsets count
 * from the start of the partition, fields are numbers that its file gives a meaning.
 */

import { invariant } from '../../base/errors.ts';
import type { Column } from '../../model/column.ts';
import type { Hlc } from '../../model/entry.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { ColumnSummary, SummaryValue } from '../../scan/column-summary.ts';
import { decodeBooleans } from '../codec/boolean-codec.ts';
import { ByteReader, corruptChunk } from '../codec/byte-reader.ts';
import { decodeValues } from '../codec/codec.ts';
import { decodeOffsets } from '../codec/time-codec.ts';
import { type ChunkInput, writeChunk } from './chunk-encode.ts';
import { scatterColumn } from './dense-column.ts';
import { type ColumnEntry, readDirectory, type Section } from './directory.ts';
import { afterAllOrigins, decodeStampRuns, type StampRuns } from './stamp-runs.ts';
import { type DenseSummary, decodeSummary } from './summary-section.ts';

/** Twice as many save 1 % of the size, but more is decoded in vain at the ends of a range; docs/formats/chunk.md. */
export const chunkRowsMax = 4096;

/** Origin index of a stamp that orders after every origin (of a row that once was without a stamp). */
export const originAfterAll = afterAllOrigins;

export type { ChunkInput, ChunkInputColumn } from './chunk-encode.ts';
export type { StampRuns } from './stamp-runs.ts';

export interface ChunkColumn {
  readonly field: number;
  readonly type: FieldType;
  /** codec/codec-id.ts. */
  readonly codec: number;
  /** Rows with a value; at least 1. */
  readonly validCount: number;
  /** Bytes of the values and their validity. */
  readonly size: number;
  /** Undefined for strings, NaNs and columns too short to pay for one: then decode. Cheap, but keep it. */
  readonly summary: ColumnSummary | undefined;
}

/** An opened chunk: checked as a whole, nothing decoded yet. Holds on to the given bytes. */
export interface ChunkView {
  readonly rowCount: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly stableHlc: Hlc;
  /** Origin table of the stamps, 16 hex digits each. */
  readonly origins: readonly string[];
  /** Ascending by field. */
  readonly columns: readonly ChunkColumn[];
}

/** A new byte string. Breaks an invariant when the input is not what ChunkInput says. */
export function encodeChunk(input: ChunkInput): Uint8Array {
  return writeChunk(input);
}

/** Throws `corrupt` for any damage, `unsupported-version` for a version, flag or codec not known here. */
export function openChunk(bytes: Uint8Array): ChunkView {
  return new OpenChunk(bytes);
}

/** ns since the start of the partition. The caller owns the array. */
export function decodeTimes(view: ChunkView): Float64Array {
  return openedChunk(view).decodeTimes();
}

/** Column `index` of `view.columns`. The caller owns the arrays. */
export function decodeColumn(view: ChunkView, index: number): Column {
  return openedChunk(view).decodeColumn(index);
}

/** Stamps of the cells of column `index`; undefined = none has one. */
export function decodeStamps(view: ChunkView, index: number): StampRuns | undefined {
  return openedChunk(view).decodeStamps(index);
}

function openedChunk(view: ChunkView): OpenChunk {
  invariant(view instanceof OpenChunk, 'a chunk view comes from openChunk');
  return view;
}

class OpenChunk implements ChunkView {
  readonly rowCount: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly stableHlc: Hlc;
  readonly origins: readonly string[];
  readonly columns: readonly ChunkColumn[];
  readonly #bytes: Uint8Array;
  readonly #timeCodec: number;
  readonly #times: Section;
  readonly #stamps: readonly Section[];
  readonly #entries: readonly ColumnEntry[];
  #offsets: Float64Array | undefined;

  constructor(bytes: Uint8Array) {
    const directory = readDirectory(bytes);
    this.rowCount = directory.rowCount;
    this.firstOffset = directory.firstOffset;
    this.lastOffset = directory.lastOffset;
    this.stableHlc = directory.stableHlc;
    this.origins = directory.origins;
    this.columns = directory.columns.map((entry) => new OpenColumn(this, entry));
    this.#bytes = bytes;
    this.#timeCodec = directory.timeCodec;
    this.#times = directory.times;
    this.#stamps = directory.stamps;
    this.#entries = directory.columns;
    this.#offsets = undefined;
  }

  decodeTimes(): Float64Array {
    const reader = this.#readerOf(this.#times);
    const offsets = decodeOffsets(reader, this.#timeCodec, this.firstOffset, this.rowCount);
    if (!offsets) throw corruptChunk(`has a codec ${this.#timeCodec} that is not one of times`);
    if (reader.at !== reader.until || offsets[this.rowCount - 1] !== this.lastOffset) {
      throw corruptChunk('has times that end elsewhere');
    }
    return offsets;
  }

  /** Decoded once and kept, for summaries. */
  offsetAt(row: number): number {
    if (row === 0) return this.firstOffset;
    if (row === this.rowCount - 1) return this.lastOffset;
    this.#offsets ??= this.decodeTimes();
    return this.#offsets[row]!;
  }

  decodeColumn(index: number): Column {
    const entry = this.#entryAt(index);
    const reader = this.#readerOf(entry.values);
    const dense = decodeValues(reader, entry.type, entry.codec, entry.validCount);
    const valid = this.decodeValidity(entry);
    return valid ? scatterColumn(dense, valid) : dense;
  }

  decodeValidity(entry: ColumnEntry): Uint8Array | undefined {
    if (!entry.validity) return undefined;
    const reader = this.#readerOf(entry.validity);
    const valid = decodeBooleans(reader, reader.byte(), this.rowCount);
    if (!valid || reader.at !== reader.until)
      throw corruptChunk('has a validity that is no bitmap');
    let count = 0;
    for (let i = 0; i < valid.length; i++) count += valid[i]!;
    if (count !== entry.validCount) throw corruptChunk('has a validity of another count');
    return valid;
  }

  decodeStamps(index: number): StampRuns | undefined {
    const entry = this.#entryAt(index);
    if (entry.stamps === 0) return undefined;
    const reader = this.#readerOf(this.#stamps[entry.stamps - 1]!);
    const runs = decodeStampRuns(reader, this.rowCount, this.origins.length);
    if (reader.at !== reader.until) throw corruptChunk('has bytes left over after stamps');
    return runs;
  }

  decodeSummary(entry: ColumnEntry): DenseSummary | undefined {
    if (!entry.summary) return undefined;
    const reader = this.#readerOf(entry.summary);
    const summary = decodeSummary(reader, entry.type);
    if (
      reader.at !== reader.until ||
      Math.max(summary.minRow, summary.maxRow) >= entry.validCount
    ) {
      throw corruptChunk('has a summary out of range');
    }
    return summary;
  }

  #entryAt(index: number): ColumnEntry {
    const entry = this.#entries[index];
    invariant(entry !== undefined, 'a column index is below the column count');
    return entry;
  }

  #readerOf(section: Section): ByteReader {
    return new ByteReader(this.#bytes, section.at, section.until);
  }
}

interface SummaryRows {
  readonly first: number;
  readonly last: number;
  readonly min: number;
  readonly max: number;
}

/** Most summaries are asked for a sum, a count or an extreme: times of extremes are decoded when somebody asks. */
class OpenSummary implements ColumnSummary {
  readonly count: number;
  readonly first: SummaryValue;
  readonly last: SummaryValue;
  readonly min: SummaryValue;
  readonly max: SummaryValue;
  readonly sum: SummaryValue | undefined;
  readonly #chunk: OpenChunk;
  readonly #rows: SummaryRows;

  constructor(chunk: OpenChunk, count: number, dense: DenseSummary, rows: SummaryRows) {
    this.count = count;
    this.first = dense.first;
    this.last = dense.last;
    this.min = dense.min;
    this.max = dense.max;
    this.sum = dense.sum;
    this.#chunk = chunk;
    this.#rows = rows;
  }

  get firstOffset(): number {
    return this.#chunk.offsetAt(this.#rows.first);
  }

  get lastOffset(): number {
    return this.#chunk.offsetAt(this.#rows.last);
  }

  get minOffset(): number {
    return this.#chunk.offsetAt(this.#rows.min);
  }

  get maxOffset(): number {
    return this.#chunk.offsetAt(this.#rows.max);
  }
}

class OpenColumn implements ChunkColumn {
  readonly field: number;
  readonly type: FieldType;
  readonly codec: number;
  readonly validCount: number;
  readonly size: number;
  readonly #chunk: OpenChunk;
  readonly #entry: ColumnEntry;

  constructor(chunk: OpenChunk, entry: ColumnEntry) {
    this.field = entry.field;
    this.type = entry.type;
    this.codec = entry.codec;
    this.validCount = entry.validCount;
    this.size = entry.values.until - (entry.validity ?? entry.values).at;
    this.#chunk = chunk;
    this.#entry = entry;
  }

  get summary(): ColumnSummary | undefined {
    const dense = this.#chunk.decodeSummary(this.#entry);
    if (!dense) return undefined;
    return new OpenSummary(this.#chunk, this.validCount, dense, this.#rowsOf(dense));
  }

  /** Rows of the chunk in place of numbers of dense values. */
  #rowsOf(dense: DenseSummary): SummaryRows {
    const valid = this.#chunk.decodeValidity(this.#entry);
    const lastValue = this.validCount - 1;
    if (!valid) return { first: 0, last: lastValue, min: dense.minRow, max: dense.maxRow };
    const rows = { first: 0, last: 0, min: 0, max: 0 };
    let value = 0;
    for (let row = 0; row < valid.length; row++) {
      if (!valid[row]) continue;
      if (value === 0) rows.first = row;
      if (value === dense.minRow) rows.min = row;
      if (value === dense.maxRow) rows.max = row;
      if (value === lastValue) rows.last = row;
      value++;
    }
    return rows;
  }
}

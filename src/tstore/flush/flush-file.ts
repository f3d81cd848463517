/** Turns the rows of one partition in frozen memtables into chunks, and writes them in one transaction. */

import { hash64Into } from '../../base/hash.ts';
import { decodeSeriesKey } from '../../model/series-key.ts';
import { chunkRowsMax } from '../chunk/chunk.ts';
import type { Span } from '../memtable/segment-piece.ts';
import { combinePieces, dropEmptyRows } from '../merge/combine.ts';
import { hidingsOf, tombstonesWithin } from '../merge/hidings.ts';
import type { Piece } from '../merge/piece.ts';
import { changePartition } from '../partition/partition-change.ts';
import type { PartitionField } from '../partition/partition-fields.ts';
import { loadDirectory, type PartitionFile } from '../partition/partition-file.ts';
import { RowPacker } from '../partition/row-packer.ts';
import { findSources, loadPiece, type SegmentSource, type Wanted } from '../read/series-sources.ts';
import { cutIntoSlices, type Slice } from '../read/time-slices.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import type { PartitionView } from '../store/store-view.ts';
import { noChunks, overlapTest } from './overlap.ts';
import { type FileTask, slotsById } from './plan-flush.ts';
import { type SealedChunk, sealRows } from './seal.ts';

/** Fields of a series in one flush, ascending by the file's number. */
interface SeriesFields {
  readonly wanted: Wanted;
  readonly nos: readonly number[];
}

/** Numbers of fields in a file, with those that a transaction is about to add. */
export class FieldBook {
  readonly changed = new Map<number, PartitionField>();
  private readonly file: PartitionFile;
  private readonly added = new Map<string, PartitionField>();

  constructor(file: PartitionFile) {
    this.file = file;
  }

  /** The file's number of a field that has cells with stamps up to `hlc`. */
  note(measurement: string, name: string, type: PartitionField['type'], hlc: number): number {
    const key = `${type}:${measurement.length}:${measurement}${name}`;
    const known = this.added.get(key) ?? this.file.fields.find(measurement, name, type);
    if (known !== undefined && known.hlcMax >= hlc) return known.no;
    const no = known?.no ?? this.file.fields.count + this.countNew();
    const field: PartitionField = { no, measurement, name, type, hlcMax: hlc };
    this.added.set(key, field);
    this.changed.set(no, field);
    return no;
  }

  private countNew(): number {
    let count = 0;
    for (const no of this.changed.keys()) if (this.file.fields.get(no) === undefined) count++;
    return count;
  }
}

function fieldsOf(
  state: StoreState,
  sources: readonly SegmentSource[],
  measurement: string,
  book: FieldBook,
): SeriesFields {
  const hlcs = new Map<number, number>();
  for (const { frame, series } of sources) {
    const { points } = frame;
    const count = points.columnCount(series);
    for (let c = 0; c < count; c++) {
      const number = frame.fields[points.columnKeyIndex(series, c)]!;
      hlcs.set(number, Math.max(hlcs.get(number) ?? 0, frame.hlc));
    }
  }
  const { fieldNames } = state;
  const found = [...hlcs].map(([number, hlc]) => {
    const name = fieldNames.nameOf(number);
    const type = fieldNames.typeOf(number);
    return { number, name, type, no: book.note(measurement, name, type, hlc) };
  });
  found.sort((a, b) => a.no - b.no);
  return {
    wanted: { measurement, fields: found, numbers: found.map(({ number }) => number) },
    nos: found.map(({ no }) => no),
  };
}

/** Cells sealed in one go: about 10 ms of work. */
const sliceCellsMax = 400_000;

/** Whole chunks to a slice where rows are even, so that slices cost no half-filled chunks. */
function sliceSources(sources: readonly SegmentSource[], span: Span, fieldCount: number): Slice[] {
  let rows = 0;
  for (const { count } of sources) rows += count;
  const chunks = Math.max(1, Math.floor(sliceCellsMax / fieldCount / chunkRowsMax));
  const rowsMax = chunks * chunkRowsMax;
  if (rows <= rowsMax) return [span];
  return cutIntoSlices(sources, span.min, span.max, rowsMax);
}

class FileFlush {
  readonly book: FieldBook;
  readonly packer: RowPacker;
  private readonly state: StoreState;
  private readonly task: FileTask;
  private readonly file: PartitionFile;
  private readonly stableHlc: number;
  private readonly span: Span;
  private readonly hash = new Uint32Array(2);

  constructor(state: StoreState, task: FileTask, stableHlc: number) {
    const { file } = task;
    this.state = state;
    this.task = task;
    this.file = file;
    this.stableHlc = stableHlc;
    this.book = new FieldBook(file);
    this.packer = new RowPacker(file.meta.rowNoNext);
    const { start, end } = file.bounds;
    this.span = { start, min: 0, max: Number(end - start) - 1 };
  }

  /** A series with many cells goes in slices of time, so that others run in between. */
  async addSeries(slot: number, pacer: Pacer): Promise<void> {
    const { state, task, file, span } = this;
    const { index, parts } = task;
    const view: PartitionView = {
      bounds: file.bounds,
      files: [],
      lsn: state.rule.positions ? file.meta.lsn : 0,
      tombstones: [],
    };
    const place = { slot, seriesId: index.idOf(slot), index };
    const sources = findSources(parts, view, place, span) as SegmentSource[];
    if (sources.length === 0) return;
    const fields = fieldsOf(state, sources, index.measurementOf(slot).name, this.book);
    hash64Into(index.keyOf(slot), this.hash);
    let sealedCount = 0;
    for (const slice of sliceSources(sources, span, fields.nos.length)) {
      const near = sources.filter((one) => one.min <= slice.max && one.max >= slice.min);
      sealedCount += this.addRows(slot, near, fields, { start: span.start, ...slice });
      if (pacer.isDue) await pacer.breathe();
    }
    // Tombstones took all of it: the series may have nothing anywhere.
    if (sealedCount === 0) state.sweepNeeded = true;
  }

  /** Nothing waits in here: the tombstones that are applied and their number belong together. */
  private addRows(
    slot: number,
    sources: readonly SegmentSource[],
    fields: SeriesFields,
    span: Span,
  ): number {
    const { state, task } = this;
    const tombstoneNo = state.tombstoneNoSaved - 1;
    const sealed = this.seal(slot, sources, fields, span, tombstoneNo);
    for (const { bytes, ...facts } of sealed) {
      this.packer.add(
        {
          ...facts,
          seriesId: task.index.idOf(slot),
          hashLow: this.hash[0]!,
          hashHigh: this.hash[1]!,
          size: bytes.length,
          tombstoneNo: state.rule.tombstonesApplied ? tombstoneNo : 0,
        },
        bytes,
      );
    }
    return sealed.length;
  }

  private seal(
    slot: number,
    sources: readonly SegmentSource[],
    { wanted, nos }: SeriesFields,
    span: Span,
    tombstoneNo: number,
  ): SealedChunk[] {
    const { state, task, file } = this;
    const { set, index } = task;
    const near = state.rule.tombstonesApplied
      ? tombstonesWithin(state.tombstonesOf(set.dbId), set.rpId, file.bounds)
      : [];
    const known = near.filter(({ no }) => no <= tombstoneNo);
    const name = known.length === 0 ? undefined : decodeSeriesKey(index.keyOf(slot));
    const hidings = name === undefined ? [] : hidingsOf(known, name, file.bounds, state.origins);
    const pieces: Piece[] = [];
    let hlcMax = 0;
    let min = Number.POSITIVE_INFINITY;
    let max = 0;
    for (const source of sources) {
      const piece = loadPiece(source, state, wanted, span, hidings);
      if (piece === undefined) continue;
      pieces.push(piece);
      hlcMax = Math.max(hlcMax, piece.hlc);
      min = Math.min(min, piece.offsets[0]!);
      max = Math.max(max, piece.offsets[piece.offsets.length - 1]!);
    }
    if (pieces.length === 0) return [];
    const horizon = this.horizonOf(slot);
    const overlapped = overlapTest(set, file, index.idOf(slot), noChunks);
    const isOverlapped = state.rule.overlap ? overlapped : () => false;
    const withStamps = hlcMax > horizon || isOverlapped(min, max);
    const rows = dropEmptyRows(combinePieces(pieces, nos.length, state.origins, withStamps));
    const { origins } = state;
    return sealRows(rows, {
      horizon,
      stableHlc: 0,
      isForeignKept: state.rule.foreign,
      isOverlapped,
      fieldNos: nos,
      origins,
    });
  }

  /** Below every stamp of the series in the memtable that takes no part. */
  private horizonOf(slot: number): number {
    const { state, task, stableHlc } = this;
    if (!state.rule.memtable) return stableHlc;
    const part = state.active.parts.get(`${task.set.dbId}/${task.set.rpId}`);
    return Math.min(stableHlc, (part?.leastHlc(slot) ?? Number.POSITIVE_INFINITY) - 1);
  }
}

/** Durable when it resolves; the file then has everything up to `lsn`. Errors: `corrupt`, `disk-full`. */
export async function flushFile(
  state: StoreState,
  task: FileTask,
  options: { readonly stableHlc: number; readonly lsn: number },
  pacer: Pacer,
): Promise<void> {
  const { file, set } = task;
  const { readers, writer } = state.options;
  for (const other of set.files) {
    const isBeside = other.bounds.start === file.bounds.start && other.unreadable === undefined;
    if (other === file || isBeside) await loadDirectory(other, readers, pacer);
  }
  const work = new FileFlush(state, task, options.stableHlc);
  for (const slot of await slotsById(task, pacer)) {
    await work.addSeries(slot, pacer);
    if (pacer.isDue) await pacer.breathe();
  }
  if (work.packer.isEmpty && !file.exists) return;
  await changePartition(
    file,
    {
      packed: work.packer.finish(),
      replaced: [],
      fields: [...work.book.changed.values()],
      lsn: Math.max(options.lsn, file.meta.lsn),
      purge: file.pins === 0 ? file.garbage : [],
    },
    writer,
    pacer,
  );
}

/**
 * Writes groups of chunks of one file anew, in one transaction: merged, without cells that tombstones hide,
 * without stamps that may go. Whole rows are replaced; chunks in them that are in no group are copied.
 */

import { CitadelError } from '../../base/errors.ts';
import { decodeSeriesKey } from '../../model/series-key.ts';
import { type ChunkSet, chunkKey, noChunks, overlapTest } from '../flush/overlap.ts';
import { sealRows } from '../flush/seal.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import type { Span } from '../memtable/segment-piece.ts';
import { combinePieces, dropEmptyRows } from '../merge/combine.ts';
import { hidingsOf, tombstonesWithin } from '../merge/hidings.ts';
import type { Piece } from '../merge/piece.ts';
import type { ChunkRef, StoredRow } from '../partition/chunk-directory.ts';
import { changePartition } from '../partition/partition-change.ts';
import type { PartitionField } from '../partition/partition-fields.ts';
import { type PartitionFile, readRow } from '../partition/partition-file.ts';
import { damaged } from '../partition/partition-schema.ts';
import type { PartitionSet } from '../partition/partition-set.ts';
import type { ChunkEntry } from '../partition/row-entries.ts';
import { RowPacker } from '../partition/row-packer.ts';
import { type ChunkSource, loadPiece, openSource, type Wanted } from '../read/series-sources.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';

/** Chunks of one series that become one or, where they are long, a few. */
export interface MergeGroup {
  readonly seriesId: number;
  readonly chunks: readonly ChunkRef[];
}

export interface RewriteTask {
  readonly file: PartitionFile;
  readonly set: PartitionSet;
  readonly index: DatabaseIndex;
  readonly groups: readonly MergeGroup[];
}

interface NewChunk {
  readonly entry: ChunkEntry;
  readonly bytes: Uint8Array;
}

function sourceOf(file: PartitionFile, { layer, at }: ChunkRef): ChunkSource {
  const min = layer.mins[at]!;
  const max = layer.maxs[at]!;
  return { kind: 'chunk', min, max, count: layer.pointCounts[at]!, file, layer, at };
}

/** All fields that occur in the chunks, by the file's numbers. */
function fieldsIn(state: StoreState, file: PartitionFile, sources: readonly ChunkSource[]) {
  const fields = new Map<number, PartitionField>();
  for (const source of sources) {
    for (const { field: no } of openSource(source, state).view.columns) {
      if (fields.has(no)) continue;
      const field = file.fields.get(no);
      if (field === undefined) throw damaged(file.path, `field ${no}`);
      fields.set(no, field);
    }
  }
  return [...fields.values()].sort((a, b) => a.no - b.no);
}

class Rewriter {
  private readonly state: StoreState;
  private readonly task: RewriteTask;
  private readonly stableHlc: number;
  private readonly span: Span;
  readonly made: NewChunk[] = [];

  constructor(state: StoreState, task: RewriteTask, stableHlc: number) {
    this.state = state;
    this.task = task;
    this.stableHlc = stableHlc;
    const { start, end } = task.file.bounds;
    this.span = { start, min: 0, max: Number(end - start) - 1 };
  }

  merge({ seriesId, chunks }: MergeGroup): void {
    const { state, task, span } = this;
    const { file, set, index } = task;
    const slot = index.slotOfId(seriesId);
    if (slot < 0) throw damaged(file.path, `series ${seriesId}: it is not in the catalog`);
    const tombstoneNo = state.tombstoneNoSaved - 1;
    const near = state.rule.tombstonesApplied
      ? tombstonesWithin(state.tombstonesOf(set.dbId), set.rpId, file.bounds)
      : [];
    const name = decodeSeriesKey(index.keyOf(slot));
    const known = near.filter(({ no }) => no <= tombstoneNo);
    const hidings = hidingsOf(known, name, file.bounds, state.origins);
    const sources = chunks.map((ref) => sourceOf(file, ref));
    const fields = fieldsIn(state, file, sources);
    const wanted: Wanted = { measurement: name.measurement, fields, numbers: [] };
    const pieces = sources
      .map((source) => loadPiece(source, state, wanted, span, hidings))
      .filter((piece): piece is Piece => piece !== undefined);
    const rows = dropEmptyRows(combinePieces(pieces, fields.length, state.origins, true));
    const takingPart: ChunkSet =
      chunks.length === 0 ? noChunks : new Set(chunks.map(({ layer, at }) => chunkKey(layer, at)));
    const overlapped = overlapTest(set, file, seriesId, takingPart);
    const sealed = sealRows(rows, {
      horizon: this.horizonOf(slot),
      stableHlc: Math.max(...chunks.map(({ layer, at }) => layer.stableHlcs[at]!)),
      isForeignKept: state.rule.foreign,
      isOverlapped: state.rule.overlap ? overlapped : () => false,
      fieldNos: fields.map(({ no }) => no),
      origins: state.origins,
    });
    const { layer, at } = chunks[0]!;
    const { hashLow, hashHigh } = layer.entry(at);
    for (const { bytes, ...facts } of sealed) {
      const size = bytes.length;
      const applied = state.rule.tombstonesApplied ? tombstoneNo : 0;
      const entry = { ...facts, seriesId, hashLow, hashHigh, size, tombstoneNo: applied };
      this.made.push({ entry, bytes });
    }
  }

  /** Below every stamp of the series in any memtable: none of them takes part. */
  private horizonOf(slot: number): number {
    const { state, task, stableHlc } = this;
    if (!state.rule.memtable) return stableHlc;
    let horizon = stableHlc;
    for (const memtable of state.memtables) {
      const part = memtable.parts.get(`${task.set.dbId}/${task.set.rpId}`);
      if (part !== undefined) horizon = Math.min(horizon, part.leastHlc(slot) - 1);
    }
    return horizon;
  }
}

/** All chunks of the given rows, row by row in stored order. */
async function findRows(
  file: PartitionFile,
  rowNos: ReadonlySet<number>,
  pacer: Pacer,
): Promise<Map<number, ChunkRef[]>> {
  const rows = new Map<number, ChunkRef[]>();
  for (const layer of file.directory!.layers) {
    for (let at = 0; at < layer.count; at++) {
      if (at % 65_536 === 65_535) await pacer.breathe();
      const no = layer.rowNos[at]!;
      if (!rowNos.has(no)) continue;
      const row = rows.get(no);
      if (row === undefined) rows.set(no, [{ layer, at }]);
      else row.push({ layer, at });
    }
  }
  for (const row of rows.values()) {
    row.sort((a, b) => a.layer.starts[a.at]! - b.layer.starts[b.at]!);
  }
  return rows;
}

function toStoredRow(no: number, chunks: readonly ChunkRef[]): StoredRow {
  const { layer, at } = chunks[0]!;
  const entries = chunks.map((ref) => ref.layer.entry(ref.at));
  return { no, dataSum: layer.dataSums[at]!, chunks: entries };
}

function copyChunk(state: StoreState, file: PartitionFile, { layer, at }: ChunkRef): NewChunk {
  const { readers } = state.options;
  const bytes = readRow(file, layer.rowNos[at]!, layer.dataSums[at]!, readers);
  const start = layer.starts[at]!;
  return { entry: layer.entry(at), bytes: bytes.subarray(start, start + layer.sizes[at]!) };
}

/** Durable when it resolves. Errors: `corrupt`, `disk-full`, `cancelled`. */
export async function rewriteChunks(
  state: StoreState,
  task: RewriteTask,
  stableHlc: number,
  pacer: Pacer,
): Promise<void> {
  const { file, groups } = task;
  const taken = new Set(groups.flatMap(({ chunks }) => chunks.map((c) => chunkKey(c.layer, c.at))));
  const rowNos = new Set(
    groups.flatMap(({ chunks }) => chunks.map(({ layer, at }) => layer.rowNos[at]!)),
  );
  const rows = await findRows(file, rowNos, pacer);
  const rewriter = new Rewriter(state, task, stableHlc);
  for (const group of groups) {
    rewriter.merge(group);
    await pacer.breathe();
  }
  const { made } = rewriter;
  for (const row of rows.values()) {
    for (const chunk of row) {
      if (!taken.has(chunkKey(chunk.layer, chunk.at))) made.push(copyChunk(state, file, chunk));
    }
    await pacer.breathe();
  }
  made.sort((a, b) => a.entry.seriesId - b.entry.seriesId || a.entry.min - b.entry.min);
  const packer = new RowPacker(file.meta.rowNoNext);
  for (const { entry, bytes } of made) packer.add(entry, bytes);
  if (rows.size !== rowNos.size) {
    throw new CitadelError('corrupt', `cannot read ${file.path} at directory: rows are missing`);
  }
  await changePartition(
    file,
    {
      packed: packer.finish(),
      replaced: [...rows].map(([no, chunks]) => toStoredRow(no, chunks)),
      fields: [],
      lsn: undefined,
      purge: file.pins === 0 ? file.garbage : [],
    },
    state.options.writer,
    pacer,
  );
  const kept = new Set(made.map(({ entry }) => entry.seriesId));
  if (groups.some(({ seriesId }) => !kept.has(seriesId))) state.sweepNeeded = true;
}

/**
 * Digests of what a store answers: live cells after merge and tombstones, however files and memtables hold them.
 *
 * Parts are weeks of a policy, counted from the Unix epoch, and buckets of series: neither depends on where
 * partition files begin and end. Stamps take part only through the horizon, for one replica may keep a stamp
 * that another has left out.
 */

import { hash32 } from '../../base/hash.ts';
import type { Hlc } from '../../model/entry.ts';
import { decodeSeriesKey } from '../../model/series-key.ts';
import type { DigestPart } from '../../model/store-snapshot.ts';
import { allTime, nsPerDay, type TimeRange } from '../../model/time.ts';
import { chunkRowsMax } from '../chunk/chunk.ts';
import type { Span } from '../memtable/segment-piece.ts';
import { combinePieces, type Rows } from '../merge/combine.ts';
import { hidingsOf } from '../merge/hidings.ts';
import { lowerBound, type Piece } from '../merge/piece.ts';
import { damaged } from '../partition/partition-schema.ts';
import { seriesIdsOf } from '../partition/series-walk.ts';
import { spanOf } from '../read/partition-scan.ts';
import {
  clusterSources,
  findSources,
  loadPiece,
  openSource,
  type Source,
  type Wanted,
} from '../read/series-sources.ts';
import { cutIntoSlices } from '../read/time-slices.ts';
import { noteDamage } from '../store/damage.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { openView, type PartitionView, type StoreView } from '../store/store-view.ts';
import { CellSum, cellSeed, mixedTimes, sumCells, valueWords } from './digest-cells.ts';

const windowNs = 7n * nsPerDay;
/** A power of two: the low bits of the hash of the series key. */
const bucketCount = 16;
/** Cells resolved and hashed in one go, about 5 ms; whole chunks where rows are even. */
const sliceCellsMax = 131_072;

function windowOf(time: bigint): bigint {
  const past = time % windowNs;
  return time - (past < 0n ? past + windowNs : past);
}

/** Ranges that each lie in one partition, or between two: a view of one needs few directories. */
function* rangesOf(state: StoreState, policy: string): Generator<TimeRange> {
  let at = allTime.min;
  for (const { bounds } of state.partitions.get(policy)?.files ?? []) {
    if (bounds.start < at) continue;
    if (bounds.start > at) yield { min: at, max: bounds.start - 1n };
    yield { min: bounds.start, max: bounds.end - 1n };
    at = bounds.end;
  }
  if (at <= allTime.max) yield { min: at, max: allTime.max };
}

interface SeriesInView {
  readonly view: StoreView;
  readonly partition: PartitionView;
  readonly span: Span;
  readonly slot: number;
}

class PolicyDigest {
  /** Window -> one sum for each bucket. */
  readonly windows = new Map<bigint, CellSum[]>();
  private readonly state: StoreState;
  private readonly dbId: string;
  private readonly rpId: string;
  private readonly horizon: Hlc;
  private readonly pacer: Pacer;
  private readonly seed = new Uint32Array(4);
  private readonly sums = new Float64Array(4);

  constructor(
    state: StoreState,
    policy: { readonly dbId: string; readonly rpId: string },
    horizon: Hlc,
    pacer: Pacer,
  ) {
    this.state = state;
    this.dbId = policy.dbId;
    this.rpId = policy.rpId;
    this.horizon = horizon;
    this.pacer = pacer;
  }

  async addRange(range: TimeRange): Promise<void> {
    const { state, dbId, rpId, pacer } = this;
    const view = await openView(state, { dbId, rpId, range }, pacer);
    try {
      for (const partition of view.partitions) {
        const span = spanOf(partition, range);
        if (span !== undefined) await this.addPartition(view, partition, span);
      }
    } finally {
      view.release();
    }
  }

  private async addPartition(view: StoreView, partition: PartitionView, span: Span): Promise<void> {
    const used = await this.findSlots(view, partition);
    for (let slot = 0; slot < used.length; slot++) {
      if (used[slot] === 1) await this.addSeries({ view, partition, span, slot });
      if (this.pacer.isDue) await this.breathe();
    }
  }

  private async breathe(): Promise<void> {
    await this.pacer.breathe();
    this.state.checkOpen();
  }

  /** 1 = the slot's series may have rows in the partition. */
  private async findSlots(view: StoreView, { files }: PartitionView): Promise<Uint8Array> {
    const index = this.state.database(this.dbId);
    const used = new Uint8Array(index.slotCount);
    for (const { file, directory } of files) {
      for (const id of seriesIdsOf(directory)) {
        const slot = index.slotOfId(id);
        if (slot < 0) throw damaged(file.path, `series ${id}: it is not in the catalog`);
        used[slot] = 1;
        if (this.pacer.isDue) await this.breathe();
      }
    }
    for (const { part, limit } of view.parts) {
      for (const slot of part.slots.view()) {
        if (slot < used.length && part.newest(slot, limit) >= 0) used[slot] = 1;
      }
      if (this.pacer.isDue) await this.breathe();
    }
    return used;
  }

  private async addSeries({ view, partition, span, slot }: SeriesInView): Promise<void> {
    const { state } = this;
    const index = state.database(this.dbId);
    const place = { slot, seriesId: index.idOf(slot), index };
    const sources = findSources(view.parts, partition, place, span);
    if (sources.length === 0) return;
    const key = index.keyOf(slot);
    const name = decodeSeriesKey(key);
    const wanted = this.fieldsOf(sources, name.measurement);
    const { tombstones, bounds } = partition;
    const hidings =
      tombstones.length === 0 ? [] : hidingsOf(tombstones, name, bounds, state.origins);
    const withStamps = this.horizon !== Number.POSITIVE_INFINITY;
    for (const { sources: near, slice } of this.slicesOf(sources, span, wanted.fields.length)) {
      const pieces: Piece[] = [];
      for (const source of near) {
        const piece = loadPiece(source, state, wanted, slice, hidings);
        if (piece !== undefined) pieces.push(piece);
      }
      const rows = combinePieces(pieces, wanted.fields.length, state.origins, withStamps);
      this.addRows(key, wanted, span.start, rows);
      if (this.pacer.isDue) await this.breathe();
    }
  }

  /** Sources that overlap in time are resolved together, and only they; many rows in slices. */
  private *slicesOf(
    sources: readonly Source[],
    span: Span,
    fieldCount: number,
  ): Generator<{ readonly sources: readonly Source[]; readonly slice: Span }> {
    const chunks = Math.max(1, Math.floor(sliceCellsMax / fieldCount / chunkRowsMax));
    const rowsMax = chunks * chunkRowsMax;
    for (const [from, until] of clusterSources(sources)) {
      const cluster = sources.slice(from, until);
      for (const slice of cutIntoSlices(cluster, span.min, span.max, rowsMax)) {
        const near = cluster.filter(({ min, max }) => min <= slice.max && max >= slice.min);
        if (near.length > 0) yield { sources: near, slice: { start: span.start, ...slice } };
      }
    }
  }

  /** All fields that occur in the sources. Errors: `corrupt`. */
  private fieldsOf(sources: readonly Source[], measurement: string): Wanted {
    const { fieldNames } = this.state;
    const found = new Set<number>();
    for (const source of sources) {
      if (source.kind === 'segment') {
        const { points, fields } = source.frame;
        const count = points.columnCount(source.series);
        for (let c = 0; c < count; c++) found.add(fields[points.columnKeyIndex(source.series, c)]!);
        continue;
      }
      const { file } = source;
      for (const { field: no } of openSource(source, this.state).view.columns) {
        const field = file.fields.get(no);
        if (field === undefined) throw damaged(file.path, `field ${no}`);
        found.add(fieldNames.numberOf(field.name, field.type));
      }
    }
    const numbers = [...found];
    const fields = numbers.map((number) => ({
      name: fieldNames.nameOf(number),
      type: fieldNames.typeOf(number),
    }));
    return { measurement, fields, numbers };
  }

  private addRows(key: Uint8Array, { fields }: Wanted, start: bigint, rows: Rows): void {
    const { offsets, columns, stamps } = rows;
    if (offsets.length === 0) return;
    const bucket = hash32(key) & (bucketCount - 1);
    const times = mixedTimes(start, offsets);
    columns.forEach((column, f) => {
      if (column === undefined) return;
      cellSeed(key, fields[f]!, this.seed);
      const values = valueWords(column);
      const valid = this.withinHorizon(column.valid, stamps?.[f]?.hlcs);
      for (let from = 0; from < offsets.length; ) {
        const window = windowOf(start + BigInt(offsets[from]!));
        const until = lowerBound(offsets, Number(window + windowNs - start));
        this.sums.fill(0);
        const count = sumCells({ times, values, valid, from, until }, this.seed, this.sums);
        if (count > 0) this.sumsOf(window)[bucket]!.add(this.sums, count);
        from = until;
      }
    });
  }

  private withinHorizon(
    valid: Uint8Array | undefined,
    hlcs: Float64Array | undefined,
  ): Uint8Array | undefined {
    if (hlcs === undefined) return valid;
    const within = new Uint8Array(hlcs.length);
    for (let i = 0; i < within.length; i++) {
      within[i] = valid?.[i] !== 0 && hlcs[i]! <= this.horizon ? 1 : 0;
    }
    return within;
  }

  private sumsOf(window: bigint): CellSum[] {
    let sums = this.windows.get(window);
    if (sums === undefined) {
      sums = Array.from({ length: bucketCount }, () => new CellSum());
      this.windows.set(window, sums);
    }
    return sums;
  }
}

/** Policies that have rows in files or in memory, by `dbId/rpId`. */
function policiesOf(state: StoreState): Map<string, { dbId: string; rpId: string }> {
  const found = new Map<string, { dbId: string; rpId: string }>();
  for (const [key, { dbId, rpId }] of state.partitions) found.set(key, { dbId, rpId });
  for (const memtable of state.memtables) {
    for (const [key, { dbId, rpId }] of memtable.parts) found.set(key, { dbId, rpId });
  }
  return found;
}

/**
 * Parts with at least one cell, by name. Cells with a stamp above the horizon do not count; one without a
 * stamp counts by the `stableHlc` of its chunk. Errors: `corrupt`, `cancelled`.
 */
export async function digestStore(
  state: StoreState,
  horizon: Hlc,
  pacer: Pacer,
): Promise<readonly DigestPart[]> {
  state.checkOpen();
  // The names of series in a view stay until it is released.
  const letGo = state.hold();
  try {
    const parts: DigestPart[] = [];
    for (const [key, policy] of policiesOf(state)) {
      const digest = new PolicyDigest(state, policy, horizon, pacer);
      for (const range of rangesOf(state, key)) await digest.addRange(range);
      for (const [window, sums] of digest.windows) {
        sums.forEach((sum, bucket) => {
          if (sum.cells === 0) return;
          const name = `${key}/${window}/${bucket}`;
          parts.push({ name, digest: sum.toHex(), cells: sum.cells });
        });
      }
    }
    return parts.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    noteDamage(state, error);
    throw error;
  } finally {
    letGo();
  }
}

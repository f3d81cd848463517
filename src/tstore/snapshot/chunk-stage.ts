/**
 * Chunks of one of the sender's partitions, on their way into files of this store.
 *
 * A chunk keeps its bytes but for the head, which names fields by the numbers of its new file; only one whose
 * time lies in several files here is taken apart. Its `stableHlc` and stamps stay what they are: a row without a
 * stamp says that it won against every entry up to `stableHlc` anywhere, which is as true here.
 */

import { decodeSeriesKey, isWellFormedSeriesKey, type SeriesName } from '../../model/series-key.ts';
import { corruptSnapshot } from '../../model/snapshot-pieces.ts';
import { openChunk } from '../chunk/chunk.ts';
import { FieldBook } from '../flush/flush-file.ts';
import { FileNumbers, makePartition, partitionFor } from '../flush/new-partition.ts';
import { type NewSeries, saveSeriesAndFiles } from '../flush/save-names.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import type { PartitionField } from '../partition/partition-fields.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import type { PartitionSet } from '../partition/partition-set.ts';
import { isDamage, quarantine } from '../store/damage.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { type ArrivedChunk, addChunks, type FieldMap } from './add-chunks.ts';
import { cutChunk } from './cut-chunk.ts';
import type { PartitionRecord } from './records.ts';

/** Collected before they are written. */
const chunkBytesMax = 4 * 1024 * 1024;
const chunkCountMax = 8192;
/** A damaged file is found out once and gives way to its successor. */
const attemptsMax = 3;

interface StagedChunk {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  /** ns since the start of the sender's partition. */
  readonly min: number;
  readonly max: number;
}

interface Placed {
  readonly set: PartitionSet;
  readonly index: DatabaseIndex;
  readonly byFile: Map<PartitionFile, ArrivedChunk[]>;
}

export class ChunkStage {
  private readonly state: StoreState;
  private readonly partition: PartitionRecord;
  private readonly fields = new Map<number, PartitionField>();
  private series: { readonly key: Uint8Array; readonly name: SeriesName } | undefined;
  private staged: StagedChunk[] = [];
  private bytes = 0;

  constructor(state: StoreState, partition: PartitionRecord) {
    this.state = state;
    this.partition = partition;
    for (const field of partition.fields) this.fields.set(field.no, field);
  }

  get isEmpty(): boolean {
    return this.staged.length === 0;
  }

  /** Errors: `corrupt`. */
  openSeries(key: Uint8Array): void {
    if (!isWellFormedSeriesKey(key)) throw corruptSnapshot('a series key is none');
    this.series = { key, name: decodeSeriesKey(key) };
  }

  /** True = time to write. Errors: `corrupt`, `unsupported-version`. */
  add(bytes: Uint8Array): boolean {
    const { series, partition } = this;
    if (series === undefined) throw corruptSnapshot('a chunk outside of a series');
    const { firstOffset: min, lastOffset: max, columns } = openChunk(bytes);
    const { start, end } = partition.bounds;
    if (max >= Number(end - start)) throw corruptSnapshot('a chunk outside of its partition');
    for (const { field, type } of columns) {
      const known = this.fields.get(field);
      if (known?.type !== type || known.measurement !== series.name.measurement) {
        throw corruptSnapshot(`field ${field} of a chunk is another one`);
      }
    }
    this.staged.push({ key: series.key, bytes, min, max });
    this.bytes += bytes.length;
    return this.bytes >= chunkBytesMax || this.staged.length >= chunkCountMax;
  }

  /** Only while nothing else changes files. Durable when it resolves, with the files that it changed. */
  async write(pacer: Pacer): Promise<PartitionFile[]> {
    const { state, partition } = this;
    const { staged } = this;
    this.staged = [];
    this.bytes = 0;
    if (state.isDropped(partition.dbId, partition.rpId)) return [];
    for (let attempt = 1; ; attempt++) {
      const changed: PartitionFile[] = [];
      const placed = await this.place(staged, pacer);
      try {
        for (const [file, chunks] of placed.byFile) {
          await this.writeFile(placed, file, chunks, pacer);
          changed.push(file);
        }
        return changed;
      } catch (error) {
        if (!isDamage(error) || attempt === attemptsMax) throw error;
        const damagedFile = [...placed.byFile.keys()].find((file) => !changed.includes(file));
        if (damagedFile === undefined || !damagedFile.exists) throw error;
        quarantine(state, damagedFile, error);
      }
    }
  }

  private async writeFile(
    { set, index }: Placed,
    file: PartitionFile,
    chunks: readonly ArrivedChunk[],
    pacer: Pacer,
  ): Promise<void> {
    const book = new FieldBook(file);
    const numbers = new Map<number, number>();
    const numberOf = (no: number) => {
      let own = numbers.get(no);
      if (own === undefined) {
        const { measurement, name, type, hlcMax } = this.fields.get(no)!;
        own = book.note(measurement, name, type, hlcMax);
        numbers.set(no, own);
      }
      return own;
    };
    const fields: FieldMap = { book, numberOf };
    await addChunks(this.state, { file, set, index, chunks, fields }, pacer);
  }

  /** Names are durable when it resolves: ids of series, records of files. */
  private async place(staged: readonly StagedChunk[], pacer: Pacer): Promise<Placed> {
    const { state, partition } = this;
    const set = state.partitionSet(partition.dbId, partition.rpId);
    const index = state.database(partition.dbId);
    const numbers = new FileNumbers(state);
    this.adoptBounds(set, numbers);
    const byFile = new Map<PartitionFile, ArrivedChunk[]>();
    const newSlots = new Set<number>();
    for (const chunk of staged) {
      const slot = index.findOrAdd(chunk.key);
      if (index.idOf(slot) === 0) newSlots.add(slot);
      for (const { file, bytes } of this.placeChunk(chunk, set, numbers)) {
        const chunks = byFile.get(file);
        const shift = Number(partition.bounds.start - file.bounds.start);
        const arrived = { slot, key: chunk.key, bytes, shift };
        if (chunks === undefined) byFile.set(file, [arrived]);
        else chunks.push(arrived);
      }
      if (pacer.isDue) await pacer.breathe();
    }
    const series: NewSeries[] = newSlots.size > 0 ? [{ index, slots: [...newSlots] }] : [];
    const newFiles = [...byFile.keys()].filter((file) => !file.exists);
    await saveSeriesAndFiles(state, series, newFiles, pacer);
    return { set, index, byFile };
  }

  /** Where nothing is in the way, the file here gets the bounds it has there. */
  private adoptBounds(set: PartitionSet, numbers: FileNumbers): void {
    const { bounds } = this.partition;
    const isFree = set.files.every(
      (file) => file.bounds.end <= bounds.start || file.bounds.start >= bounds.end,
    );
    if (isFree) makePartition(this.state, set, bounds, numbers.take());
  }

  /** The file, or files, for its time, with what goes to each. */
  private *placeChunk(
    { bytes, min, max }: StagedChunk,
    set: PartitionSet,
    numbers: FileNumbers,
  ): Generator<{ file: PartitionFile; bytes: Uint8Array }> {
    const { start } = this.partition.bounds;
    for (let from = min; from <= max; ) {
      const file = partitionFor(this.state, set, start + BigInt(from), numbers);
      const until = Number(file.bounds.end - start);
      if (from === min && max < until) {
        yield { file, bytes };
        return;
      }
      const part = cutChunk(bytes, from, until);
      if (part.bytes !== undefined) yield { file, bytes: part.bytes };
      from = part.next;
    }
  }
}

/** Which series of frozen memtables go to which partition files. */

import type { DatabaseIndex } from '../index/database-index.ts';
import { GrowableUint32 } from '../index/growable.ts';
import type { Memtable, MemtablePart } from '../memtable/memtable.ts';
import type { PartitionFile } from '../partition/partition-file.ts';
import type { PartitionSet } from '../partition/partition-set.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import type { PartView } from '../store/store-view.ts';
import { FileNumbers, partitionFor } from './new-partition.ts';

export interface FileTask {
  readonly file: PartitionFile;
  readonly set: PartitionSet;
  readonly index: DatabaseIndex;
  /** Everything of the policy that is flushed. */
  readonly parts: readonly PartView[];
  /** Series with rows for the file; sorted by id once ids are given. */
  readonly slots: GrowableUint32;
}

class PartPlanner {
  readonly tasks = new Map<PartitionFile, FileTask>();
  private readonly state: StoreState;
  private readonly set: PartitionSet;
  private readonly index: DatabaseIndex;
  private readonly parts: readonly PartView[];
  private readonly numbers: FileNumbers;
  private lastFile: PartitionFile | undefined;

  constructor(state: StoreState, parts: readonly MemtablePart[], numbers: FileNumbers) {
    const { dbId, rpId, index } = parts[0]!;
    this.state = state;
    this.set = state.partitionSet(dbId, rpId);
    this.index = index;
    this.parts = parts.map((part) => ({ part, limit: part.segmentCount }));
    this.numbers = numbers;
  }

  addSeries(slot: number): void {
    for (const { part, limit } of this.parts) {
      for (let s = part.newest(slot, limit); s >= 0; s = part.older(s)) {
        this.addTimes(slot, part.frame(s).points.times(part.seriesInFrame(s)));
      }
    }
  }

  private addTimes(slot: number, times: BigInt64Array): void {
    const last = times[times.length - 1]!;
    for (let row = 0; row < times.length; ) {
      const file = this.fileFor(times[row]!);
      const { slots } = this.taskFor(file);
      if (slots.length === 0 || slots.values[slots.length - 1] !== slot) slots.push(slot);
      if (last < file.bounds.end) return;
      while (row < times.length && times[row]! < file.bounds.end) row++;
    }
  }

  private fileFor(time: bigint): PartitionFile {
    const near = this.lastFile;
    if (near !== undefined && near.bounds.start <= time && time < near.bounds.end) return near;
    this.lastFile = partitionFor(this.state, this.set, time, this.numbers);
    return this.lastFile;
  }

  private taskFor(file: PartitionFile): FileTask {
    let task = this.tasks.get(file);
    if (task === undefined) {
      const { set, index, parts } = this;
      task = { file, set, index, parts, slots: new GrowableUint32() };
      this.tasks.set(file, task);
    }
    return task;
  }
}

function groupParts(memtables: readonly Memtable[]): MemtablePart[][] {
  const groups = new Map<string, MemtablePart[]>();
  for (const memtable of memtables) {
    for (const [key, part] of memtable.parts) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [part]);
      else group.push(part);
    }
  }
  return [...groups.values()];
}

export async function planFlush(
  state: StoreState,
  memtables: readonly Memtable[],
  pacer: Pacer,
): Promise<FileTask[]> {
  const numbers = new FileNumbers(state);
  const tasks: FileTask[] = [];
  for (const parts of groupParts(memtables)) {
    const planner = new PartPlanner(state, parts, numbers);
    for (const part of parts) {
      for (const slot of part.slots.view()) {
        planner.addSeries(slot);
        if (pacer.isDue) await pacer.breathe();
      }
    }
    tasks.push(...planner.tasks.values());
  }
  return tasks;
}

/** Series of a task by id, each once. */
export async function slotsById(task: FileTask, pacer: Pacer): Promise<Uint32Array> {
  const { index } = task;
  const slots = task.slots.view();
  const pairs = new Float64Array(slots.length);
  for (let i = 0; i < slots.length; i++) pairs[i] = index.idOf(slots[i]!) * 4294967296 + slots[i]!;
  const ordered = await sortNumbers(pairs, pacer);
  const sorted = new Uint32Array(ordered.length);
  let count = 0;
  for (let i = 0; i < ordered.length; i++) {
    if (i > 0 && ordered[i] === ordered[i - 1]) continue;
    sorted[count++] = ordered[i]! % 4294967296;
  }
  return sorted.subarray(0, count);
}

const runLength = 16_384;

/** Ascending: short runs by the engine's own sort, then merges, breathing in between. */
async function sortNumbers(values: Float64Array, pacer: Pacer): Promise<Float64Array> {
  for (let from = 0; from < values.length; from += runLength) {
    values.subarray(from, from + runLength).sort();
    await pacer.breathe();
  }
  let source = values;
  let target: Float64Array = new Float64Array(values.length);
  for (let width = runLength; width < values.length; width *= 2) {
    for (let from = 0; from < values.length; from += width * 2) {
      const middle = Math.min(from + width, values.length);
      const until = Math.min(from + width * 2, values.length);
      await mergeRuns(source, target, from, middle, until, pacer);
    }
    [source, target] = [target, source];
  }
  return source;
}

async function mergeRuns(
  source: Float64Array,
  target: Float64Array,
  from: number,
  middle: number,
  until: number,
  pacer: Pacer,
): Promise<void> {
  let a = from;
  let b = middle;
  for (let at = from; at < until; at++) {
    if (at % runLength === 0) await pacer.breathe();
    const takeA = b >= until || (a < middle && source[a]! <= source[b]!);
    target[at] = takeA ? source[a++]! : source[b++]!;
  }
}

/**
 * Makes everything applied so far durable: rows in order of their keys, in large transactions, the positions
 * with the last one; only then memory is let go. Rows that lose against what the file has change nothing.
 */

import { CitadelError } from '../../base/errors.ts';
import type { FlushOptions } from '../../model/store-engine.ts';
import { joinVersions } from '../../model/versions.ts';
import { RowBatch } from '../file/row-batch.ts';
import type { Memtable } from '../memtable/memtable.ts';
import { MergedRows } from '../read/merge-rows.ts';
import { MemorySource, type RowSource } from '../read/row-source.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { type MetaChange, writeRows } from '../store/write-file.ts';

const rowsPerLook = 512;
const noKey = new Uint8Array(0);
const everything = { from: noKey, until: undefined };
/** A flush that meets damage is begun anew, on the successor. */
const attemptsMax = 2;

/** From here on new frames go to a new memtable. */
export function freeze(state: StoreState): void {
  const { active } = state;
  if (active.isEmpty && state.frozen.length === 0 && active.lastLsn === state.file.meta.replayFrom)
    return;
  state.frozen = [...state.frozen, active];
  state.active = state.newMemtable();
  state.active.lastLsn = active.lastLsn;
  state.slabs.startAnew();
}

/** All rows of one table in the memtables. */
export async function memorySources(
  state: StoreState,
  memtables: readonly Memtable[],
  table: number,
): Promise<RowSource[]> {
  const sources: RowSource[] = [];
  for (const memtable of memtables) {
    const part = memtable.parts.get(table);
    if (part === undefined) continue;
    for (const run of await part.runs.take(state.options.env)) {
      sources.push(new MemorySource(part.cells, run, everything));
    }
  }
  return sources;
}

/** Adds the source's current row to the batch. */
export function addRow(state: StoreState, batch: RowBatch, table: number, source: RowSource): void {
  const stamp = source.stamp();
  const value = source.value();
  batch.add(table, {
    stamp,
    originBytes: state.origins.of(stamp.origin),
    keyBytes: source.bytes,
    keyAt: source.keyAt,
    keySize: source.keySize,
    isDeleted: source.isDeleted(),
    valueBytes: value.bytes,
    valueAt: value.at,
    valueSize: value.size,
  });
}

class Flush {
  readonly #state: StoreState;
  readonly #memtables: readonly Memtable[];
  readonly #options: FlushOptions;
  readonly #pacer: Pacer;
  #batch = new RowBatch();
  /** Rows and bytes that are still to come, at most. */
  #rowsLeft = 0;
  #bytesLeft = 0;

  constructor(state: StoreState, memtables: readonly Memtable[], options: FlushOptions) {
    this.#state = state;
    this.#memtables = memtables;
    this.#options = options;
    this.#pacer = new Pacer(state.options.env);
    for (const { rowCount, frameBytes } of memtables) {
      this.#rowsLeft += rowCount;
      this.#bytesLeft += frameBytes;
    }
    this.#batch.expect(this.#rowsLeft, this.#bytesLeft);
  }

  async run(positions: MetaChange): Promise<void> {
    const tables = new Set(this.#memtables.flatMap(({ parts }) => [...parts.keys()]));
    for (const table of [...tables].sort((a, b) => a - b)) await this.#addTable(table);
    this.#checkSignal();
    await writeRows(this.#state, this.#batch, positions);
  }

  async #addTable(table: number): Promise<void> {
    const rows = new MergedRows(await memorySources(this.#state, this.#memtables, table));
    let count = 0;
    for (let source = rows.next(); source !== undefined; source = rows.next()) {
      addRow(this.#state, this.#batch, table, source);
      if (this.#batch.isFull) await this.#write();
      if (++count % rowsPerLook === 0 && this.#pacer.isDue) await this.#pacer.breathe();
    }
  }

  async #write(): Promise<void> {
    this.#checkSignal();
    const share = this.#batch.count / this.#rowsLeft;
    this.#rowsLeft -= this.#batch.count;
    this.#bytesLeft -= this.#bytesLeft * share;
    await writeRows(this.#state, this.#batch, {});
    this.#batch.expect(this.#rowsLeft, this.#bytesLeft);
  }

  #checkSignal(): void {
    if (this.#options.signal?.aborted) throw new CitadelError('cancelled', 'the flush was ended');
  }
}

/** Call `freeze` first, in the same turn as the positions in `options` were taken. */
export async function flushFrozen(state: StoreState, options: FlushOptions): Promise<void> {
  const memtables = state.frozen;
  const { meta } = state.file;
  const lsn = Math.max(meta.replayFrom, ...memtables.map(({ lastLsn }) => lastLsn));
  if (memtables.length === 0 && options.hlcMax <= meta.hlcMax) return;
  for (let attempt = 1; ; attempt++) {
    try {
      const now = state.file.meta;
      await new Flush(state, memtables, options).run({
        replayFrom: lsn,
        // A merge that ended since the call may have brought more.
        versions: joinVersions(now.versions, options.versions),
        hlcMax: Math.max(now.hlcMax, options.hlcMax),
      });
      break;
    } catch (error) {
      const isDamage = error instanceof CitadelError && error.code === 'corrupt';
      if (!isDamage || attempt === attemptsMax) throw error;
    }
  }
  state.frozen = state.frozen.filter((memtable) => !memtables.includes(memtable));
}

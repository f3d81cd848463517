/**
 * A snapshot on its way: table by table the newest row of every key, deleted ones too, by key. Memory is
 * pinned in the turn of the call and files are read as they are when their turn comes, so the snapshot may hold more than it
 * says, never less. Until it ends no tombstone of the store goes.
 */

import { CitadelError } from '../../base/errors.ts';
import { encodeText } from '../../base/text.ts';
import { encodeStart, RecordWriter } from '../../model/snapshot-records.ts';
import type { SnapshotFacts } from '../../model/store-snapshot.ts';
import { joinVersions } from '../../model/versions.ts';
import { encodeRow } from '../file/row-batch.ts';
import { tablePrefix } from '../file/row-layout.ts';
import type { RowSource } from '../read/row-source.ts';
import { mergedRows, type PinnedStore, pinStore } from '../read/scan-table.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { kvKindLimit, kvRecordKind, rowsRecordSizeAim } from './kv-records.ts';

const noKey = new Uint8Array(0);

function encodeSource(state: StoreState, table: number, row: RowSource): Uint8Array {
  const stamp = row.stamp();
  const value = row.value();
  return encodeRow(table, {
    stamp,
    originBytes: state.origins.of(stamp.origin),
    keyBytes: row.bytes,
    keyAt: row.keyAt,
    keySize: row.keySize,
    isDeleted: row.isDeleted(),
    valueBytes: value.bytes,
    valueAt: value.at,
    valueSize: value.size,
  });
}

interface Taking {
  readonly state: StoreState;
  readonly pinned: PinnedStore;
  readonly tables: readonly (readonly [no: number, name: string])[];
  readonly facts: SnapshotFacts;
  readonly signal: AbortSignal;
}

async function* streamTable(
  { state, pinned }: Taking,
  table: number,
  writer: RecordWriter,
  pacer: Pacer,
): AsyncGenerator<Uint8Array> {
  const rows = await mergedRows(state, pinned, table, { from: noKey, until: undefined });
  let parts: Uint8Array[] = [];
  let size = 0;
  for (let row = rows.next(); row !== undefined; row = rows.next()) {
    const encoded = encodeSource(state, table, row);
    parts.push(encoded);
    size += encoded.length;
    if (size >= rowsRecordSizeAim) {
      writer.put(kvRecordKind.rows, ...parts);
      parts = [];
      size = 0;
      yield* writer.take();
    }
    if (parts.length % 64 !== 0) continue;
    state.checkOpen();
    pacer.check();
    if (pacer.isDue) await pacer.breathe();
  }
  if (parts.length > 0) writer.put(kvRecordKind.rows, ...parts);
  yield* writer.take();
}

async function* streamStore(taking: Taking): AsyncGenerator<Uint8Array> {
  const { state, tables, facts, signal } = taking;
  const pacer = new Pacer(state.options.env, signal);
  const writer = new RecordWriter(kvRecordKind.end, kvKindLimit);
  const { shard, shardCount } = state.options;
  writer.put(kvRecordKind.start, encodeStart({ ...facts, shard, shardCount, namespace: 0 }));
  for (const [no, name] of tables) {
    writer.put(kvRecordKind.table, tablePrefix(no), encodeText(name));
    yield* streamTable(taking, no, writer, pacer);
  }
  yield* writer.finish();
}

/** Lets go of what it holds when it ends, is returned early, fails, or its signal fires. */
export class SnapshotStream implements AsyncGenerator<Uint8Array> {
  readonly #state: StoreState;
  readonly #pieces: AsyncGenerator<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #release: () => void;

  /** `isForPeer` false: for another cluster, where what was collected as garbage here means nothing. */
  constructor(state: StoreState, facts: SnapshotFacts, signal: AbortSignal, isForPeer = true) {
    const letGo = state.hold();
    const own = isForPeer ? state.file.meta.gcVersions : {};
    const gcVersions = joinVersions(facts.gcVersions, own);
    const pinned = pinStore(state);
    const tables = state.tables.all();
    this.#state = state;
    this.#signal = signal;
    this.#pieces = streamStore({
      state,
      pinned,
      tables,
      facts: { ...facts, gcVersions },
      signal,
    });
    this.#release = () => {
      signal.removeEventListener('abort', this.#release);
      letGo();
      // Ends a stream that nobody reads any more.
      this.#pieces.return(undefined).catch(() => undefined);
    };
    signal.addEventListener('abort', this.#release);
  }

  /** @throws CitadelError `corrupt`, `cancelled` */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#signal.aborted) throw new CitadelError('cancelled', 'the snapshot was cancelled');
    this.#state.checkOpen();
    try {
      const result = await this.#pieces.next();
      if (result.done !== true) return result;
    } catch (error) {
      this.#state.noteDamage(error);
      this.#release();
      throw error;
    }
    this.#release();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#pieces.return(undefined);
    this.#release();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#release();
    return this.#pieces.throw(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

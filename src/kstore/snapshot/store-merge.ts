/**
 * Merges a snapshot into a store: its rows go into the file, where the greater stamp wins. A row that shows
 * before the end is true by itself, so a merge that breaks off leaves nothing wrong; only the end raises the positions.
 *
 * While it is open no tombstone of the store goes: the row that it hides may still be on its way in here.
 */

import { CitadelError } from '../../base/errors.ts';
import { decodeText } from '../../base/text.ts';
import { kvKeySizeMax, kvTableNameSizeMax, kvValueSizeMax } from '../../model/kv-limits.ts';
import { corruptSnapshot, PieceReader } from '../../model/snapshot-pieces.ts';
import {
  decodeEnd,
  decodeStart,
  RecordReader,
  type SnapshotRecord,
  type StartRecord,
  unknownRecord,
} from '../../model/snapshot-records.ts';
import type { SnapshotFacts, SnapshotMerge } from '../../model/store-snapshot.ts';
import { coversVersions, joinVersions } from '../../model/versions.ts';
import type { KvFile } from '../file/kv-file.ts';
import { RowBatch } from '../file/row-batch.ts';
import {
  deletedFlag,
  headSize,
  isHlc,
  isSound,
  prefixSize,
  readHlc,
  readOrigin,
  readPrefix,
  readWord,
  stampSize,
} from '../file/row-layout.ts';
import { Pacer } from '../store/pacer.ts';
import { retireOlder } from '../store/retire-files.ts';
import type { StoreState } from '../store/store-state.ts';
import { ensureSound, writeRows } from '../store/write-file.ts';
import { kvKindLimit, kvRecordKind } from './kv-records.ts';

/** Runs work while nothing else changes files of the store. */
export type RunAlone = <T>(work: () => Promise<T>) => Promise<T>;

function isEmptyStore({ file, older, memtables }: StoreState): boolean {
  const hasRows = file.rowHlcMax > 0 || older.length > 0;
  return !hasRows && memtables.every(({ isEmpty }) => isEmpty);
}

export class StoreMerge implements SnapshotMerge {
  readonly #state: StoreState;
  readonly #alone: RunAlone;
  /** Of the replica when the merge was opened. */
  readonly #versions: Readonly<Record<string, number>>;
  readonly #letGo: () => void;
  readonly #pieces = new PieceReader();
  readonly #records = new RecordReader();
  readonly #counts = new Array<number>(kvKindLimit).fill(0);
  /** Of what is in files: what came later is in memory and in the log. */
  readonly #storedVersions: Readonly<Record<string, number>>;
  /** Files that were set aside, or found damaged, when the merge was opened. */
  readonly #damaged: readonly KvFile[];
  readonly #batch = new RowBatch();
  #start: StartRecord | undefined;
  /** The table that rows are of, as the sender numbers it, and its name. */
  #table: { readonly no: number; readonly name: string } | undefined;
  #hasEnd = false;
  #isOver = false;

  constructor(state: StoreState, versions: Readonly<Record<string, number>>, alone: RunAlone) {
    this.#state = state;
    this.#versions = versions;
    this.#alone = alone;
    this.#letGo = state.hold();
    this.#storedVersions = state.file.meta.versions;
    this.#damaged = state.isDamaged ? state.files : state.older;
  }

  add(piece: Uint8Array): Promise<void> {
    return this.#endingOnError(async () => {
      this.#records.add(this.#pieces.take(piece));
      const pacer = new Pacer(this.#state.options.env);
      for (let record = this.#records.next(); record; record = this.#records.next()) {
        await this.#take(record);
        if (pacer.isDue) await pacer.breathe();
      }
    });
  }

  finish(): Promise<SnapshotFacts> {
    return this.#endingOnError(async () => {
      const start = this.#start;
      const isWhole = this.#hasEnd && this.#pieces.isComplete && this.#records.isEmpty;
      if (start === undefined || !isWhole) throw corruptSnapshot('pieces are missing');
      await this.#alone(async () => {
        const { meta } = this.#state.file;
        await writeRows(this.#state, this.#batch, {
          versions: joinVersions(meta.versions, start.versions),
          gcVersions: joinVersions(meta.gcVersions, start.gcVersions),
          hlcMax: Math.max(meta.hlcMax, start.hlcMax),
        });
        if (coversVersions(start.versions, this.#storedVersions)) await this.#replaceDamaged();
      });
      this.#end();
      const { versions, gcVersions, hlcMax } = start;
      return { versions, gcVersions, hlcMax };
    });
  }

  async abandon(): Promise<void> {
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#batch.take();
    this.#letGo();
  }

  async #endingOnError<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new CitadelError('conflict', 'cannot add to a merge that is over');
    try {
      return await work();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async #take({ kind, body }: SnapshotRecord): Promise<void> {
    if (this.#hasEnd) throw corruptSnapshot('a record after the last');
    if ((this.#start === undefined) !== (kind === kvRecordKind.start)) {
      throw corruptSnapshot('its first record is not the first');
    }
    switch (kind) {
      case kvRecordKind.start:
        this.#takeStart(decodeStart(body));
        break;
      case kvRecordKind.table:
        this.#takeTable(body);
        break;
      case kvRecordKind.rows:
        await this.#takeRows(body);
        break;
      case kvRecordKind.end:
        this.#takeEnd(body);
        return;
      default:
        throw unknownRecord(kind);
    }
    this.#counts[kind]!++;
  }

  #takeStart(start: StartRecord): void {
    const { shard, shardCount } = this.#state.options;
    if (start.shard !== shard || start.shardCount !== shardCount || start.namespace !== 0) {
      throw new CitadelError(
        'conflict',
        `cannot merge snapshot: it is of shard ${start.shard} of ${start.shardCount}, not of ${shard} of ${shardCount}`,
      );
    }
    if (!coversVersions(this.#versions, start.gcVersions) && !isEmptyStore(this.#state)) {
      throw new CitadelError(
        'conflict',
        'cannot merge snapshot: the store may hold what was deleted, and collected as garbage, without it',
      );
    }
    this.#start = start;
  }

  #takeTable(body: Uint8Array): void {
    const nameSize = body.length - prefixSize;
    if (nameSize <= 0 || nameSize > kvTableNameSizeMax)
      throw corruptSnapshot('a table has no name');
    this.#table = { no: readPrefix(body, 0), name: decodeText(body.subarray(prefixSize)) };
    // It is known here even if it holds nothing any more.
    this.#state.tables.numberOf(this.#table.name);
  }

  async #takeRows(body: Uint8Array): Promise<void> {
    for (let at = 0; at < body.length; ) {
      at = this.#takeRow(body, at);
      if (!this.#batch.isFull) continue;
      await this.#alone(() => writeRows(this.#state, this.#batch, {}));
    }
  }

  /** Returns where the next row begins. */
  #takeRow(body: Uint8Array, at: number): number {
    if (this.#table === undefined) throw corruptSnapshot('a row outside of a table');
    if (at + headSize > body.length) throw corruptSnapshot('a row is cut');
    const kSize = readWord(body, at + 16);
    const valueSize = readWord(body, at + 20);
    const kAt = at + headSize + valueSize;
    const keySize = kSize - prefixSize;
    const isInside =
      keySize > 0 &&
      keySize <= kvKeySizeMax &&
      valueSize <= kvValueSizeMax &&
      kAt + kSize <= body.length;
    if (!isInside) throw corruptSnapshot('a row is cut');
    const hlc = readHlc(body, at);
    const isOwn = readPrefix(body, kAt) === this.#table.no && isHlc(hlc);
    if (!isOwn || !isSound(body, at, valueSize, body, kAt, kSize)) {
      throw corruptSnapshot('a row does not match its checksum');
    }
    this.#batch.add(this.#state.tables.numberOf(this.#table.name), {
      stamp: { hlc, origin: readOrigin(body, at + 7) },
      originBytes: body.subarray(at + 7, at + stampSize),
      keyBytes: body,
      keyAt: kAt + prefixSize,
      keySize,
      isDeleted: (body[at + stampSize]! & deletedFlag) !== 0,
      valueBytes: body,
      valueAt: at + headSize,
      valueSize,
    });
    return kAt + kSize;
  }

  #takeEnd(body: Uint8Array): void {
    const counts = decodeEnd(body);
    const isWhole =
      counts.length === kvKindLimit && counts.every((count, i) => count === this.#counts[i]);
    if (!isWhole) throw corruptSnapshot('records are missing');
    this.#hasEnd = true;
  }

  /** Everything that a damaged file held is in the snapshot, and so in its successor now. */
  async #replaceDamaged(): Promise<void> {
    await ensureSound(this.#state);
    await retireOlder(this.#state, this.#damaged);
  }
}

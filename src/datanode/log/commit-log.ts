/**
 * Commit log: the only place where an acknowledged write first becomes durable.
 *
 * Group commit: everything that arrived while the last group was written and synced goes out in the
 * next. Layout: docs/formats/commit-log.md.
 *
 * Invariants
 *  - `logged` is called for a record only when it is as durable as the fsync mode promises, in order.
 *  - After an append or sync that failed the segment is abandoned: nothing in it beyond the last logged
 *    record counts, the next segment says so in its head, and no sync is retried as if the data were there.
 *  - A segment is removed only when every replica with records in it has them in its store.
 *  - One writer per log; the worker thread owns it. Nothing here knows about points or series.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Clock, Disk, Log, Rng, TimerHandle, Timers } from '../../env/env.ts';
import {
  encodeGroupHeader,
  encodeRecordHeader,
  groupHeaderSize,
  type LogRecord,
  recordHeaderSize,
  recordSize,
} from './log-layout.ts';
import type { LogSummary, SegmentInfo } from './log-reader.ts';
import { createSegment, type OpenSegment } from './new-segment.ts';

export type FsyncMode = 'always' | 'interval' | 'never';

/** One group is at most about this large: bounds the wait of the first record in it. */
const groupBytesMax = 4 * 1024 * 1024;
/** A log that had nothing to write for so long notes how far it was synced. */
const markDelayMs = 50;
const padding = new Uint8Array(8);

export interface CommitLogOptions {
  readonly env: {
    readonly clock: Clock;
    readonly timers: Timers;
    readonly rng: Rng;
    readonly log: Log;
  };
  readonly disk: Disk;
  readonly directory: string;
  readonly logId: number;
  readonly fsync: FsyncMode;
  readonly fsyncIntervalMs: number;
  readonly segmentBytes: number;
}

export interface LogListener {
  /**
   * These records, in the order they were appended, may be applied and acknowledged. They lie one behind the
   * other (`recordSize`) in the file of this segment, from `offset` on.
   */
  logged(records: readonly LogRecord[], segment: number, offset: number): void;
  /** None of these will be logged. Called once for everything that was on its way. */
  failed(error: CitadelError, records: readonly LogRecord[]): void;
}

/** What goes out together, and where it went. */
interface Group {
  readonly records: readonly LogRecord[];
  segment: number;
  /** Of its first record in the segment's file. */
  offset: number;
}

interface SyncWaiter {
  readonly resolve: () => void;
  readonly reject: (error: CitadelError) => void;
}

/** All its records are in stores, or nobody's. */
function isFlushed(
  { lsnMax }: SegmentInfo,
  replayFrom: (replicaId: string) => number | undefined,
): boolean {
  for (const [replicaId, lsn] of lsnMax) if ((replayFrom(replicaId) ?? lsn) < lsn) return false;
  return true;
}

function toCitadelError(error: unknown): CitadelError {
  return error instanceof CitadelError
    ? error
    : new CitadelError('unavailable', 'cannot write the commit log', { cause: error });
}

export class CommitLog {
  readonly #options: CommitLogOptions;
  readonly #listener: LogListener;
  /** Sealed segments, oldest first. */
  #sealed: SegmentInfo[];
  #open: OpenSegment | undefined;
  #number: number;
  /** Position behind the last logged record. */
  #end: number;
  /** Everything before it is durable. */
  #syncedTo: number;
  #pending: LogRecord[] = [];
  #pendingBytes = 0;
  #syncWaiters: SyncWaiter[] = [];
  #sealWanted = false;
  #markedTo: number;
  #markTimer: TimerHandle | undefined;
  #intervalTimer: TimerHandle | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  /** `summary`: what reading the log gave; everything in it must be durable (`syncLog`). */
  constructor(options: CommitLogOptions, summary: LogSummary, listener: LogListener) {
    this.#options = options;
    this.#listener = listener;
    this.#sealed = [...summary.segments];
    this.#number = summary.numberMax;
    this.#end = summary.endPosition;
    this.#syncedTo = summary.endPosition;
    this.#markedTo = summary.endPosition;
    if (options.fsync === 'interval') {
      const sync = () => {
        if (this.#syncedTo < this.#end) this.sync().catch(() => undefined);
      };
      this.#intervalTimer = options.env.timers.every(options.fsyncIntervalMs, sync);
    }
  }

  get directory(): string {
    return this.#options.directory;
  }

  /** Bytes on disk. */
  get sizeBytes(): number {
    return this.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** Number of the segment that is open, or was last. */
  get lastSegment(): number {
    return this.#number;
  }

  /** Bytes on disk from the first segment on that has a record above its replica's `replayFrom`. */
  bytesFrom(replayFrom: (replicaId: string) => number | undefined): number {
    const needed = this.#sealed.findIndex((segment) => !isFlushed(segment, replayFrom));
    const kept = needed === -1 ? [] : this.#sealed.slice(needed);
    const sealed = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return sealed + (this.#open?.info.sizeBytes ?? 0);
  }

  /** Oldest first, the open one included. */
  get segments(): readonly SegmentInfo[] {
    return this.#open === undefined ? this.#sealed : [...this.#sealed, this.#open.info];
  }

  /** Bytes accepted and not yet logged. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  append(record: LogRecord): void {
    if (this.#closed) throw new CitadelError('cancelled', 'the commit log is closed');
    this.#pending.push(record);
    this.#pendingBytes += recordSize(record);
    this.#wake();
  }

  /** Resolves when everything appended before the call is durable, whatever the fsync mode. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#syncWaiters.push({ resolve, reject });
      this.#wake();
    });
  }

  /** Ends the open segment, so that trimming can remove it. */
  async seal(): Promise<void> {
    if (this.#open === undefined && this.#pending.length === 0 && !this.#running) return;
    this.#sealWanted = true;
    await this.sync();
  }

  /**
   * Removes the segments, oldest first, whose records are all in stores. `replayFrom` of a replica that is
   * not known here is undefined: its records are nobody's. Damaged segments are set aside instead. Segments
   * from number `keepFrom` on stay. Resolves with the number up to which, and including, segments were removed; 0 = none.
   */
  async trim(
    replayFrom: (replicaId: string) => number | undefined,
    keepFrom = Number.POSITIVE_INFINITY,
  ): Promise<number> {
    const { disk, env } = this.#options;
    for (let removed = 0; ; ) {
      const oldest = this.#sealed[0];
      if (oldest === undefined || oldest.number >= keepFrom) return removed;
      if (!isFlushed(oldest, replayFrom)) return removed;
      removed = oldest.number;
      this.#sealed.shift();
      if (oldest.damaged) {
        await disk.rename(oldest.file, `${oldest.file}.damaged`);
        env.log.warn('damaged log segment set aside', { file: `${oldest.file}.damaged` });
      } else {
        await disk.remove(oldest.file);
      }
    }
  }

  /** Syncs and closes. Records that were on their way are logged first. */
  async close(): Promise<void> {
    if (this.#closed) return;
    const finished = this.sync();
    this.#closed = true;
    this.#intervalTimer?.cancel();
    this.#markTimer?.cancel();
    try {
      await finished;
      // All is durable already; without the mark (a full disk) damage to the end is harder to tell.
      await this.#mark().catch(() => undefined);
      await this.#open?.file.datasync();
    } finally {
      await this.#running;
      await this.#open?.file.close();
      this.#open = undefined;
    }
  }

  #wake(): void {
    this.#markTimer?.cancel();
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#pending.length > 0 || this.#syncWaiters.length > 0) this.#wake();
      else this.#markLater();
    });
  }

  /** While one group is on its way to the disk, the one before it is applied. */
  async #run(): Promise<void> {
    // The turn of the event loop that woke us may bring more: they share the first group.
    await Promise.resolve();
    let done: Group | undefined;
    while (done !== undefined || this.#pending.length > 0 || this.#syncWaiters.length > 0) {
      const group = { records: this.#takeBatch(), segment: 0, offset: 0 };
      const waiters = this.#pending.length === 0 ? this.#takeWaiters() : [];
      const work = this.#store(group, waiters.length > 0);
      if (done !== undefined) this.#listener.logged(done.records, done.segment, done.offset);
      done = undefined;
      const error = await work;
      if (error === undefined) {
        if (group.records.length > 0) done = group;
        for (const { resolve } of waiters) resolve();
      } else {
        await this.#fail(error, group.records, waiters);
      }
    }
  }

  /** Undefined when all went well. */
  async #store(group: Group, settle: boolean): Promise<CitadelError | undefined> {
    try {
      if (group.records.length > 0) await this.#writeGroup(group);
      if (settle) await this.#settle();
      return undefined;
    } catch (cause) {
      return toCitadelError(cause);
    }
  }

  #takeBatch(): LogRecord[] {
    let bytes = 0;
    let count = 0;
    for (const record of this.#pending) {
      bytes += recordSize(record);
      if (count > 0 && bytes > groupBytesMax) break;
      count++;
    }
    const batch = this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    return batch;
  }

  #takeWaiters(): SyncWaiter[] {
    const waiters = this.#syncWaiters;
    this.#syncWaiters = [];
    return waiters;
  }

  async #writeGroup(group: Group): Promise<void> {
    const { records } = group;
    const segment = await this.#segmentForWriting();
    const start = this.#end;
    const header = {
      logId: this.#options.logId,
      recordCount: records.length,
      position: start,
      syncedTo: this.#syncedTo,
    };
    group.segment = segment.info.number;
    group.offset = segment.info.sizeBytes + groupHeaderSize;
    const parts = [encodeGroupHeader(header, segment.salt)];
    let position = start + groupHeaderSize;
    for (const record of records) {
      parts.push(encodeRecordHeader(record, segment.salt, position), record.frame);
      const size = recordSize(record);
      const pad = size - recordHeaderSize - record.frame.length;
      if (pad > 0) parts.push(padding.subarray(0, pad));
      position += size;
    }
    await segment.file.append(parts);
    if (this.#options.fsync === 'always') {
      await segment.file.datasync();
      this.#syncedTo = position;
    }
    this.#end = position;
    this.#pendingBytes -= position - start - groupHeaderSize;
    segment.info.sizeBytes += position - start;
    for (const { replicaId, lsn } of records) segment.info.lsnMax.set(replicaId, lsn);
  }

  async #segmentForWriting(): Promise<OpenSegment> {
    if (this.#open && this.#open.info.sizeBytes >= this.#options.segmentBytes) await this.#rotate();
    this.#open ??= await createSegment(this.#options, {
      number: ++this.#number,
      startPosition: this.#end,
      previousSyncedTo: this.#syncedTo,
    });
    return this.#open;
  }

  /** Makes all durable; ends the segment when that was asked for. */
  async #settle(): Promise<void> {
    if (this.#open !== undefined && this.#syncedTo < this.#end) {
      await this.#open.file.datasync();
      this.#syncedTo = this.#end;
    }
    if (this.#sealWanted) await this.#rotate();
    this.#sealWanted = false;
  }

  async #rotate(): Promise<void> {
    const segment = this.#open;
    if (segment === undefined) return;
    if (this.#syncedTo < this.#end) {
      await segment.file.datasync();
      this.#syncedTo = this.#end;
    }
    this.#open = undefined;
    this.#sealed.push(segment.info);
    await segment.file.close();
  }

  async #fail(
    error: CitadelError,
    batch: readonly LogRecord[],
    waiters: readonly SyncWaiter[],
  ): Promise<void> {
    const { log } = this.#options.env;
    log.error('commit log write failed', { file: this.#open?.info.file, error });
    const lost = [...batch, ...this.#pending];
    this.#pending = [];
    this.#pendingBytes = 0;
    const segment = this.#open;
    this.#open = undefined;
    this.#sealWanted = false;
    if (segment !== undefined) {
      this.#sealed.push(segment.info);
      // What the cache still shows beyond may not be on the disk: a restart must not meet it.
      await segment.file.truncate(segment.info.sizeBytes).catch(() => undefined);
      await segment.file.close().catch(() => undefined);
    }
    const arrived = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#listener.failed(error, [...lost, ...arrived]);
    for (const { reject } of [...waiters, ...this.#takeWaiters()]) reject(error);
  }

  #markLater(): void {
    if (this.#closed || this.#markedTo >= this.#syncedTo || this.#open === undefined) return;
    this.#markTimer?.cancel();
    this.#markTimer = this.#options.env.timers.after(markDelayMs, () => {
      this.#running ??= this.#mark()
        .catch((cause) => this.#fail(toCitadelError(cause), [], []))
        .finally(() => {
          this.#running = undefined;
          if (this.#pending.length > 0 || this.#syncWaiters.length > 0) this.#wake();
        });
    });
  }

  /** An empty group that says how far the log was synced: damage before it cannot pass for a torn tail. */
  async #mark(): Promise<void> {
    const segment = this.#open;
    if (segment === undefined || this.#markedTo >= this.#syncedTo) return;
    const { logId } = this.#options;
    const group = { logId, recordCount: 0, position: this.#end, syncedTo: this.#syncedTo };
    await segment.file.append([encodeGroupHeader(group, segment.salt)]);
    this.#end += groupHeaderSize;
    segment.info.sizeBytes += groupHeaderSize;
    this.#markedTo = this.#end;
  }
}

/**
 * Runs write jobs one after the other. Rows of a transaction go in slices with a breath between them,
 * so that the thread can hear that it should stop; a transaction that does not end is rolled back.
 */

import { CitadelError } from '../base/errors.ts';
import { moveDatabase, removePath } from './file-moves.ts';
import type { ParameterColumn, SqliteJob, StatementBatch, WriteJob } from './job.ts';
import { describeSqliteError } from './sqlite-error.ts';
import { checkpointFile, openForWriting, type WriteHandle } from './write-handle.ts';

const handlesMax = 16;
const rowsPerLook = 256;
/** Longest stretch of work between two breaths. */
const sliceMsMax = 10;

type Binder = (row: number) => number | bigint | string | Uint8Array;

function bindColumn(column: ParameterColumn): Binder {
  if (column.kind !== 'blob') {
    const { values } = column;
    return (row) => values[row]!;
  }
  const { bytes, ends } = column;
  return (row) => bytes.subarray(row === 0 ? 0 : ends[row - 1]!, ends[row]!);
}

export class JobRunner {
  private readonly root: string;
  /** In order of use, the oldest first. */
  private readonly handles = new Map<string, WriteHandle>();
  private last: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(root: string) {
    this.root = root;
  }

  run(job: SqliteJob): Promise<void> {
    const result = this.last.then(() => this.perform(job));
    this.last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.last;
    for (const file of [...this.handles.keys()]) this.forget(file);
  }

  private async perform(job: SqliteJob): Promise<void> {
    if (this.closed) throw new CitadelError('cancelled', 'cannot write: the store is closing');
    switch (job.kind) {
      case 'write':
        return await this.write(job);
      case 'move':
        this.forget(job.from);
        this.forget(job.to);
        return moveDatabase(this.root, job.from, job.to);
      case 'remove':
        for (const file of [...this.handles.keys()]) {
          if (file === job.path || file.startsWith(`${job.path}/`)) this.forget(file);
        }
        return removePath(this.root, job.path);
    }
  }

  private async write(job: WriteJob): Promise<void> {
    const handle = this.handle(job);
    try {
      handle.database.exec('BEGIN IMMEDIATE');
      for (const batch of job.batches) await this.runBatch(handle, batch);
      handle.database.exec('COMMIT');
    } catch (error) {
      // The handle goes too: after a failed write its idea of the file may be old.
      this.abandon(job.file, handle);
      throw describeSqliteError(error, 'write', job.file);
    }
    if (job.checkpoint) this.checkpoint(job.file, handle);
  }

  /**
   * The commit is durable already, so a checkpoint that finds no room, or a reader in the way, is no
   * failure of the job: the log of SQLite stays and the next checkpoint takes it along.
   */
  private checkpoint(file: string, handle: WriteHandle): void {
    try {
      checkpointFile(handle);
    } catch {
      this.abandon(file, handle);
    }
  }

  private async runBatch(handle: WriteHandle, batch: StatementBatch): Promise<void> {
    const { wide, rowCount } = batch;
    const wideRows = wide === undefined ? 0 : rowCount - (rowCount % wide.rows);
    if (wide !== undefined) {
      await this.runRows(handle, batch, { ...wide, from: 0, until: wideRows });
    }
    await this.runRows(handle, batch, { sql: batch.sql, rows: 1, from: wideRows, until: rowCount });
  }

  /** Rows [from, until), so many a statement. */
  private async runRows(
    handle: WriteHandle,
    { parameters }: StatementBatch,
    { sql, rows, from, until }: { sql: string; rows: number; from: number; until: number },
  ): Promise<void> {
    if (from === until) return;
    const statement = handle.prepare(sql);
    const binders = parameters.map(bindColumn);
    const values = new Array<unknown>(rows * binders.length).fill(0);
    let started = performance.now();
    let lookAt = from + rowsPerLook;
    for (let row = from; row < until; row += rows) {
      for (let i = 0; i < values.length; i++) {
        const column = i % binders.length;
        values[i] = binders[column]!(row + (i - column) / binders.length);
      }
      statement.run(values);
      if (row < lookAt) continue;
      lookAt += rowsPerLook;
      if (performance.now() - started < sliceMsMax) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.closed) throw new CitadelError('cancelled', 'cannot write: the store is closing');
      started = performance.now();
    }
  }

  private handle(job: WriteJob): WriteHandle {
    const found = this.handles.get(job.file);
    if (found !== undefined) {
      this.handles.delete(job.file);
      this.handles.set(job.file, found);
      return found;
    }
    while (this.handles.size >= handlesMax) {
      for (const file of this.handles.keys()) {
        this.forget(file);
        break;
      }
    }
    const made = openForWriting(this.root, job.file, job.schema);
    this.handles.set(job.file, made);
    return made;
  }

  private forget(file: string): void {
    this.handles.get(file)?.database.close();
    this.handles.delete(file);
  }

  private abandon(file: string, handle: WriteHandle): void {
    this.handles.delete(file);
    try {
      if (handle.database.inTransaction) handle.database.exec('ROLLBACK');
    } finally {
      handle.database.close();
    }
  }
}

/**
 * The metadata journal in one SQLite file: the records themselves, replaced in place.
 *
 * Layout: docs/formats/metadata.md. Every row carries a CRC-32 of what it says, and the state row the
 * count and the XOR of all of them, so that neither a changed nor a missing row goes unnoticed.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../../base/errors.ts';
import type { FileSchema, ParameterColumn, StatementBatch } from '../../sqlite/job.ts';
import type { SqliteReaders, SqliteWriter, SqlValue } from '../../sqlite/sqlite.ts';
import type { MetaLease, MetaRecord } from '../meta-store.ts';
import type { JournalCommit, JournalImage, MetaJournal } from './meta-journal.ts';

const formatVersion = 1;
const schema: FileSchema = {
  /** 'CTMD' */
  applicationId: 0x43544d44,
  formatVersion,
  pageSize: 4096,
  create: [
    `CREATE TABLE records (key TEXT PRIMARY KEY, value TEXT NOT NULL, created INTEGER NOT NULL,
      modified INTEGER NOT NULL, version INTEGER NOT NULL, lease TEXT NOT NULL,
      checksum INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE leases (id TEXT PRIMARY KEY, ttl_ms INTEGER NOT NULL,
      checksum INTEGER NOT NULL) WITHOUT ROWID`,
    `CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL,
      row_count INTEGER NOT NULL, digest INTEGER NOT NULL, checksum INTEGER NOT NULL)`,
  ],
};

const putRecord = 'INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?)';
const putLease = 'INSERT OR REPLACE INTO leases VALUES (?, ?, ?)';
const putState = 'INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?)';
const firstRevision = 1;

function checksumOf(...values: readonly (string | number)[]): number {
  return crc32(JSON.stringify(values));
}

function recordChecksum(record: MetaRecord): number {
  const { key, value, createRevision, modRevision, version, lease } = record;
  return checksumOf(key, value, createRevision, modRevision, version, lease);
}

function text(values: readonly string[]): ParameterColumn {
  return { kind: 'text', values };
}

function numbers(values: readonly number[]): ParameterColumn {
  return { kind: 'number', values: Float64Array.from(values) };
}

export interface JournalOptions {
  /** Relative to the data directory. */
  readonly file: string;
  readonly writer: SqliteWriter;
  readonly readers: SqliteReaders;
  /** There is data that it describes: a file without rows is then a loss, not a start cut short. */
  readonly mustBeFilled?: boolean;
}

const emptyImage: JournalImage = { revision: firstRevision, records: [], leases: [] };

class SqliteJournal implements MetaJournal {
  readonly #options: JournalOptions;
  /** Checksum of every row, by table and key: what the digest is made of. */
  readonly #rows = new Map<string, number>();
  #digest = 0;
  /** What the rows touched by the commit under way were before. */
  #before: [name: string, checksum: number | undefined][] = [];

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  async load(): Promise<JournalImage> {
    const { file, readers, mustBeFilled = false } = this.#options;
    try {
      const reader = readers.reader(file);
      if (!mustBeFilled && reader.isUnfilled(['state', 'records', 'leases'])) return emptyImage;
      if (reader.applicationId !== schema.applicationId) throw this.#corrupt('not a metadata file');
      if (reader.formatVersion !== formatVersion) {
        const message = `${file} has format ${reader.formatVersion}, this release reads ${formatVersion}`;
        throw new CitadelError('unsupported-version', message);
      }
      const records = reader.all('SELECT * FROM records', []).map((row) => this.#readRecord(row));
      const leases = reader.all('SELECT * FROM leases', []).map((row) => this.#readLease(row));
      return { revision: this.#readState(reader.get('SELECT * FROM state', [])), records, leases };
    } catch (error) {
      if (!(error instanceof CitadelError) || error.code !== 'not-found') throw error;
      return emptyImage;
    } finally {
      this.#before = [];
      readers.close();
    }
  }

  async commit(commit: JournalCommit): Promise<void> {
    const { file, writer } = this.#options;
    const batches: StatementBatch[] = [
      ...this.#recordBatches(commit),
      ...this.#leaseBatches(commit),
      this.#stateBatch(commit.revision),
    ];
    try {
      await writer.run({ kind: 'write', file, schema, batches, checkpoint: false });
    } catch (error) {
      this.#takeBack();
      throw error;
    } finally {
      this.#before = [];
    }
  }

  async close(): Promise<void> {
    await this.#options.writer.close();
  }

  #recordBatches({ puts, deletes }: JournalCommit): StatementBatch[] {
    const batches: StatementBatch[] = [];
    if (puts.length > 0) {
      const parameters = [
        text(puts.map(({ key }) => key)),
        text(puts.map(({ value }) => value)),
        numbers(puts.map(({ createRevision }) => createRevision)),
        numbers(puts.map(({ modRevision }) => modRevision)),
        numbers(puts.map(({ version }) => version)),
        text(puts.map(({ lease }) => lease)),
        numbers(puts.map((record) => this.#setRow(`r${record.key}`, recordChecksum(record)))),
      ];
      batches.push({ sql: putRecord, rowCount: puts.length, parameters });
    }
    if (deletes.length > 0) {
      for (const key of deletes) this.#dropRow(`r${key}`);
      const sql = 'DELETE FROM records WHERE key = ?';
      batches.push({ sql, rowCount: deletes.length, parameters: [text(deletes)] });
    }
    return batches;
  }

  #leaseBatches({ granted, ended }: JournalCommit): StatementBatch[] {
    const batches: StatementBatch[] = [];
    if (granted.length > 0) {
      const parameters = [
        text(granted.map(({ id }) => id)),
        numbers(granted.map(({ ttlMs }) => ttlMs)),
        numbers(granted.map(({ id, ttlMs }) => this.#setRow(`l${id}`, checksumOf(id, ttlMs)))),
      ];
      batches.push({ sql: putLease, rowCount: granted.length, parameters });
    }
    if (ended.length > 0) {
      for (const id of ended) this.#dropRow(`l${id}`);
      const sql = 'DELETE FROM leases WHERE id = ?';
      batches.push({ sql, rowCount: ended.length, parameters: [text(ended)] });
    }
    return batches;
  }

  #stateBatch(revision: number): StatementBatch {
    const state = [revision, this.#rows.size, this.#digest];
    const parameters = [...state, checksumOf(...state)].map((value) => numbers([value]));
    return { sql: putState, rowCount: 1, parameters };
  }

  #setRow(name: string, checksum: number): number {
    this.#replaceRow(name, checksum);
    return checksum;
  }

  #dropRow(name: string): void {
    this.#replaceRow(name, undefined);
  }

  #replaceRow(name: string, checksum: number | undefined): void {
    const before = this.#rows.get(name);
    this.#before.push([name, before]);
    this.#digest = (this.#digest ^ (before ?? 0) ^ (checksum ?? 0)) >>> 0;
    if (checksum === undefined) this.#rows.delete(name);
    else this.#rows.set(name, checksum);
  }

  #takeBack(): void {
    for (const [name, checksum] of this.#before.splice(0).reverse()) {
      this.#replaceRow(name, checksum);
    }
  }

  #readRecord(row: readonly SqlValue[]): MetaRecord {
    const record: MetaRecord = {
      key: String(row[0]),
      value: String(row[1]),
      createRevision: Number(row[2]),
      modRevision: Number(row[3]),
      version: Number(row[4]),
      lease: String(row[5]),
    };
    if (recordChecksum(record) !== Number(row[6])) {
      throw this.#corrupt(`record '${record.key}' does not match its checksum`);
    }
    this.#setRow(`r${record.key}`, Number(row[6]));
    return record;
  }

  #readLease(row: readonly SqlValue[]): MetaLease {
    const lease: MetaLease = { id: String(row[0]), ttlMs: Number(row[1]) };
    if (checksumOf(lease.id, lease.ttlMs) !== Number(row[2])) {
      throw this.#corrupt(`lease '${lease.id}' does not match its checksum`);
    }
    this.#setRow(`l${lease.id}`, Number(row[2]));
    return lease;
  }

  #readState(row: readonly SqlValue[] | undefined): number {
    if (row === undefined) throw this.#corrupt('the state row is missing');
    const [, revision, rowCount, digest, checksum] = row.map(Number);
    if (checksumOf(revision!, rowCount!, digest!) !== checksum) {
      throw this.#corrupt('the state row does not match its checksum');
    }
    if (rowCount !== this.#rows.size || digest !== this.#digest) {
      throw this.#corrupt('rows are missing or from another time');
    }
    return revision!;
  }

  #corrupt(what: string): CitadelError {
    const { file } = this.#options;
    return new CitadelError('corrupt', `cannot read ${file}: ${what}`, { details: { file } });
  }
}

export function createSqliteJournal(options: JournalOptions): MetaJournal {
  return new SqliteJournal(options);
}

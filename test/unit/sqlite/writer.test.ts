/** The writer: transactions whole or not at all, errors that name the file, the same across threads. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createInThreadWriter } from '../../../src/sqlite/in-thread-writer.ts';
import type { FileSchema, StatementBatch, WriteJob } from '../../../src/sqlite/job.ts';
import { createReaderPool } from '../../../src/sqlite/reader-pool.ts';
import type { SqliteReaders, SqliteWriter } from '../../../src/sqlite/sqlite.ts';
import { connectSqliteWriter, serveSqliteWriter } from '../../../src/sqlite/writer-port.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';

const schema: FileSchema = {
  applicationId: 7,
  formatVersion: 3,
  pageSize: 4096,
  create: ['CREATE TABLE t (no INTEGER PRIMARY KEY, name TEXT, big INTEGER, bytes BLOB) STRICT'],
};
let root: string;
let writer: SqliteWriter;
let readers: SqliteReaders;

beforeEach(() => {
  root = makeTempDir('sqlite');
  writer = createInThreadWriter(root);
  readers = createReaderPool(root, 2);
});

afterEach(async () => {
  readers.close();
  await writer.close();
  removeTempDir(root);
});

function insert(from: number, count: number): StatementBatch {
  const nos = Array.from({ length: count }, (_, i) => from + i);
  const bytes = new Uint8Array(count * 3).map((_, i) => i % 251);
  return {
    sql: 'INSERT INTO t (no, name, big, bytes) VALUES (?, ?, ?, ?)',
    rowCount: count,
    parameters: [
      { kind: 'number', values: Float64Array.from(nos) },
      { kind: 'text', values: nos.map((no) => `row ${no}`) },
      { kind: 'bigint', values: BigInt64Array.from(nos, (no) => 2n ** 62n + BigInt(no)) },
      { kind: 'blob', bytes, ends: Float64Array.from(nos, (_, i) => (i + 1) * 3) },
    ],
  };
}

function write(batches: readonly StatementBatch[], file = 'a/b/c.db'): WriteJob {
  return { kind: 'write', file, schema, batches, checkpoint: true };
}

test('what was written is read back, file and log of SQLite in one', async () => {
  await writer.run(write([insert(1, 1000)]));
  const reader = readers.reader('a/b/c.db');
  expect([reader.applicationId, reader.formatVersion]).toEqual([7, 3]);
  expect(reader.get('SELECT count(*), sum(no) FROM t', [])).toEqual([1000, 500_500]);
  const [row] = reader.all('SELECT no, name, big, bytes FROM t WHERE no = ?', [2], true);
  expect(row).toEqual([2n, 'row 2', 2n ** 62n + 2n, Buffer.from([3, 4, 5])]);
  expect(readFileSync(join(root, 'a/b/c.db-wal')).length).toBe(0);
  expect(readers.size('a/b/c.db')).toBe(readFileSync(join(root, 'a/b/c.db')).length);
  expect(reader.integrityFaults()).toEqual([]);
});

test.each([
  1, 7, 8, 9, 1003,
])('%i rows are the same through a statement for eight', async (count) => {
  const one = insert(1, count);
  const sql = `INSERT INTO t (no, name, big, bytes) VALUES ${new Array(8).fill('(?, ?, ?, ?)').join(', ')}`;
  await writer.run(write([one], 'one.db'));
  await writer.run(write([{ ...one, wide: { sql, rows: 8 } }], 'wide.db'));
  const rowsOf = (file: string) =>
    readers.reader(file).all('SELECT * FROM t ORDER BY no', [], true);
  expect(rowsOf('wide.db')).toEqual(rowsOf('one.db'));
  expect(rowsOf('wide.db').length).toBe(count);
});

test('a transaction that fails leaves nothing, and the next one works', async () => {
  await writer.run(write([insert(1, 10)]));
  await expect(writer.run(write([insert(11, 5), insert(3, 1)]))).rejects.toThrow('a/b/c.db');
  expect(readers.reader('a/b/c.db').get('SELECT count(*) FROM t', [])).toEqual([10]);
  await writer.run(write([insert(11, 5)]));
  expect(readers.reader('a/b/c.db').get('SELECT count(*) FROM t', [])).toEqual([15]);
});

test('errors say what is wrong with which file', async () => {
  expect(() => readers.reader('missing.db')).toThrow('cannot open missing.db: it is not there');
  writeFileSync(
    join(root, 'text.db'),
    'this is no database, but long enough to look like one'.repeat(9),
  );
  await expect(writer.run(write([insert(1, 1)], 'text.db'))).rejects.toMatchObject({
    code: 'corrupt',
    details: { file: 'text.db' },
  });
  await writer.run(write([insert(1, 1)], 'other.db'));
  const later = { ...write([insert(2, 1)], 'other.db'), schema: { ...schema, formatVersion: 4 } };
  await writer.close();
  writer = createInThreadWriter(root);
  await expect(writer.run(later)).rejects.toMatchObject({ code: 'unsupported-version' });
});

test('no room is disk-full, and what was there stays', async () => {
  await writer.run(write([insert(1, 10)]));
  const limit = { sql: 'PRAGMA max_page_count = 3', rowCount: 1, parameters: [] };
  // The pragma answers with a row, which `run` refuses: set it by a schema that makes a new file small.
  const small = { ...schema, create: [...schema.create, limit.sql] };
  const job = { ...write([insert(1, 5000)], 'small.db'), schema: small };
  await expect(writer.run(job)).rejects.toMatchObject({ code: 'disk-full' });
  expect(readers.reader('a/b/c.db').get('SELECT count(*) FROM t', [])).toEqual([10]);
});

test('files move with what belongs to them, and go', async () => {
  await writer.run(write([insert(1, 10)]));
  readers.forget('a/b/c.db');
  await writer.run({ kind: 'move', from: 'a/b/c.db', to: 'trash/1.db' });
  expect(existsSync(join(root, 'a/b/c.db'))).toBe(false);
  expect(readers.reader('trash/1.db').get('SELECT count(*) FROM t', [])).toEqual([10]);
  readers.forget('trash/1.db');
  await writer.run({ kind: 'remove', path: 'trash/1.db' });
  await writer.run({ kind: 'remove', path: 'trash/1.db' });
  await writer.run({ kind: 'remove', path: 'a' });
  expect(existsSync(join(root, 'a'))).toBe(false);
});

test('more files than handles may be open at once', async () => {
  for (let i = 0; i < 5; i++) await writer.run(write([insert(i + 1, 1)], `${i}.db`));
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 5; i++) {
      expect(readers.reader(`${i}.db`).get('SELECT no FROM t', [])).toEqual([i + 1]);
    }
  }
});

test('through a port jobs, errors and the end are the same', async () => {
  const { port1, port2 } = new MessageChannel();
  serveSqliteWriter(port1, writer);
  const client = connectSqliteWriter(port2);
  const batch = insert(1, 100);
  await client.run(write([batch]));
  const [numbers] = batch.parameters;
  // Handed over, not copied.
  expect(numbers?.kind === 'number' && numbers.values.length).toBe(0);
  await expect(client.run(write([insert(5, 1)]))).rejects.toMatchObject({
    code: 'corrupt',
    details: { file: 'a/b/c.db' },
  });
  const last = client.run(write([insert(101, 1)]));
  const closed = client.close();
  await last;
  await closed;
  expect(readers.reader('a/b/c.db').get('SELECT count(*) FROM t', [])).toEqual([101]);
  await expect(client.run(write([insert(102, 1)]))).rejects.toMatchObject({ code: 'cancelled' });
  port1.close();
});

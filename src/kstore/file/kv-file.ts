/**
 * One file of keys as its store knows it, and how rows come out of it: many rows as one blob, put end to end
 * by SQLite itself, because crossing into it once per row would cost more than reading the row.
 *
 * A value above `inlineSizeMax` is left out of such a page and read by itself, so that no page is large.
 */

import type { CitadelError } from '../../base/errors.ts';
import type { SqliteReader, SqliteReaders } from '../../sqlite/sqlite.ts';
import { damaged, type KvMeta, kvTable, readMeta } from './kv-schema.ts';
import { headSize, isSound, metaSum, prefixSize, readWord } from './row-layout.ts';

export const inlineSizeMax = 16 * 1024;
/** Keys of one question. A question with fewer is filled up with NULL, which finds nothing. */
const questionSizes = [1, 8, 64] as const;
export const questionSizeMax = 64;

const row = `CASE WHEN length(body) > ${headSize + inlineSizeMax} THEN substr(body, 1, ${headSize}) ELSE body END || k`;
const asOneBlob = `SELECT CAST(group_concat(${row}, '') AS BLOB) FROM`;
const pageSql = (relation: string) =>
  `${asOneBlob} (SELECT k, body FROM rows WHERE k ${relation} ? AND k < ? ORDER BY k LIMIT ?)`;
const pageFrom = pageSql('>=');
const pageAfter = pageSql('>');
const manySql = new Map(
  questionSizes.map((size) => [
    size,
    `${asOneBlob} rows WHERE k IN (${new Array<string>(size).fill('?').join(', ')})`,
  ]),
);

export class KvFile {
  readonly no: number;
  readonly path: string;
  meta: KvMeta;
  /** No row has a greater stamp; raised before rows are written. */
  rowHlcMax: number;
  /** Why nothing of it can be read. */
  unreadable: CitadelError | undefined;

  constructor(no: number, path: string, meta: KvMeta) {
    this.no = no;
    this.path = path;
    this.meta = meta;
    this.rowHlcMax = meta.rowHlcMax;
  }

  reader(readers: SqliteReaders): SqliteReader {
    if (this.unreadable !== undefined) throw this.unreadable;
    return readers.reader(this.path);
  }
}

export function fileName(no: number): string {
  return `kv-${String(no).padStart(4, '0')}.db`;
}

/** @throws CitadelError `corrupt`, `unsupported-version`, `not-found` */
export function openFile(no: number, path: string, readers: SqliteReaders): KvFile {
  return new KvFile(no, path, readMeta(readers.reader(path)));
}

export interface NamedTable {
  readonly no: number;
  readonly name: Uint8Array;
}

/** @throws CitadelError `corrupt` */
export function readTables(file: KvFile, readers: SqliteReaders): NamedTable[] {
  const rows = file.reader(readers).all('SELECT no, body, sum FROM tables ORDER BY no', []);
  return rows.map(([no, body, sum]) => {
    if (!(body instanceof Uint8Array) || metaSum(kvTable.tables, no as number, body) !== sum) {
      throw damaged(file.path, `table ${no}`);
    }
    return { no: no as number, name: Uint8Array.from(body) };
  });
}

const noBytes = new Uint8Array(0);

/** No Buffer: its views are slower to make. */
function asBytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) return noBytes;
  return new Uint8Array(value.buffer, value.byteOffset, value.length);
}

/** At most `limit` rows with k in [from, until), or in (from, until); empty = there are no more. */
export function readPage(
  file: KvFile,
  readers: SqliteReaders,
  range: { readonly from: Uint8Array; readonly isAfter: boolean; readonly until: Uint8Array },
  limit: number,
): Uint8Array {
  const sql = range.isAfter ? pageAfter : pageFrom;
  const found = file.reader(readers).get(sql, [range.from, range.until, limit]);
  return asBytes(found?.[0]);
}

/** Rows of at most `questionSizeMax` keys of the file, in no promised order; those that are there. */
export function readMany(
  file: KvFile,
  readers: SqliteReaders,
  keys: readonly Uint8Array[],
): Uint8Array {
  const size = questionSizes.find((one) => one >= keys.length) ?? questionSizeMax;
  const padded: (Uint8Array | null)[] = [...keys];
  while (padded.length < size) padded.push(null);
  return asBytes(file.reader(readers).get(manySql.get(size)!, padded)?.[0]);
}

function damagedRow(file: KvFile, k: Uint8Array): CitadelError {
  return damaged(
    file.path,
    `the row at or after ${Buffer.from(k.subarray(0, 64)).toString('hex')}`,
  );
}

/** The whole body of one row, checked; undefined = it is not there. @throws CitadelError `corrupt` */
export function readBody(
  file: KvFile,
  readers: SqliteReaders,
  k: Uint8Array,
): Uint8Array | undefined {
  const found = file.reader(readers).get('SELECT body FROM rows WHERE k = ?', [k]);
  if (found === undefined) return undefined;
  const body = asBytes(found[0]);
  if (body.length < headSize) throw damagedRow(file, k);
  const size = readWord(body, 20);
  const isWhole = readWord(body, 16) === k.length && body.length === headSize + size;
  if (!isWhole || !isSound(body, 0, size, k, 0, k.length)) throw damagedRow(file, k);
  return body;
}

/** Walks the rows of a page; what it points at is checked. */
export class PageCursor {
  readonly #file: KvFile;
  readonly #readers: SqliteReaders;
  #page: Uint8Array = noBytes;
  #end = 0;
  /** Where the head of the current row lies in `bytes`. */
  headAt = 0;
  kAt = 0;
  kSize = 0;
  valueSize = 0;

  constructor(file: KvFile, readers: SqliteReaders) {
    this.#file = file;
    this.#readers = readers;
  }

  get bytes(): Uint8Array {
    return this.#page;
  }

  set(page: Uint8Array): void {
    this.#page = page;
    this.#end = 0;
  }

  /** False at the end of the page. @throws CitadelError `corrupt` */
  next(): boolean {
    const page = this.#page;
    const at = this.#end;
    if (at === page.length) return false;
    if (at + headSize > page.length) throw this.#damaged();
    const kSize = readWord(page, at + 16);
    const valueSize = readWord(page, at + 20);
    const inline = valueSize > inlineSizeMax ? 0 : valueSize;
    const kAt = at + headSize + inline;
    if (kSize <= prefixSize || kAt + kSize > page.length) throw this.#damaged();
    this.headAt = at;
    this.kAt = kAt;
    this.kSize = kSize;
    this.valueSize = valueSize;
    this.#end = kAt + kSize;
    const isLarge = inline !== valueSize;
    if (!isLarge && !isSound(page, at, valueSize, page, kAt, kSize)) throw this.#damaged();
    return true;
  }

  get k(): Uint8Array {
    return this.#page.subarray(this.kAt, this.kAt + this.kSize);
  }

  get hasLargeValue(): boolean {
    return this.valueSize > inlineSizeMax;
  }

  /**
   * The body of a row with a large value as it is now, which may be newer than the page; undefined = the row has
   * gone since. @throws CitadelError `corrupt`
   */
  readLarge(): Uint8Array | undefined {
    return readBody(this.#file, this.#readers, this.k);
  }

  #damaged(): CitadelError {
    return damagedRow(this.#file, this.k);
  }
}

/**
 * Where rows of one table come from in order of their keys: a sorted run of a memtable, or a file. A source
 * points at one row at a time; nothing is made per row.
 */

import { compareParts } from '../../base/bytes.ts';
import { deletedSize } from '../../model/kv-frame.ts';
import type { SqliteReaders } from '../../sqlite/sqlite.ts';
import type { KvRange } from '../contract.ts';
import { type KvFile, PageCursor, readPage } from '../file/kv-file.ts';
import {
  deletedFlag,
  fileKey,
  headSize,
  prefixSize,
  type RowStamp,
  readHlc,
  readOrigin,
  readWord,
  stampSize,
  tablePrefix,
} from '../file/row-layout.ts';
import type { Run } from '../memtable/sorted-runs.ts';
import type { MemFrame, TableCells } from '../memtable/table-cells.ts';

export interface RowValue {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly size: number;
}

export interface RowSource {
  /** False: there is no current row, and never will be. */
  isOpen: boolean;
  /** The key of the current row. */
  bytes: Uint8Array;
  keyAt: number;
  keySize: number;
  /** `rankOf` the key: most comparisons need no more. */
  rank: number;
  /** @throws CitadelError `corrupt` */
  next(): void;
  stamp(): RowStamp;
  isDeleted(): boolean;
  /** @throws CitadelError `corrupt` */
  value(): RowValue;
}

const rankSize = 4;

/** The first four bytes of a key as a signed number, in their order; the same for keys that it cannot tell apart. */
function rankOf(bytes: Uint8Array, at: number, size: number): number {
  if (size >= rankSize) {
    const high = ((bytes[at]! ^ 0x80) << 24) | (bytes[at + 1]! << 16);
    return high | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
  let rank = 0;
  for (let i = 0; i < rankSize; i++) rank = (rank << 8) | (i < size ? bytes[at + i]! : 0);
  return rank ^ 0x80000000;
}

export function compareKeys(a: RowSource, b: RowSource): number {
  if (a.rank !== b.rank) return a.rank < b.rank ? -1 : 1;
  return compareParts(a.bytes, a.keyAt, a.keySize, b.bytes, b.keyAt, b.keySize);
}

function lowerBound(cells: TableCells, run: Run, key: Uint8Array): number {
  let from = 0;
  let until = run.length;
  while (from < until) {
    const middle = (from + until) >>> 1;
    const cell = run[middle]!;
    const frame = cells.frameAt(cell);
    const at = cells.entryOf[cell]! * 4;
    const { bytes, entries } = frame;
    const order = compareParts(bytes, entries[at]!, entries[at + 1]!, key, 0, key.length);
    if (order < 0) from = middle + 1;
    else until = middle;
  }
  return from;
}

export class MemorySource implements RowSource {
  isOpen = true;
  bytes: Uint8Array = new Uint8Array(0);
  keyAt = 0;
  keySize = 0;
  rank = 0;
  readonly #cells: TableCells;
  readonly #run: Run;
  readonly #until: number;
  #at: number;
  #frame: MemFrame | undefined;
  #entry = 0;

  constructor(cells: TableCells, run: Run, range: KvRange) {
    this.#cells = cells;
    this.#run = run;
    this.#at = lowerBound(cells, run, range.from) - 1;
    this.#until = range.until === undefined ? run.length : lowerBound(cells, run, range.until);
    this.next();
  }

  next(): void {
    this.#at++;
    if (this.#at >= this.#until) {
      this.isOpen = false;
      return;
    }
    const cell = this.#run[this.#at]!;
    const frame = this.#cells.frameAt(cell);
    this.#frame = frame;
    this.#entry = this.#cells.entryOf[cell]! * 4;
    this.bytes = frame.bytes;
    this.keyAt = frame.entries[this.#entry]!;
    this.keySize = frame.entries[this.#entry + 1]!;
    this.rank = rankOf(this.bytes, this.keyAt, this.keySize);
  }

  stamp(): RowStamp {
    return this.#frame!;
  }

  isDeleted(): boolean {
    return this.#frame!.entries[this.#entry + 3] === deletedSize;
  }

  value(): RowValue {
    const { bytes, entries } = this.#frame!;
    const size = entries[this.#entry + 3]!;
    return { bytes, at: entries[this.#entry + 2]!, size: size === deletedSize ? 0 : size };
  }
}

const pageRowsFirst = 32;
const pageRowsMax = 1024;
/** Rows per page are chosen so that it has about so many bytes. */
const pageBytesAim = 256 * 1024;

export class FileSource implements RowSource {
  isOpen = true;
  bytes: Uint8Array = new Uint8Array(0);
  keyAt = 0;
  keySize = 0;
  rank = 0;
  readonly #file: KvFile;
  readonly #readers: SqliteReaders;
  readonly #cursor: PageCursor;
  readonly #until: Uint8Array;
  #from: Uint8Array;
  #isAfter = false;
  #limit: number;
  #rowCount = 0;
  /** Head of the current row, with its value behind it. */
  #body: Uint8Array | undefined;
  #headAt = 0;
  #isLast = false;

  /** `rowsWanted`: how many rows the caller is likely to take. */
  constructor(
    file: KvFile,
    readers: SqliteReaders,
    table: number,
    range: KvRange,
    rowsWanted = pageRowsFirst,
  ) {
    this.#file = file;
    this.#readers = readers;
    this.#cursor = new PageCursor(file, readers);
    this.#from = fileKey(table, range.from);
    this.#until = range.until === undefined ? tablePrefix(table + 1) : fileKey(table, range.until);
    this.#limit = Math.max(1, Math.min(rowsWanted, pageRowsFirst));
    this.next();
  }

  next(): void {
    const cursor = this.#cursor;
    for (;;) {
      while (!cursor.next()) {
        if (this.#isLast) {
          this.isOpen = false;
          return;
        }
        this.#turnPage();
      }
      this.#rowCount++;
      this.#body = cursor.hasLargeValue ? cursor.readLarge() : cursor.bytes;
      if (this.#body !== undefined) break;
    }
    this.#headAt = cursor.hasLargeValue ? 0 : cursor.headAt;
    this.bytes = cursor.bytes;
    this.keyAt = cursor.kAt + prefixSize;
    this.keySize = cursor.kSize - prefixSize;
    this.rank = rankOf(this.bytes, this.keyAt, this.keySize);
  }

  #turnPage(): void {
    if (this.#rowCount > 0) {
      const rowSize = this.#cursor.bytes.length / this.#rowCount;
      this.#from = this.#cursor.k.slice();
      this.#isAfter = true;
      const fitting = Math.max(1, Math.floor(pageBytesAim / rowSize));
      this.#limit = Math.min(fitting, pageRowsMax, this.#limit * 8);
    }
    const range = { from: this.#from, isAfter: this.#isAfter, until: this.#until };
    const page = readPage(this.#file, this.#readers, range, this.#limit);
    this.#isLast = page.length === 0;
    this.#cursor.set(page);
    this.#rowCount = 0;
  }

  stamp(): RowStamp {
    const body = this.#body!;
    return { hlc: readHlc(body, this.#headAt), origin: readOrigin(body, this.#headAt + 7) };
  }

  isDeleted(): boolean {
    return (this.#body![this.#headAt + stampSize]! & deletedFlag) !== 0;
  }

  value(): RowValue {
    const body = this.#body!;
    return { bytes: body, at: this.#headAt + headSize, size: readWord(body, this.#headAt + 20) };
  }
}

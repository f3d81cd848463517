/**
 * A stream of bytes -> records (lines that may hold line feeds inside quotes), with the line number that an
 * editor shows for each.
 */

import { findLineEnd } from '../../../../src/lineprotocol/line-splitter.ts';
import { CommandError } from '../command-error.ts';

const lineFeed = 0x0a;
const quote = 0x22;
const hash = 0x23;
/** As long as a request may be by default. */
const recordSizeMax = 25_000_000;

/** Index of the line feed that ends the record at `from`, or `bytes.length`. */
export type FindEnd = (bytes: Uint8Array, from: number) => number;

function findPlainEnd(bytes: Uint8Array, from: number): number {
  const end = bytes.indexOf(lineFeed, from);
  return end < 0 ? bytes.length : end;
}

export function findCsvEnd(bytes: Uint8Array, from: number): number {
  // An annotation is one line, whatever it holds.
  if (bytes[from] === hash) return findPlainEnd(bytes, from);
  let quotes = 0;
  for (let start = from; ; ) {
    const end = findPlainEnd(bytes, start);
    quotes += countBytes(bytes.subarray(start, end), quote);
    if (end === bytes.length || quotes % 2 === 0) return end;
    start = end + 1;
  }
}

function countBytes(bytes: Uint8Array, byte: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

/** Comments are one line, whatever they hold; everything else ends as InfluxDB ends it. */
export function findProtocolEnd(bytes: Uint8Array, from: number): number {
  return bytes[from] === hash ? findPlainEnd(bytes, from) : findLineEnd(bytes, from);
}

const sectionMark = /^# (DDL|DML)\s*$/;

/** As `findProtocolEnd`, but between `# DDL` and `# DML` there are statements, one a line. */
export function createImportFileEnd(): FindEnd {
  let isDdl = true;
  return (bytes, from) => {
    const end = findPlainEnd(bytes, from);
    if (bytes[from] !== hash) return isDdl ? end : findLineEnd(bytes, from);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString();
    const section = sectionMark.exec(text)?.[1];
    if (section !== undefined) isDdl = section === 'DDL';
    if (text.startsWith('# CONTEXT-')) isDdl = false;
    return end;
  };
}

export interface RecordBlock {
  readonly bytes: Buffer;
  /** Record i is [starts[i], starts[i + 1]), its line feed included. */
  readonly starts: readonly number[];
  /** From 1. */
  readonly lineNumbers: readonly number[];
}

export class RecordCutter {
  readonly #findEnd: FindEnd;
  #rest: Buffer = Buffer.alloc(0);
  #line = 1;

  constructor(findEnd: FindEnd) {
    this.#findEnd = findEnd;
  }

  /** The records that are whole now. `isLast`: no more bytes follow. @throws CommandError */
  cut(part: Buffer, isLast: boolean): RecordBlock {
    const bytes = this.#rest.length === 0 ? part : Buffer.concat([this.#rest, part]);
    const starts: number[] = [];
    const lineNumbers: number[] = [];
    let at = 0;
    while (at < bytes.length) {
      const end = this.#findEnd(bytes, at);
      // What stands right at the edge may look otherwise once more bytes are there.
      if (!isLast && end + 1 >= bytes.length) break;
      const next = Math.min(bytes.length, end + 1);
      starts.push(at);
      lineNumbers.push(this.#line);
      this.#line += countBytes(bytes.subarray(at, next), lineFeed);
      at = next;
    }
    this.#rest = bytes.subarray(at);
    if (this.#rest.length > recordSizeMax) {
      throw new CommandError(`line ${this.#line} is longer than ${recordSizeMax} bytes`);
    }
    return { bytes, starts: [...starts, at], lineNumbers };
  }
}

/**
 * CSV answers of /query: a header per statement, times as numbers (ns unless another unit was asked
 * for), floats without exponent, nulls empty. A failed statement prints nothing, as in InfluxDB.
 */

import { CitadelError } from '../../base/errors.ts';
import { printableText } from '../../base/text.ts';
import type { Column } from '../../model/column.ts';
import type { Cell, ResultColumn, SeriesPiece, StatementResult } from '../result.ts';
import { ByteWriter } from './byte-writer.ts';
import { writeInteger } from './number-text.ts';
import type { FormatOptions } from './options.ts';
import { isSameSeries } from './same-series.ts';
import { TimeText } from './time-text.ts';

const flushSize = 64 * 1024;
const startCapacity = 96 * 1024;

export async function* formatCsv(
  results: AsyncIterable<StatementResult>,
  options: FormatOptions,
): AsyncGenerator<Uint8Array> {
  const writer = new CsvWriter(options);
  let hasFailed = false;
  for await (const result of results) {
    if (hasFailed) continue;
    writer.openStatement();
    try {
      for await (const piece of result.series) yield* writer.write(piece);
    } catch (error) {
      if (!(error instanceof CitadelError)) throw error;
      hasFailed = true;
    }
  }
  if (writer.out.size > 0) yield writer.out.take();
}

/** What stands in place of an answer when the request itself is refused. */
export function csvError(message: string): string {
  return `error\n${quoteField(message)}\n`;
}

/** As Go's csv writer quotes. */
function quoteField(text: string): string {
  if (text === '') return text;
  const needsQuotes = text === '\\.' || /[",\r\n]/.test(text) || /^\s/.test(text);
  return needsQuotes ? `"${text.replaceAll('"', '""')}"` : text;
}

function escapeTag(text: string): string {
  return text.replace(/[,= ]/g, (char) => `\\${char}`);
}

function tagsText(tags: SeriesPiece['tags']): string {
  const present = (tags ?? []).filter(([, value]) => value !== '');
  return present.map(([key, value]) => `${escapeTag(key)}=${escapeTag(value)}`).join(',');
}

/** The shortest decimal that reads back equal, never with an exponent; NaN is a null, and so is nothing. */
export function plainDecimal(value: number): string {
  if (Number.isNaN(value)) return '';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const text = Object.is(value, -0) ? '-0' : String(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, '0');
}

function columnText(column: Column, row: number): string {
  if (column.valid !== undefined && column.valid[row] === 0) return '';
  switch (column.type) {
    case 'float':
      return plainDecimal(column.values[row]!);
    case 'boolean':
      return column.values[row] === 0 ? 'false' : 'true';
    case 'string':
      return quoteField(printableText(column.dictionary[column.codes[row]!] ?? ''));
    default:
      return String(column.values[row]);
  }
}

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'string') return quoteField(printableText(cell));
  if (typeof cell === 'number') return plainDecimal(cell);
  return typeof cell === 'object' ? quoteField(cell.join(',')) : String(cell);
}

function valueText(column: ResultColumn | undefined, row: number): string {
  if (column === undefined) return '';
  if (column.type === 'cells') return cellText(column.cells[row] ?? null);
  return columnText(column, row);
}

class CsvWriter {
  readonly out = new ByteWriter(startCapacity);
  readonly #times: TimeText;
  #hasStatement = false;
  /** The series before this piece, of the same statement. */
  #last: SeriesPiece | undefined;
  #prefix = '';

  constructor(options: FormatOptions) {
    this.#times = new TimeText(options.epoch ?? 'ns', undefined);
  }

  openStatement(): void {
    this.#last = undefined;
  }

  *write(piece: SeriesPiece): Generator<Uint8Array> {
    this.#writeHeader(piece);
    if (this.#last === undefined || !isSameSeries(this.#last, piece)) {
      const tags = quoteField(printableText(tagsText(piece.tags)));
      this.#prefix = `${quoteField(printableText(piece.name))},${tags}`;
    }
    this.#last = piece;
    const { times } = piece;
    const words = times && new Int32Array(times.buffer, times.byteOffset, times.length * 2);
    for (let row = 0; row < piece.rowCount; row++) {
      this.out.utf8(this.#prefix);
      if (words !== undefined) {
        this.out.byte(44);
        this.#times.write(this.out, words[2 * row]!, words[2 * row + 1]!);
      }
      for (const column of piece.values) this.#writeValue(column, row);
      this.out.byte(10);
      if (this.out.size >= flushSize) yield this.out.take();
    }
  }

  #writeValue(column: ResultColumn | undefined, row: number): void {
    this.out.byte(44);
    const isSmall = column?.type === 'integer' && column.values instanceof Float64Array;
    if (isSmall && (column.valid === undefined || column.valid[row] === 1)) {
      writeInteger(this.out, Number(column.values[row]));
    } else {
      this.out.utf8(valueText(column, row));
    }
  }

  #writeHeader(piece: SeriesPiece): void {
    const { columns } = piece;
    const last = this.#last?.columns;
    const isSame =
      last !== undefined &&
      last.length === columns.length &&
      last.every((name, index) => name === columns[index]);
    if (isSame) return;
    if (this.#hasStatement) this.out.byte(10);
    this.#hasStatement = true;
    const names = ['name', 'tags', ...columns].map((name) => quoteField(printableText(name)));
    this.out.utf8(`${names.join(',')}\n`);
  }
}

/**
 * CSV with types: what `influx write` of InfluxDB 2 calls annotated CSV.
 *
 * A section begins with `#datatype measurement,tag,...,double,long,string,...,dateTime:number`, then a row of
 * names, then a row per point. Texts of fields are always in quotes, so that an empty one differs from none;
 * times are nanoseconds.
 */

import { CommandError } from '../command-error.ts';
import { writeFloat } from './line-writer.ts';
import type { MsgpackValue } from './msgpack.ts';
import type { FieldTypes, SourceFieldType } from './schema.ts';
import type { SeriesPart } from './source.ts';

export const csvTypes: Readonly<Record<SourceFieldType, string>> = {
  float: 'double',
  integer: 'long',
  unsigned: 'unsignedLong',
  string: 'string',
  boolean: 'boolean',
};

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Of names and tags: in quotes only when it must be. */
function writeName(text: string): string {
  return /[",\r\n]|^[\s#]|\s$|^$/.test(text) ? quote(text) : text;
}

function writeCell(value: MsgpackValue): string {
  if (value === null) return '';
  if (typeof value === 'number') return writeFloat(value);
  return typeof value === 'string' ? quote(value) : String(value);
}

/** The sections of one measurement. */
export class CsvWriter {
  readonly #types: FieldTypes;
  #heading = '';

  constructor(types: FieldTypes) {
    this.#types = types;
  }

  /** Rows, behind a new heading where tags or fields are others than before. @throws CommandError */
  write(part: SeriesPart): string {
    const { name, tagKeys, tags, columns, values } = part;
    const fields = columns.slice(1);
    const heading = this.#renderHeading(tagKeys, fields);
    const opening =
      heading === this.#heading ? '' : `${this.#heading === '' ? '' : '\n'}${heading}`;
    this.#heading = heading;
    const byKey = new Map(tags);
    const own = [name, ...tagKeys.map((key) => byKey.get(key))];
    const head = own.map((text) => (text === undefined ? '' : writeName(text))).join(',');
    const rows = values.map(
      (row) => `${head},${row.slice(1).map(writeCell).join(',')},${row[0]}\n`,
    );
    return opening + rows.join('');
  }

  #renderHeading(tagKeys: readonly string[], fields: readonly string[]): string {
    const types = fields.map((field) => this.#typeOf(field));
    const datatypes = ['measurement', ...tagKeys.map(() => 'tag'), ...types, 'dateTime:number'];
    const names = ['measurement', ...tagKeys, ...fields, 'time'].map(writeName);
    return `#datatype ${datatypes.join(',')}\n${names.join(',')}\n`;
  }

  #typeOf(field: string): string {
    const types = [...(this.#types.get(field) ?? [])];
    if (types.length === 1) return csvTypes[types[0]!];
    const shown = types.join(' and ');
    throw new CommandError(
      `cannot write field ${JSON.stringify(field)} as CSV: it is ${shown}; use -format line`,
    );
  }
}

/** One record without its line end. `isQuoted`: an empty text in quotes is a value, one without is none. */
export interface CsvCells {
  readonly texts: string[];
  readonly isQuoted: boolean[];
}

const cell = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;

/** @throws CommandError */
export function splitRecord(record: string): CsvCells {
  const texts: string[] = [];
  const isQuoted: boolean[] = [];
  cell.lastIndex = 0;
  for (;;) {
    const match = cell.exec(record);
    if (match === null) throw new CommandError('a quote stands where none can be');
    texts.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    isQuoted.push(match[1] !== undefined);
    if (match[3] === '') return { texts, isQuoted };
  }
}

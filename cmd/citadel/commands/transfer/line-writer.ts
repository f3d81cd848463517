/**
 * Rows of a series -> line protocol, exact for every type.
 *
 * A field that has several types at the source (InfluxDB fixes types per shard) becomes several fields:
 * its values of the type that InfluxDB takes it for keep the name, others go to `name_type`, so that
 * nothing is lost; integers that a float holds exactly stay, as InfluxDB shows them so.
 */

import { printableText } from '../../../../src/base/text.ts';
import { describeSeries, writeFieldName, writeSeriesKey } from './line-names.ts';
import type { MsgpackValue } from './msgpack.ts';
import { type FieldTypes, highestType, type SourceFieldType } from './schema.ts';
import type { SeriesPart } from './source.ts';

export interface WrittenLines {
  readonly lines: readonly string[];
  /** Rows that line protocol cannot express. */
  readonly unwritable: number;
  readonly reason: string;
}

/** One column of the answer on its way into lines. */
interface FieldColumn {
  readonly name: string;
  readonly isUnsigned: boolean;
  readonly isMixed: boolean;
  readonly main: SourceFieldType;
  /** As it stands in a line, by type: `v=`, `v_string=`. */
  readonly heads: ReadonlyMap<SourceFieldType, string>;
}

function escapeString(text: string): string {
  return /["\\]/.test(text) ? text.replace(/["\\]/g, '\\$&') : text;
}

export function writeFloat(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function typeOf(value: MsgpackValue, isUnsigned: boolean): SourceFieldType {
  if (typeof value === 'number') return 'float';
  if (typeof value === 'bigint') return isUnsigned ? 'unsigned' : 'integer';
  return typeof value === 'boolean' ? 'boolean' : 'string';
}

function writeValue(value: MsgpackValue, isUnsigned: boolean): string {
  if (typeof value === 'number') return writeFloat(value);
  if (typeof value === 'bigint') return isUnsigned ? `${value}u` : `${value}i`;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  return `"${escapeString(String(value))}"`;
}

/** Where values of another type than the main one go; never a name that the measurement has. */
export function siblingName(field: string, type: SourceFieldType, types: FieldTypes): string {
  let name = `${field}_${type}`;
  while (types.has(name)) name += '_';
  return name;
}

function refuse({ values }: SeriesPart, what: string): WrittenLines {
  const reason = `line protocol cannot express ${what}`;
  return { lines: [], unwritable: values.length, reason };
}

export class LineWriter {
  readonly #types: FieldTypes;
  readonly #columns = new Map<string, FieldColumn | undefined>();
  /** Values that came, by field of the source. */
  readonly counts = new Map<string, number>();

  constructor(types: FieldTypes) {
    this.#types = types;
  }

  /** Column 0 is the time. */
  write(part: SeriesPart): WrittenLines {
    this.#count(part);
    const key = writeSeriesKey(part.name, part.tags);
    if (key === undefined) {
      return refuse(part, `the series ${describeSeries(part.name, part.tags)}`);
    }
    const columns: FieldColumn[] = [];
    for (const name of part.columns.slice(1)) {
      const column = this.#columnOf(name);
      if (column === undefined) {
        return refuse(part, `the field ${printableText(name)} of ${printableText(part.name)}`);
      }
      columns.push(column);
    }
    const lines = part.values.map((row) => writeRow(key, row, columns));
    return { lines, unwritable: 0, reason: '' };
  }

  #count({ columns, values }: SeriesPart): void {
    for (let i = 1; i < columns.length; i++) {
      let count = this.counts.get(columns[i]!) ?? 0;
      for (const row of values) if (row[i] !== null) count++;
      this.counts.set(columns[i]!, count);
    }
  }

  #columnOf(name: string): FieldColumn | undefined {
    if (!this.#columns.has(name)) this.#columns.set(name, this.#makeColumn(name));
    return this.#columns.get(name);
  }

  #makeColumn(name: string): FieldColumn | undefined {
    const types = this.#types.get(name) ?? new Set<SourceFieldType>();
    const main = highestType(types);
    const heads = new Map<SourceFieldType, string>();
    for (const type of ['float', 'integer', 'unsigned', 'string', 'boolean'] as const) {
      const isOwn = types.size < 2 || type === main;
      const written = writeFieldName(isOwn ? name : siblingName(name, type, this.#types));
      if (written === undefined) return undefined;
      heads.set(type, `${written}=`);
    }
    const isUnsigned = types.has('unsigned') && !types.has('integer');
    return { name, isUnsigned, isMixed: types.size > 1, main, heads };
  }
}

/** The field with its value; integers that a float field holds exactly become floats. */
function writeCell(value: MsgpackValue, column: FieldColumn): string {
  const { isUnsigned, isMixed, main, heads } = column;
  if (isMixed && main === 'float' && typeof value === 'bigint' && BigInt(Number(value)) === value) {
    return heads.get('float')! + writeFloat(Number(value));
  }
  return heads.get(typeOf(value, isUnsigned))! + writeValue(value, isUnsigned);
}

function writeRow(
  key: string,
  row: readonly MsgpackValue[],
  columns: readonly FieldColumn[],
): string {
  let line = key;
  let separator = ' ';
  for (let i = 0; i < columns.length; i++) {
    const value = row[i + 1] ?? null;
    if (value === null) continue;
    line += separator + writeCell(value, columns[i]!);
    separator = ',';
  }
  return `${line} ${row[0]}\n`;
}

/**
 * Rows of annotated CSV (csv-text.ts) -> line protocol.
 *
 * Values are checked against their type before they become part of a line, so that no cell can pretend to
 * be several fields. A cell without quotes and without text is no value.
 */

import { CommandError } from '../command-error.ts';
import { type CsvCells, splitRecord } from './csv-text.ts';
import { writeFieldName, writeSeriesKey } from './line-names.ts';

/** A heading that makes no sense: nothing below it can be understood. */
export class HeadingError extends CommandError {}

type Role =
  | { readonly kind: 'measurement' | 'time' | 'ignored' }
  | { readonly kind: 'tag'; readonly name: string }
  | { readonly kind: 'field'; readonly head: string; readonly type: string };

/** Written series that are remembered. */
const seriesMax = 50_000;

const shapes: Readonly<Record<string, { readonly shape: RegExp; readonly suffix: string }>> = {
  double: { shape: /^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/, suffix: '' },
  long: { shape: /^-?\d+$/, suffix: 'i' },
  unsignedLong: { shape: /^\d+$/, suffix: 'u' },
  boolean: { shape: /^(t|T|true|True|TRUE|f|F|false|False|FALSE)$/, suffix: '' },
};

const fullTime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

function readTime(text: string): string {
  if (/^-?\d+$/.test(text)) return text;
  const [, seconds, fraction = '', zone] = fullTime.exec(text) ?? [];
  const wholeMs = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(wholeMs)) {
    throw new CommandError(
      `${JSON.stringify(text)} is no time (a number, or 2006-01-02T15:04:05Z)`,
    );
  }
  return String(BigInt(wholeMs) * 1_000_000n + BigInt(fraction.padEnd(9, '0')));
}

function writeValue(text: string, type: string): string {
  if (type === 'string') return `"${text.replace(/["\\]/g, '\\$&')}"`;
  const { shape, suffix } = shapes[type]!;
  if (!shape.test(text)) throw new CommandError(`${JSON.stringify(text)} is no ${type}`);
  return text + suffix;
}

function makeRole(datatype: string, name: string): Role {
  if (datatype === 'measurement') return { kind: 'measurement' };
  if (datatype === 'tag') return { kind: 'tag', name };
  if (/^dateTime(:number|:RFC3339(Nano)?)?$/.test(datatype)) return { kind: 'time' };
  if (datatype === 'ignored' || datatype === '') return { kind: 'ignored' };
  if (datatype !== 'string' && shapes[datatype] === undefined) {
    throw new HeadingError(`unknown datatype ${JSON.stringify(datatype)}`);
  }
  const written = writeFieldName(name);
  if (written === undefined) {
    throw new HeadingError(`line protocol cannot express the field ${JSON.stringify(name)}`);
  }
  return { kind: 'field', head: `${written}=`, type: datatype };
}

export class CsvLines {
  #datatypes: readonly string[] | undefined;
  #roles: readonly Role[] | undefined;
  readonly #series = new Map<string, string>();

  /**
   * The line of a record, without line end; undefined for what is no point (headings, blank rows).
   * @throws CommandError for a row that cannot be taken
   */
  read(record: string): string | undefined {
    if (record.startsWith('#')) {
      this.#readAnnotation(record);
      return undefined;
    }
    if (record.trim() === '') return undefined;
    const cells = splitRecord(record);
    if (this.#roles !== undefined) return this.#writeLine(cells, this.#roles);
    this.#readNames(cells.texts);
    return undefined;
  }

  #readAnnotation(record: string): void {
    const match = /^#datatype[ ,]/.exec(record);
    if (match === null) return;
    this.#datatypes = record
      .slice(match[0].length)
      .split(',')
      .map((text) => text.trim());
    this.#roles = undefined;
  }

  #readNames(names: readonly string[]): void {
    const datatypes = this.#datatypes;
    if (datatypes === undefined) {
      throw new HeadingError(
        'no types: a first row such as "#datatype measurement,tag,double,dateTime:number" is needed',
      );
    }
    if (datatypes.length !== names.length) {
      throw new HeadingError(`${names.length} names for ${datatypes.length} datatypes`);
    }
    const roles = names.map((name, i) => makeRole(datatypes[i]!, name));
    if (!roles.some(({ kind }) => kind === 'measurement')) {
      throw new HeadingError('no column has the datatype measurement');
    }
    this.#roles = roles;
    this.#series.clear();
  }

  #writeLine(cells: CsvCells, roles: readonly Role[]): string {
    const { texts, isQuoted } = cells;
    if (texts.length !== roles.length) {
      throw new CommandError(`${texts.length} cells in a table of ${roles.length} columns`);
    }
    const fields: string[] = [];
    let time = '';
    for (const [i, role] of roles.entries()) {
      const text = texts[i]!;
      if (text === '' && !isQuoted[i]) continue;
      if (role.kind === 'field') fields.push(role.head + writeValue(text, role.type));
      if (role.kind === 'time') time = ` ${readTime(text)}`;
    }
    if (fields.length === 0) throw new CommandError('no field has a value');
    return `${this.#seriesOf(texts, roles)} ${fields.join(',')}${time}`;
  }

  #seriesOf(texts: readonly string[], roles: readonly Role[]): string {
    const named = roles.flatMap((role, i) =>
      role.kind === 'tag' || role.kind === 'measurement' ? [texts[i]!] : [],
    );
    const id = JSON.stringify(named);
    const known = this.#series.get(id);
    if (known !== undefined) return known;
    const measurement = texts[roles.findIndex(({ kind }) => kind === 'measurement')]!;
    const tags = roles.flatMap((role, i): [string, string][] =>
      role.kind === 'tag' && texts[i] !== '' ? [[role.name, texts[i]!]] : [],
    );
    const written = writeSeriesKey(measurement, tags);
    if (written === undefined) {
      throw new CommandError(`line protocol cannot express the series ${JSON.stringify(named)}`);
    }
    if (this.#series.size >= seriesMax) this.#series.clear();
    this.#series.set(id, written);
    return written;
  }
}

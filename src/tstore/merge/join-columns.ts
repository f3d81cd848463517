/**
 * Makes one column out of cells of several: either end to end, or cell by cell from the winners of a
 * merge. One kernel per type.
 */

import type { Column } from '../../model/column.ts';

/** Where each cell of a new column comes from: source number (-1 = no value) and row in it. */
export interface Picks {
  readonly sources: Int32Array;
  readonly rows: Uint32Array;
}

type Sources = readonly (Column | undefined)[];
type NumberColumn = Extract<Column, { type: 'float' | 'integer' | 'unsigned' | 'boolean' }>;
type Values = Float64Array | BigInt64Array | BigUint64Array | Uint8Array;

const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

/** Whole numbers beyond 2^53 - 1 need the wide form; then every source is widened. */
function isWide(sources: Sources): boolean {
  return sources.some((c) => c !== undefined && 'values' in c && typeof c.values[0] === 'bigint');
}

function makeValues(type: NumberColumn['type'], count: number, wide: boolean): Values {
  if (type === 'boolean') return new Uint8Array(count);
  if (wide && type === 'integer') return new BigInt64Array(count);
  if (wide && type === 'unsigned') return new BigUint64Array(count);
  return new Float64Array(count);
}

function widen(values: Values): BigInt64Array {
  const wide = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) wide[i] = BigInt(values[i]!);
  return wide;
}

/** Wide sources first hold the same bits whether signed or not. */
function valuesAs(column: NumberColumn, wide: boolean): Values {
  if (!wide) return column.values;
  const { values } = column;
  if (values instanceof BigInt64Array) return values;
  if (values instanceof BigUint64Array) return values;
  return widen(values);
}

function narrow(values: Values): Values {
  if (!(values instanceof BigInt64Array || values instanceof BigUint64Array)) return values;
  for (const value of values) if (value > safeMax || value < -safeMax) return values;
  const plain = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) plain[i] = Number(values[i]!);
  return plain;
}

function wrap(type: NumberColumn['type'], values: Values, valid: Uint8Array | undefined): Column {
  return { type, values, valid } as Column;
}

/** Cells of numbers copied one by one; the caller picked arrays of one kind. */
function copyPicked<T extends Values>(
  out: T,
  from: readonly (T | undefined)[],
  picks: Picks,
): void {
  const { sources, rows } = picks;
  for (let i = 0; i < sources.length; i++) {
    const source = sources[i]!;
    if (source >= 0) out[i] = from[source]![rows[i]!]!;
  }
}

function validOf(picks: Picks): { valid: Uint8Array | undefined; any: boolean } {
  const { sources } = picks;
  const valid = new Uint8Array(sources.length);
  let count = 0;
  for (let i = 0; i < sources.length; i++) {
    if (sources[i]! < 0) continue;
    valid[i] = 1;
    count++;
  }
  return { valid: count === sources.length ? undefined : valid, any: count > 0 };
}

/** Union of dictionaries, made as codes are met. */
class JoinedDictionary {
  readonly words: string[] = [];
  private readonly codes = new Map<string, number>();

  codeOf(word: string): number {
    let code = this.codes.get(word);
    if (code === undefined) {
      code = this.words.length;
      this.codes.set(word, code);
      this.words.push(word);
    }
    return code;
  }
}

function pickStrings(sources: Sources, picks: Picks, valid: Uint8Array | undefined): Column {
  const joined = new JoinedDictionary();
  const codes = new Uint32Array(picks.sources.length);
  for (let i = 0; i < codes.length; i++) {
    const source = picks.sources[i]!;
    if (source < 0) continue;
    const column = sources[source] as Extract<Column, { type: 'string' }>;
    codes[i] = joined.codeOf(column.dictionary[column.codes[picks.rows[i]!]!]!);
  }
  // A row without a value still needs a code that exists.
  if (joined.words.length === 0) joined.codeOf('');
  return { type: 'string', codes, dictionary: joined.words, valid };
}

/** Undefined = not one cell. */
export function pickColumn(sources: Sources, picks: Picks): Column | undefined {
  const { valid, any } = validOf(picks);
  if (!any) return undefined;
  const first = sources.find((column) => column !== undefined)!;
  if (first.type === 'string') return pickStrings(sources, picks, valid);
  const wide = isWide(sources);
  const out = makeValues(first.type, picks.sources.length, wide);
  const from = sources.map((column) => column && valuesAs(column as NumberColumn, wide));
  copyPicked(out, from as (typeof out | undefined)[], picks);
  return wrap(first.type, narrow(out), valid);
}

function joinValid(sources: Sources, counts: readonly number[]): Uint8Array | undefined {
  if (sources.every((column) => column !== undefined && column.valid === undefined)) {
    return undefined;
  }
  const valid = new Uint8Array(counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (let i = 0; i < sources.length; i++) {
    const column = sources[i];
    if (column !== undefined) {
      if (column.valid === undefined) valid.fill(1, at, at + counts[i]!);
      else valid.set(column.valid, at);
    }
    at += counts[i]!;
  }
  return valid;
}

function joinStrings(
  sources: Sources,
  counts: readonly number[],
  valid: Uint8Array | undefined,
): Column {
  const joined = new JoinedDictionary();
  joined.codeOf('');
  const codes = new Uint32Array(counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (let i = 0; i < sources.length; i++) {
    const column = sources[i] as Extract<Column, { type: 'string' }> | undefined;
    if (column !== undefined) {
      const mapped = column.dictionary.map((word) => joined.codeOf(word));
      for (let row = 0; row < counts[i]!; row++) codes[at + row] = mapped[column.codes[row]!] ?? 0;
    }
    at += counts[i]!;
  }
  return { type: 'string', codes, dictionary: joined.words, valid };
}

/** Columns end to end; `counts[i]` rows each, a missing one has no values. Undefined = all missing. */
export function joinColumns(sources: Sources, counts: readonly number[]): Column | undefined {
  const first = sources.find((column) => column !== undefined);
  if (first === undefined) return undefined;
  const valid = joinValid(sources, counts);
  if (first.type === 'string') return joinStrings(sources, counts, valid);
  const wide = isWide(sources);
  const out = makeValues(
    first.type,
    counts.reduce((sum, count) => sum + count, 0),
    wide,
  );
  let at = 0;
  for (let i = 0; i < sources.length; i++) {
    const column = sources[i] as NumberColumn | undefined;
    if (column !== undefined) (out as Float64Array).set(valuesAs(column, wide) as Float64Array, at);
    at += counts[i]!;
  }
  return wrap(first.type, narrow(out), valid);
}

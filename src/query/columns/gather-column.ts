/**
 * Picks rows out of several columns of one type into a new column: `sourceOf[i]` and `rowOf[i]` say
 * where row i comes from. The kernel is chosen once per call.
 */

import type { Column } from '../../model/column.ts';
import type { FieldType } from '../../model/field-type.ts';
import { toBigInts } from './integers.ts';

export interface Picks {
  readonly count: number;
  readonly sourceOf: Uint16Array;
  readonly rowOf: Uint32Array;
}

type Source = Column | undefined;

function typeOf(sources: readonly Source[]): FieldType | undefined {
  return sources.find((source) => source !== undefined)?.type;
}

function gatherValid(sources: readonly Source[], picks: Picks): Uint8Array | undefined {
  if (sources.every((source) => source !== undefined && source.valid === undefined)) {
    return undefined;
  }
  const masks = sources.map((source) => source?.valid);
  const present = sources.map((source) => (source === undefined ? 0 : 1));
  const valid = new Uint8Array(picks.count);
  for (let i = 0; i < picks.count; i++) {
    const source = picks.sourceOf[i]!;
    const mask = masks[source];
    valid[i] = mask === undefined ? present[source]! : mask[picks.rowOf[i]!]!;
  }
  return valid;
}

function gatherNumbers(
  values: readonly (Float64Array | undefined)[],
  picks: Picks,
  into: Float64Array,
): void {
  for (let i = 0; i < into.length; i++) {
    const source = values[picks.sourceOf[i]!];
    if (source !== undefined) into[i] = source[picks.rowOf[i]!]!;
  }
}

function gatherFlags(
  values: readonly (Uint8Array | undefined)[],
  picks: Picks,
  into: Uint8Array,
): void {
  for (let i = 0; i < into.length; i++) {
    const source = values[picks.sourceOf[i]!];
    if (source !== undefined) into[i] = source[picks.rowOf[i]!]!;
  }
}

/** Codes of each source in the common dictionary. */
function gatherStrings(sources: readonly Source[], picks: Picks): Column {
  const dictionary: string[] = [];
  const known = new Map<string, number>();
  const valid = gatherValid(sources, picks);
  const tables = sources.map((source) =>
    source?.type === 'string' ? new Int32Array(source.dictionary.length).fill(-1) : undefined,
  );
  const codes = new Uint32Array(picks.count);
  for (let i = 0; i < picks.count; i++) {
    const index = picks.sourceOf[i]!;
    const source = sources[index];
    if (source?.type !== 'string' || (valid !== undefined && valid[i] === 0)) continue;
    const table = tables[index]!;
    const code = source.codes[picks.rowOf[i]!]!;
    let common = table[code]!;
    if (common < 0) {
      const text = source.dictionary[code] ?? '';
      common = known.get(text) ?? dictionary.push(text) - 1;
      known.set(text, common);
      table[code] = common;
    }
    codes[i] = common;
  }
  return { type: 'string', codes, dictionary, valid };
}

function gatherIntegers(
  type: 'integer' | 'unsigned',
  sources: readonly Source[],
  picks: Picks,
): Column {
  const valid = gatherValid(sources, picks);
  const integers = sources.map((source) => (source?.type === type ? source : undefined));
  const isNarrow = integers.every((source) => !source || source.values instanceof Float64Array);
  if (isNarrow) {
    const values = new Float64Array(picks.count);
    const narrow = integers.map((source) =>
      source?.values instanceof Float64Array ? source.values : undefined,
    );
    gatherNumbers(narrow, picks, values);
    return { type, values, valid };
  }
  const wide = integers.map((source) => source && toBigInts(source));
  const values =
    type === 'integer' ? new BigInt64Array(picks.count) : new BigUint64Array(picks.count);
  for (let i = 0; i < picks.count; i++) {
    const source = wide[picks.sourceOf[i]!];
    if (source !== undefined) values[i] = source[picks.rowOf[i]!]!;
  }
  return { type, values, valid } as Column;
}

/** All sources that are there have the same type; undefined when none is. */
export function gatherColumn(sources: readonly Source[], picks: Picks): Column | undefined {
  const type = typeOf(sources);
  switch (type) {
    case undefined:
      return undefined;
    case 'float': {
      const values = new Float64Array(picks.count);
      const floats = sources.map((source) =>
        source?.type === 'float' ? source.values : undefined,
      );
      gatherNumbers(floats, picks, values);
      return { type, values, valid: gatherValid(sources, picks) };
    }
    case 'boolean': {
      const values = new Uint8Array(picks.count);
      const flags = sources.map((source) =>
        source?.type === 'boolean' ? source.values : undefined,
      );
      gatherFlags(flags, picks, values);
      return { type, values, valid: gatherValid(sources, picks) };
    }
    case 'string':
      return gatherStrings(sources, picks);
    default:
      return gatherIntegers(type, sources, picks);
  }
}

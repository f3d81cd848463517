/**
 * Which series of a measurement a condition over tags can leave: by inverted lists where it lists values of a tag, by
 * one look per distinct value for other conditions on one tag. What is left over is for the caller to check.
 */

import { encodeText } from '../../base/text.ts';
import type { RowExpr } from '../../model/plan.ts';
import { type ListedTag, listedValues } from '../../scan/listed-values.ts';
import { compileTagCondition, tagConjuncts } from '../../scan/tag-condition.ts';
import { type MeasurementIndex, noSlot } from './measurement-index.ts';
import type { TagColumn } from './tag-column.ts';

/** A tag that must have one of some values. */
interface Listing {
  readonly column: TagColumn | undefined;
  /** Of the values that some series had; empty = no series passes. */
  readonly codes: ReadonlySet<number>;
}

function asListing(expr: RowExpr, measurement: MeasurementIndex): Listing | undefined {
  const listed = listedValues(expr);
  if (listed === undefined) return undefined;
  const column = measurement.tags.get(listed.tag);
  const codes = new Set<number>();
  for (const value of listed.values) {
    const code = column?.codeOfValue(encodeText(value)) ?? 0;
    if (code !== 0) codes.add(code);
  }
  return { column, codes };
}

/** Adds the tags an expression names; false = it depends on something else too. */
function collectTags(expr: RowExpr, into: Set<string>): boolean {
  switch (expr.kind) {
    case 'tag':
      into.add(expr.name);
      return true;
    case 'field':
    case 'measurement':
      return false;
    case 'binary':
      return collectTags(expr.left, into) && collectTags(expr.right, into);
    case 'call':
      return expr.args.every((arg) => collectTags(arg, into));
    default:
      return true;
  }
}

type Filter = (ordinal: number) => boolean;

/** How often a condition was worked out, which may take long where values are. */
interface Looks {
  count: number;
}

/** A condition on one tag, asked once per distinct value; undefined = it is not one. */
function asFilter(expr: RowExpr, measurement: MeasurementIndex, looks: Looks): Filter | undefined {
  const tags = new Set<string>();
  if (!collectTags(expr, tags) || tags.size !== 1) return undefined;
  const [key] = tags;
  const column = measurement.tags.get(key!);
  const passes = compileTagCondition(expr);
  const known: (boolean | undefined)[] = [];
  return (ordinal) => {
    const code = column?.codeOf(ordinal) ?? 0;
    const before = known[code];
    if (before !== undefined) return before;
    const pairs: [string, string][] = code === 0 ? [] : [[key!, column!.valueOf(code)]];
    looks.count++;
    const result = passes({ measurement: measurement.name, tags: pairs });
    known[code] = result;
    return result;
  };
}

/** True: of a tag that must have one of some values no series has any. Costs one look per value. */
export function excludesAll(measurement: MeasurementIndex, listed: readonly ListedTag[]): boolean {
  return listed.some(({ tag, values }) => {
    const column = measurement.tags.get(tag);
    return column === undefined || values.every((value) => column.codeOfValue(value) === 0);
  });
}

/** Of series that do not pass, between two pauses. */
const refusedMax = 1_024;

/**
 * Slots of the series that may pass, in order of arrival. Between them `noSlot` comes where a value was looked at, or many
 * series were, and none passed: a place to breathe.
 */
export function* selectSlots(
  measurement: MeasurementIndex,
  where: RowExpr | undefined,
): Generator<number> {
  const filters: Filter[] = [];
  const looks: Looks = { count: 0 };
  let shortest: Uint32Array | undefined;
  for (const conjunct of tagConjuncts(where)) {
    const listing = asListing(conjunct, measurement);
    if (listing === undefined) {
      const filter = asFilter(conjunct, measurement, looks);
      if (filter !== undefined) filters.push(filter);
      continue;
    }
    const { column, codes } = listing;
    if (column === undefined || codes.size === 0) return;
    const list = column.ordinalsOf(codes);
    if (shortest === undefined || list.length < shortest.length) shortest = list;
    filters.push((ordinal) => codes.has(column.codeOf(ordinal)));
  }
  const count = shortest?.length ?? measurement.slots.length;
  let looksBefore = 0;
  for (let i = 0; i < count; i++) {
    const ordinal = shortest === undefined ? i : shortest[i]!;
    const slot = measurement.slots.values[ordinal]!;
    if (slot !== noSlot && filters.every((filter) => filter(ordinal))) yield slot;
    else if (looks.count > looksBefore || i % refusedMax === 0) yield noSlot;
    looksBefore = looks.count;
  }
}

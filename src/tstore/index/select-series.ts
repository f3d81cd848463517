/**
 * Which series of a measurement a condition over tags can leave: by inverted lists for `tag = 'value'`, by
 * one look per distinct value for other conditions on one tag. What is left over is for the caller to check.
 */

import { encodeText } from '../../base/text.ts';
import type { RowExpr } from '../../model/plan.ts';
import { compileTagCondition, tagConjuncts } from '../../scan/tag-condition.ts';
import { type MeasurementIndex, noSlot } from './measurement-index.ts';
import type { TagColumn } from './tag-column.ts';

interface Equality {
  readonly column: TagColumn | undefined;
  /** 0 = no series has the value. */
  readonly code: number;
}

/** `tag = 'value'` either way round, the value not empty; else undefined. */
function asEquality(expr: RowExpr, measurement: MeasurementIndex): Equality | undefined {
  if (expr.kind !== 'binary' || expr.op !== '=') return undefined;
  const { left, right } = expr;
  const tag = left.kind === 'tag' ? left : right;
  const literal = left.kind === 'tag' ? right : left;
  if (tag.kind !== 'tag' || literal.kind !== 'string' || literal.value === '') return undefined;
  const column = measurement.tags.get(tag.name);
  return { column, code: column?.codeOfValue(encodeText(literal.value)) ?? 0 };
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

/** A condition on one tag, asked once per distinct value; undefined = it is not one. */
function asFilter(expr: RowExpr, measurement: MeasurementIndex): Filter | undefined {
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
    const result = passes({ measurement: measurement.name, tags: pairs });
    known[code] = result;
    return result;
  };
}

/** True: some `tag = 'value'` that must hold has no series. Costs one look per condition. */
export function excludesAll(measurement: MeasurementIndex, where: RowExpr | undefined): boolean {
  return tagConjuncts(where).some((conjunct) => asEquality(conjunct, measurement)?.code === 0);
}

/** Slots of the series that may pass, in order of arrival. Bounded work per series. */
export function* selectSlots(
  measurement: MeasurementIndex,
  where: RowExpr | undefined,
): Generator<number> {
  const equalities: Equality[] = [];
  const filters: Filter[] = [];
  for (const conjunct of tagConjuncts(where)) {
    const equality = asEquality(conjunct, measurement);
    if (equality !== undefined) equalities.push(equality);
    else {
      const filter = asFilter(conjunct, measurement);
      if (filter !== undefined) filters.push(filter);
    }
  }
  let shortest: Uint32Array | undefined;
  for (const { column, code } of equalities) {
    if (column === undefined || code === 0) return;
    const list = column.ordinalsOf(code);
    if (shortest === undefined || list.length < shortest.length) shortest = list;
    filters.push((ordinal) => column.codeOf(ordinal) === code);
  }
  const count = shortest?.length ?? measurement.slots.length;
  for (let i = 0; i < count; i++) {
    const ordinal = shortest === undefined ? i : shortest[i]!;
    const slot = measurement.slots.values[ordinal]!;
    if (slot !== noSlot && filters.every((filter) => filter(ordinal))) yield slot;
  }
}

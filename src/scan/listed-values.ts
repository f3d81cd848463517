/**
 * Conditions that list values of a tag: `host = 'a' OR host = 'b'`, `host =~ /^(a|b)$/`. Inverted lists answer them.
 */

import { encodeText } from '../base/text.ts';
import type { RowExpr } from '../model/plan.ts';
import { literalsOf } from './pattern-literals.ts';
import { tagConjuncts } from './tag-condition.ts';

/** A tag that must have one of some values, none of them empty. */
export interface ListedValues {
  readonly tag: string;
  readonly values: readonly string[];
}

/** `tag = 'value'` either way round, or `tag =~ /^(a|b)$/`; else undefined. */
function readValues(expr: RowExpr): ListedValues | undefined {
  if (expr.kind !== 'binary') return undefined;
  const { op, left, right } = expr;
  const tag = left.kind === 'tag' ? left : right;
  const other = left.kind === 'tag' ? right : left;
  if (tag.kind !== 'tag') return undefined;
  if (op === '=' && other.kind === 'string' && other.value !== '') {
    return { tag: tag.name, values: [other.value] };
  }
  if (op !== '=~' || other.kind !== 'regex') return undefined;
  const values = literalsOf(other.pattern);
  return values && { tag: tag.name, values };
}

/** Adds what an OR of such conditions on one tag lists; false = it is none. */
function collectValues(expr: RowExpr, into: ListedValues[]): boolean {
  if (expr.kind === 'binary' && expr.op === 'or') {
    return collectValues(expr.left, into) && collectValues(expr.right, into);
  }
  const read = readValues(expr);
  if (read === undefined || (into.length > 0 && into[0]!.tag !== read.tag)) return false;
  into.push(read);
  return true;
}

/** The values that a condition lists of one tag; undefined = it says something else. */
export function listedValues(expr: RowExpr): ListedValues | undefined {
  const found: ListedValues[] = [];
  if (!collectValues(expr, found)) return undefined;
  const [first] = found;
  if (first === undefined || found.length === 1) return first;
  return { tag: first.tag, values: found.flatMap(({ values }) => values) };
}

/** The same as bytes. */
export interface ListedTag {
  readonly tag: string;
  readonly values: readonly Uint8Array[];
}

/** Tags of which every row must have one of the values, by the parts of a condition that say so. */
export function listedTags(where: RowExpr | undefined): readonly ListedTag[] {
  const found: ListedTag[] = [];
  for (const conjunct of tagConjuncts(where)) {
    const listed = listedValues(conjunct);
    if (listed !== undefined)
      found.push({ tag: listed.tag, values: listed.values.map(encodeText) });
  }
  return found;
}

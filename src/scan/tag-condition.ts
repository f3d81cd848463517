/**
 * Conditions over tags alone: which part of a condition the tag index can decide, and whether one
 * series passes it. Serves the index, schema questions and deletes.
 */

import type { RowExpr } from '../model/plan.ts';
import type { SeriesName } from '../model/series-key.ts';
import { foldExpr, type TagSource } from './fold-expr.ts';

/**
 * The conjuncts of `where` that mention no field: each must hold for a series to take part, so the
 * index may narrow by each. Empty = no help.
 */
export function tagConjuncts(where: RowExpr | undefined): readonly RowExpr[] {
  if (!where) return [];
  if (where.kind === 'binary' && where.op === 'and') {
    return [...tagConjuncts(where.left), ...tagConjuncts(where.right)];
  }
  return mentionsField(where) ? [] : [where];
}

function mentionsField(expr: RowExpr): boolean {
  switch (expr.kind) {
    case 'field':
      return true;
    case 'binary':
      return mentionsField(expr.left) || mentionsField(expr.right);
    case 'call':
      return expr.args.some(mentionsField);
    default:
      return false;
  }
}

/** A compiled condition over tags: true = the series passes. Fields in it count as missing. */
export function compileTagCondition(where: RowExpr | undefined): (name: SeriesName) => boolean {
  if (!where) return () => true;
  const condition = withoutFields(where);
  return (name) => {
    const folded = foldExpr(condition, tagSource(name));
    return folded.kind === 'boolean' && folded.value;
  };
}

function withoutFields(expr: RowExpr): RowExpr {
  switch (expr.kind) {
    case 'field':
      return { kind: 'null' };
    case 'binary':
      return { ...expr, left: withoutFields(expr.left), right: withoutFields(expr.right) };
    case 'call':
      return { ...expr, args: expr.args.map(withoutFields) };
    default:
      return expr;
  }
}

export function tagSource(name: SeriesName): TagSource {
  return {
    measurement: name.measurement,
    tag(key) {
      for (const tag of name.tags) if (tag[0] === key) return tag[1];
      return '';
    },
  };
}

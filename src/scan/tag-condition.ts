/**
 * Conditions over tags alone: which part of a condition the tag index can decide, and whether one
 * series passes it. Serves the index, schema questions and deletes.
 */

import type { RowExpr } from '../model/plan.ts';
import type { SeriesName } from '../model/series-key.ts';

/**
 * The conjuncts of `where` that mention no field: each must hold for a series to take part, so the
 * index may narrow by each. Empty = no help.
 */
export function tagConjuncts(where: RowExpr | undefined): readonly RowExpr[] {
  throw new Error(`not there yet: ${where?.kind}`);
}

/** A compiled condition over tags: true = the series passes. Fields in it count as missing. */
export function compileTagCondition(where: RowExpr | undefined): (name: SeriesName) => boolean {
  throw new Error(`not there yet: ${where?.kind}`);
}

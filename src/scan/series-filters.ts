/**
 * What a condition leaves to check per series: nothing (true or false), or a mask over rows. Series
 * that agree in the tags the condition names share it, so it is compiled once per combination.
 */

import type { RowExpr } from '../model/plan.ts';
import { foldExpr, type TagSource } from './fold-expr.ts';

const combinationsMax = 65_536;

export class SeriesFilters<Mask> {
  readonly #where: RowExpr | undefined;
  readonly #compile: (rest: RowExpr) => Mask;
  readonly #tags: readonly string[];
  readonly #known = new Map<string, boolean | Mask>();

  constructor(where: RowExpr | undefined, compile: (rest: RowExpr) => Mask) {
    this.#where = where;
    this.#compile = compile;
    const tags = new Set<string>();
    if (where) collectTags(where, tags);
    this.#tags = [...tags];
  }

  /** True: every row passes; false: none does. */
  filterOf(tags: TagSource): boolean | Mask {
    if (!this.#where) return true;
    const key = this.#tags.map((tag) => tags.tag(tag)).join('\0');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const rest = foldExpr(this.#where, tags);
    const filter = isDecided(rest) ? rest.kind === 'boolean' && rest.value : this.#compile(rest);
    if (this.#known.size >= combinationsMax) this.#known.clear();
    this.#known.set(key, filter);
    return filter;
  }
}

/** A literal: only the boolean true lets rows pass. */
function isDecided(expr: RowExpr): boolean {
  return expr.kind !== 'field' && expr.kind !== 'binary' && expr.kind !== 'call';
}

function collectTags(expr: RowExpr, tags: Set<string>): void {
  if (expr.kind === 'tag') tags.add(expr.name);
  if (expr.kind === 'call') for (const arg of expr.args) collectTags(arg, tags);
  if (expr.kind === 'binary') {
    collectTags(expr.left, tags);
    collectTags(expr.right, tags);
  }
}

/** "Did you mean": the known name closest to what was typed. */

const editsMax = 3;

/** Edits (insert, delete, replace, swap neighbours) from `a` to `b`. */
export function countEdits(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [
    i,
    ...new Array<number>(b.length).fill(0),
  ]);
  rows[0] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(replaced, rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) edits = Math.min(edits, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = edits;
    }
  }
  return rows[a.length]![b.length]!;
}

/** The closest of `known`, or undefined when nothing is close. */
export function suggest(typed: string, known: readonly string[]): string | undefined {
  const wanted = typed.toLowerCase().replaceAll('_', '-');
  const limit = Math.min(editsMax, Math.max(1, Math.floor(wanted.length / 2)));
  const ranked = known
    .map((name) => ({ name, edits: countEdits(wanted, name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  if (best !== undefined && best.edits <= limit) return best.name;
  const longer = known.filter((name) => wanted.length >= 3 && name.startsWith(wanted));
  return longer.length === 1 ? longer[0] : undefined;
}

/** `; did you mean -http?`, or nothing. */
export function describeSuggestion(typed: string, known: readonly string[], prefix = ''): string {
  const name = suggest(typed, known);
  return name === undefined ? '' : `; did you mean ${prefix}${name}?`;
}

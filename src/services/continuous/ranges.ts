/** Sets of stretches of time: sorted, apart from each other, of a bounded number. Pure. */

/** [from, until) in ns since the Unix epoch, not empty. */
export interface Range {
  readonly from: bigint;
  readonly until: bigint;
}

/** Joins what touches; what is too many for `countMax` is joined across the narrowest gaps. */
export function joinRanges(ranges: readonly Range[], countMax: number): Range[] {
  const sorted = [...ranges].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const joined: Range[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last === undefined || range.from > last.until) joined.push(range);
    else if (range.until > last.until) joined[joined.length - 1] = { ...last, until: range.until };
  }
  return joined.length <= countMax ? joined : closeGaps(joined, countMax);
}

function closeGaps(ranges: readonly Range[], countMax: number): Range[] {
  const gaps = ranges
    .slice(1)
    .map((range, i) => ({ at: i + 1, size: range.from - ranges[i]!.until }));
  gaps.sort((a, b) => (a.size > b.size ? -1 : a.size < b.size ? 1 : a.at - b.at));
  const starts = [0, ...gaps.slice(0, countMax - 1).map(({ at }) => at)].sort((a, b) => a - b);
  return starts.map((start, i) => {
    const end = (starts[i + 1] ?? ranges.length) - 1;
    return { from: ranges[start]!.from, until: ranges[end]!.until };
  });
}

/** What of the ranges lies in [from, until). */
export function clipRanges(ranges: readonly Range[], { from, until }: Range): Range[] {
  return ranges
    .map((range) => ({
      from: range.from > from ? range.from : from,
      until: range.until < until ? range.until : until,
    }))
    .filter((range) => range.from < range.until);
}

export function coversRange(ranges: readonly Range[], { from, until }: Range): boolean {
  return ranges.some((range) => range.from <= from && until <= range.until);
}

/** What is left of the ranges without [from, until). */
export function cutRange(ranges: readonly Range[], { from, until }: Range): Range[] {
  return ranges.flatMap((range) =>
    [
      { from: range.from, until: range.until < from ? range.until : from },
      { from: range.from > until ? range.from : until, until: range.until },
    ].filter((rest) => rest.from < rest.until),
  );
}

/**
 * Cuts a stretch of time so that each slice holds a bounded number of rows, judged by the bounds and
 * counts of chunks and segments, as if rows were spread evenly inside them.
 */

/** Rows [min, max] (offsets, inclusive), `count` of them. */
export interface Weight {
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** Inclusive offsets. */
export interface Slice {
  readonly min: number;
  readonly max: number;
}

const binCount = 256;
const depthMax = 6;

function fillBins(weights: readonly Weight[], min: number, width: number): Float64Array {
  const bins = new Float64Array(binCount);
  const span = width * binCount;
  for (const weight of weights) {
    const from = Math.max(weight.min, min) - min;
    const until = Math.min(weight.max, min + span - 1) - min;
    if (from > until) continue;
    const density = weight.count / (weight.max - weight.min + 1);
    const first = Math.floor(from / width);
    const last = Math.floor(until / width);
    for (let i = first; i <= last; i++) {
      const covered = Math.min(until + 1, (i + 1) * width) - Math.max(from, i * width);
      bins[i]! += density * covered;
    }
  }
  return bins;
}

function cut(
  weights: readonly Weight[],
  min: number,
  max: number,
  rowsMax: number,
  depth: number,
  out: Slice[],
): void {
  let total = 0;
  for (const { count } of weights) total += count;
  if (total <= rowsMax || max - min < 1 || depth > depthMax) {
    out.push({ min, max });
    return;
  }
  const width = Math.max(1, Math.ceil((max - min + 1) / binCount));
  const bins = fillBins(weights, min, width);
  let from = min;
  let rows = 0;
  const close = (until: number) => {
    if (until > from) out.push({ min: from, max: until - 1 });
    from = until;
    rows = 0;
  };
  for (let i = 0; i < binCount && min + i * width <= max; i++) {
    const start = min + i * width;
    const end = Math.min(start + width, max + 1);
    if (rows > 0 && rows + bins[i]! > rowsMax) close(start);
    if (bins[i]! > rowsMax && width > 1) {
      close(start);
      const inside = weights.filter((weight) => weight.min < end && weight.max >= start);
      cut(inside, start, end - 1, rowsMax, depth + 1, out);
      from = end;
    } else {
      rows += bins[i]!;
    }
  }
  close(max + 1);
}

/** Slices of [min, max], ascending, without gaps. */
export function cutIntoSlices(
  weights: readonly Weight[],
  min: number,
  max: number,
  rowsMax: number,
): Slice[] {
  const out: Slice[] = [];
  cut(weights, min, max, rowsMax, 0, out);
  return out;
}

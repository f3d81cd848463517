/**
 * Order of gathered rows: by time, equal times by rank of their series, all of it reversed when descending. The
 * rows lie in pieces that are each in order, so merging neighbours pairwise is enough; a gather that is in order already
 * costs one comparison per piece.
 */

export interface RowKeys {
  readonly times: BigInt64Array;
  readonly ranks: Uint32Array;
  readonly descending: boolean;
}

function isBefore(keys: RowKeys, a: number, b: number): boolean {
  const timeA = keys.times[a]!;
  const timeB = keys.times[b]!;
  if (timeA !== timeB) return timeA < timeB !== keys.descending;
  return keys.ranks[a]! < keys.ranks[b]! !== keys.descending;
}

/** Row numbers in order; undefined when they are in order as they lie. `ends` closes each piece. */
export function orderRows(keys: RowKeys, ends: readonly number[]): Uint32Array | undefined {
  if (ends.every((end, i) => i === ends.length - 1 || isBefore(keys, end - 1, end)))
    return undefined;
  const count = keys.times.length;
  let from = new Uint32Array(count);
  for (let row = 0; row < count; row++) from[row] = row;
  let into = new Uint32Array(count);
  let bounds = [...ends];
  while (bounds.length > 1) {
    const joined: number[] = [];
    let start = 0;
    for (let i = 0; i < bounds.length; i += 2) {
      const middle = bounds[i]!;
      const end = bounds[i + 1] ?? middle;
      mergePair(keys, from, into, start, middle, end);
      joined.push(end);
      start = end;
    }
    [from, into] = [into, from];
    bounds = joined;
  }
  return from;
}

function mergePair(
  keys: RowKeys,
  from: Uint32Array,
  into: Uint32Array,
  start: number,
  middle: number,
  end: number,
): void {
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    const takesRight =
      left === middle || (right < end && isBefore(keys, from[right]!, from[left]!));
    into[at] = takesRight ? from[right++]! : from[left++]!;
  }
}

/** out[at + i] := base + offsets[i], by 32-bit halves: a BigInt per row would cost ten times as much. */
export function writeTimes(
  base: bigint,
  offsets: Float64Array,
  out: BigInt64Array,
  at: number,
): void {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length * 2);
  const low = Number(BigInt.asUintN(32, base));
  const high = Number(BigInt.asIntN(32, base >> 32n));
  let word = 2 * at;
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i]!;
    const top = Math.floor(offset / 0x1_0000_0000);
    const sum = low + (offset - top * 0x1_0000_0000);
    words[word++] = sum;
    words[word++] = high + top + (sum > 0xffffffff ? 1 : 0);
  }
}

/** times[rows[i]] for each i, by 32-bit halves. */
export function pickTimes(times: BigInt64Array, rows: Uint32Array): BigInt64Array {
  const words = new Uint32Array(times.buffer, times.byteOffset, times.length * 2);
  const picked = new Uint32Array(rows.length * 2);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    picked[2 * i] = words[2 * row]!;
    picked[2 * i + 1] = words[2 * row + 1]!;
  }
  return new BigInt64Array(picked.buffer);
}

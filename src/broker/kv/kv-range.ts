/** Ranges of keys. */

import { compareBytes } from '../../base/bytes.ts';

/** The least byte string above all that begin with `prefix`; undefined = there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  let size = prefix.length;
  while (size > 0 && prefix[size - 1] === 0xff) size--;
  if (size === 0) return undefined;
  const end = prefix.slice(0, size);
  end[size - 1]!++;
  return end;
}

export interface KeyRange {
  readonly from: Uint8Array;
  readonly until: Uint8Array | undefined;
}

/** Keys of both; undefined = none can be. */
export function narrow(range: KeyRange, prefix: Uint8Array): KeyRange | undefined {
  const end = prefixEnd(prefix);
  const from = compareBytes(range.from, prefix) < 0 ? prefix : range.from;
  const { until: own } = range;
  const until = own === undefined || (end !== undefined && compareBytes(end, own) < 0) ? end : own;
  if (until !== undefined && compareBytes(from, until) >= 0) return undefined;
  return { from, until };
}

/** The least key above this one. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

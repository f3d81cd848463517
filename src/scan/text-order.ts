/** Order of strings by their bytes (base/text.ts), as InfluxDB sorts keys, tag values and strings. */

import { compareBytes } from '../base/bytes.ts';
import { encodeText } from '../base/text.ts';

/** Negative, 0 or positive. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) {
    const difference = a.charCodeAt(i) - b.charCodeAt(i);
    if (difference === 0) continue;
    // Code units order as bytes do, but for surrogates: pairs, and bytes that were no UTF-8.
    if (a.charCodeAt(i) < 0xd800 && b.charCodeAt(i) < 0xd800) return difference;
    return compareBytes(encodeText(a), encodeText(b));
  }
  return a.length - b.length;
}

/** A time as RFC 3339 text, for tables that always show it so. */

import { ByteWriter } from './byte-writer.ts';
import { TimeText } from './time-text.ts';

const sizeMax = 40;
const words = new Int32Array(2);
const word64 = new BigInt64Array(words.buffer);

/** `ns` since the Unix epoch. */
export function formatTime(ns: bigint): string {
  word64[0] = ns;
  const out = new ByteWriter(sizeMax);
  new TimeText(undefined, undefined).write(out, words[0] ?? 0, words[1] ?? 0);
  return Buffer.from(out.take()).toString('latin1');
}

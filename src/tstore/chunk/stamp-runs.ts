/**
 * Stamps of the cells of a column, run by run of rows.
 *
 * Stored: run count (unsigned), then per run its row count (unsigned), its hlc less the hlc of the
 * run before (signed; the first from 0), and, unless the hlc is 0, its origin (unsigned: 0 after all, else
 * index + 1).
 */

import type { ByteReader } from '../codec/byte-reader.ts';
import { corruptChunk } from '../codec/byte-reader.ts';
import type { ByteWriter } from '../codec/byte-writer.ts';

/** Origin index of a stamp that orders after every origin (of a row that once was without a stamp). */
export const afterAllOrigins = 0xffffffff;

/**
 * Run i covers rows [ends[i - 1] or 0, ends[i]); the last end is the row count. hlcs[i] = 0: no stamp,
 * the chunk's `stableHlc` (after every origin) stands in. origins[i] indexes the chunk's origin
 * table. What is said of rows without a value does not count.
 */
export interface StampRuns {
  readonly ends: Uint32Array;
  readonly hlcs: Float64Array;
  readonly origins: Uint32Array;
}

export function encodeStampRuns(writer: ByteWriter, runs: StampRuns): void {
  const { ends, hlcs, origins } = runs;
  writer.unsigned(ends.length);
  for (let i = 0; i < ends.length; i++) {
    writer.unsigned(ends[i]! - (i === 0 ? 0 : ends[i - 1]!));
    writer.signed(hlcs[i]! - (i === 0 ? 0 : hlcs[i - 1]!));
    if (hlcs[i] !== 0) writer.unsigned(origins[i] === afterAllOrigins ? 0 : origins[i]! + 1);
  }
}

export function decodeStampRuns(
  reader: ByteReader,
  rowCount: number,
  originCount: number,
): StampRuns {
  const count = reader.unsigned();
  if (count === 0 || count > rowCount) throw corruptChunk('has stamp runs out of range');
  const ends = new Uint32Array(count);
  const hlcs = new Float64Array(count);
  const origins = new Uint32Array(count);
  let end = 0;
  let hlc = 0;
  for (let i = 0; i < count; i++) {
    const length = reader.unsigned();
    if (length === 0 || length > rowCount - end) throw corruptChunk('has stamp runs out of range');
    end += length;
    hlc += reader.signed();
    if (!(hlc >= 0 && hlc <= Number.MAX_SAFE_INTEGER))
      throw corruptChunk('has a stamp out of range');
    ends[i] = end;
    hlcs[i] = hlc;
    const origin = hlc === 0 ? 1 : reader.unsigned();
    if (hlc !== 0 && origin > originCount) throw corruptChunk('has an origin out of range');
    origins[i] = origin === 0 ? afterAllOrigins : origin - 1;
  }
  if (end !== rowCount) throw corruptChunk('has stamp runs out of range');
  return { ends, hlcs, origins };
}

export function equalStampRuns(a: StampRuns, b: StampRuns): boolean {
  if (a === b) return true;
  if (a.ends.length !== b.ends.length) return false;
  for (let i = 0; i < a.ends.length; i++) {
    if (a.ends[i] !== b.ends[i] || a.hlcs[i] !== b.hlcs[i]) return false;
    if (a.origins[i] !== b.origins[i] && a.hlcs[i] !== 0) return false;
  }
  return true;
}

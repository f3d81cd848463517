/**
 * Bytes of a stored row: `k` (number of the table, big-endian, then the key) and `body`, which begins with
 * the stamp, so that SQLite's own comparison of two bodies is the comparison of their stamps.
 *
 * ```
 * body  0 u56 big-endian hlc    7 origin, 8 bytes    15 u8 flags (1 = deleted)
 *      16 u32 size of k         20 u32 size of the value
 *      24 u32 CRC-32 of bytes [0, 24), the value and k          28 value
 * ```
 * Little-endian but for the stamp and the table's number. A row on its way to or from a file is body, then k.
 */

import { ByteWriter } from '../../base/bytes.ts';
import { checksum } from './checksum.ts';

export const headSize = 28;
export const stampSize = 15;
export const prefixSize = 4;
export const deletedFlag = 1;
const coveredSize = 24;
const sumAt = 24;
const two24 = 2 ** 24;

/** Stamp of a row, as it stands in the body. */
export interface RowStamp {
  readonly hlc: number;
  /** 16 hex digits. */
  readonly origin: string;
}

/** Origins as bytes, each made once. */
export class OriginBytes {
  readonly #known = new Map<string, Uint8Array>();

  of(origin: string): Uint8Array {
    let bytes = this.#known.get(origin);
    if (bytes === undefined) {
      const out = new ByteWriter(8);
      out.u64(BigInt(`0x${origin}`));
      bytes = out.finish().reverse();
      this.#known.set(origin, bytes);
    }
    return bytes;
  }
}

export function writeHlc(target: Uint8Array, at: number, hlc: number): void {
  const high = Math.floor(hlc / two24);
  const low = hlc % two24;
  target[at] = Math.floor(high / two24);
  target[at + 1] = (high >>> 16) & 255;
  target[at + 2] = (high >>> 8) & 255;
  target[at + 3] = high & 255;
  target[at + 4] = low >>> 16;
  target[at + 5] = (low >>> 8) & 255;
  target[at + 6] = low & 255;
}

export function readHlc(source: Uint8Array, at: number): number {
  const high =
    source[at]! * two24 + ((source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!);
  return high * two24 + ((source[at + 4]! << 16) | (source[at + 5]! << 8) | source[at + 6]!);
}

const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function readOrigin(source: Uint8Array, at: number): string {
  let text = '';
  for (let i = at; i < at + 8; i++) text += hexOf[source[i]!]!;
  return text;
}

export function readWord(source: Uint8Array, at: number): number {
  return (
    (source[at]! | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24)) >>> 0
  );
}

export function writeWord(target: Uint8Array, at: number, word: number): void {
  target[at] = word & 255;
  target[at + 1] = (word >>> 8) & 255;
  target[at + 2] = (word >>> 16) & 255;
  target[at + 3] = word >>> 24;
}

/** The number of a table as keys begin with it. */
export function tablePrefix(table: number): Uint8Array {
  return Uint8Array.of(table >>> 24, (table >>> 16) & 255, (table >>> 8) & 255, table & 255);
}

export function readPrefix(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

/** A key of the file. */
export function fileKey(table: number, key: Uint8Array): Uint8Array {
  const k = new Uint8Array(prefixSize + key.length);
  k.set(tablePrefix(table));
  k.set(key, prefixSize);
  return k;
}

/** Whether body and k, wherever each lies, belong together and are unchanged. */
export function isSound(
  body: Uint8Array,
  bodyAt: number,
  valueSize: number,
  k: Uint8Array,
  kAt: number,
  kSize: number,
): boolean {
  let sum = checksum(body, bodyAt, bodyAt + coveredSize);
  sum = checksum(body, bodyAt + headSize, bodyAt + headSize + valueSize, sum);
  return checksum(k, kAt, kAt + kSize, sum) === readWord(body, bodyAt + sumAt);
}

/** Fills in the checksum of a row whose other bytes are all in place. */
export function sealRow(
  body: Uint8Array,
  bodyAt: number,
  valueSize: number,
  k: Uint8Array,
  kAt: number,
  kSize: number,
): void {
  let sum = checksum(body, bodyAt, bodyAt + coveredSize);
  sum = checksum(body, bodyAt + headSize, bodyAt + headSize + valueSize, sum);
  writeWord(body, bodyAt + sumAt, checksum(k, kAt, kAt + kSize, sum));
}

const two53 = 2 ** 53;

/** Whether an hlc read from bytes is one. */
export function isHlc(hlc: number): boolean {
  return hlc < two53;
}

/** Bodies of meta rows are small: a checksum over the table's number, the row's and its bytes. */
export function metaSum(table: number, no: number, body: Uint8Array): number {
  const head = new ByteWriter(16);
  head.u32(table);
  head.u32(no);
  return checksum(body, 0, body.length, checksum(head.written(), 0, head.size));
}

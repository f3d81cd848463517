/**
 * CRC-32, the polynomial of zlib, over short stretches without crossing into native code: a row of a hundred
 * bytes costs less here than the call alone costs there. Long stretches go to zlib; the result is the same.
 */

import { crc32 } from 'node:zlib';

const polynomial = 0xedb88320;
/** Above it zlib's own is quicker. */
const ownSizeMax = 384;

function makeTables(): readonly Uint32Array[] {
  const tables = Array.from({ length: 4 }, () => new Uint32Array(256));
  const [first, second, third, fourth] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    first[byte] = crc;
  }
  for (let byte = 0; byte < 256; byte++) {
    second[byte] = (first[byte]! >>> 8) ^ first[first[byte]! & 255]!;
    third[byte] = (second[byte]! >>> 8) ^ first[second[byte]! & 255]!;
    fourth[byte] = (third[byte]! >>> 8) ^ first[third[byte]! & 255]!;
  }
  return tables;
}

const [table0, table1, table2, table3] = makeTables() as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/** Of `bytes[from, until)`; `before`: the checksum of what comes before it. */
export function checksum(bytes: Uint8Array, from: number, until: number, before = 0): number {
  if (until - from > ownSizeMax) return crc32(bytes.subarray(from, until), before);
  let crc = ~before;
  let at = from;
  for (; at + 4 <= until; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      table3[crc & 255]! ^
      table2[(crc >>> 8) & 255]! ^
      table1[(crc >>> 16) & 255]! ^
      table0[crc >>> 24]!;
  }
  for (; at < until; at++) crc = (crc >>> 8) ^ table0[(crc ^ bytes[at]!) & 255]!;
  return ~crc >>> 0;
}

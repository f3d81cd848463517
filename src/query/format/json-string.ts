/**
 * Strings in JSON as Go's encoder writes them: `<`, `>`, `&`, U+2028 and U+2029 escaped, control
 * characters as \u00XX but for \n, \r and \t, and each byte that was no UTF-8 (a lone surrogate,
 * base/text.ts) as \ufffd.
 */

import type { ByteWriter } from './byte-writer.ts';

const hex = '0123456789abcdef';

/** 1 = stands for itself. */
const plain = new Uint8Array(128).fill(1, 32);
for (const special of '"\\<>&') plain[special.charCodeAt(0)] = 0;

function writeEscape(bytes: Uint8Array, at: number, code: number): number {
  bytes[at] = 92;
  const short = code === 10 ? 110 : code === 13 ? 114 : code === 9 ? 116 : 0;
  if (short !== 0 || code === 34 || code === 92) {
    bytes[at + 1] = short === 0 ? code : short;
    return at + 2;
  }
  bytes[at + 1] = 117;
  for (let i = 0; i < 4; i++) bytes[at + 2 + i] = hex.charCodeAt((code >> (12 - 4 * i)) & 15);
  return at + 6;
}

function writeWide(bytes: Uint8Array, at: number, code: number): number {
  if (code < 0x800) {
    bytes[at] = 0xc0 | (code >> 6);
    bytes[at + 1] = 0x80 | (code & 63);
    return at + 2;
  }
  if (code < 0x1_0000) {
    bytes[at] = 0xe0 | (code >> 12);
    bytes[at + 1] = 0x80 | ((code >> 6) & 63);
    bytes[at + 2] = 0x80 | (code & 63);
    return at + 3;
  }
  bytes[at] = 0xf0 | (code >> 18);
  bytes[at + 1] = 0x80 | ((code >> 12) & 63);
  bytes[at + 2] = 0x80 | ((code >> 6) & 63);
  bytes[at + 3] = 0x80 | (code & 63);
  return at + 4;
}

/** Whether the character cannot stand for itself: line separators and lone surrogates. */
function mustEscape(code: number): boolean {
  return code === 0x2028 || code === 0x2029 || (code & 0xf800) === 0xd800;
}

export function writeJsonString(out: ByteWriter, text: string): void {
  out.ensure(text.length * 6 + 2);
  const bytes = out.bytes;
  let at = out.size;
  bytes[at++] = 34;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 128) {
      if (plain[unit] === 1) bytes[at++] = unit;
      else at = writeEscape(bytes, at, unit);
      continue;
    }
    const code = (unit & 0xf800) === 0xd800 ? text.codePointAt(i)! : unit;
    if (code >= 0x1_0000) i++;
    if (code < 0x1_0000 && mustEscape(code)) {
      at = writeEscape(bytes, at, code === 0x2028 || code === 0x2029 ? code : 0xfffd);
    } else {
      at = writeWide(bytes, at, code);
    }
  }
  bytes[at++] = 34;
  out.size = at;
}

/**
 * Text and bytes. Names and strings come from clients as bytes that nobody checks to be UTF-8, and two
 * different byte strings must never become one name. Decoding is therefore lossless: a byte that is not
 * part of valid UTF-8 becomes a lone surrogate U+DC80..U+DCFF (its value + 0xDC00), which valid UTF-8
 * never yields, and encoding turns it back into that byte. Only what is shown to people (JSON, CSV)
 * replaces those by U+FFFD, see `printableText`.
 */

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const escapeBase = 0xdc00;
const shortSizeMax = 24;

/** Short ASCII, the usual name, without crossing into native code; undefined when it is something else. */
function decodeShortAscii(bytes: Uint8Array): string | undefined {
  let text = '';
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Size of the valid UTF-8 sequence at `at`, 0 when there is none. */
function sequenceSize(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + size > bytes.length) return 0;
  const second = bytes[at + 1]!;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let i = 2; i < size; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return size;
}

function decodeInvalid(bytes: Uint8Array): string {
  let text = '';
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const size = sequenceSize(bytes, at);
    if (size > 0) {
      at += size;
      continue;
    }
    text += strictDecoder.decode(bytes.subarray(start, at));
    text += String.fromCharCode(escapeBase + bytes[at]!);
    at++;
    start = at;
  }
  return text + strictDecoder.decode(bytes.subarray(start));
}

/** Lossless for any bytes; equal strings if and only if equal bytes. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length <= shortSizeMax) {
    const text = decodeShortAscii(bytes);
    if (text !== undefined) return text;
  }
  try {
    return strictDecoder.decode(bytes);
  } catch {
    // Not UTF-8: the rare path that keeps its bytes apart.
    return decodeInvalid(bytes);
  }
}

function isEscapedByte(unit: number): boolean {
  return unit >= escapeBase + 0x80 && unit <= escapeBase + 0xff;
}

const loneSurrogate = /\p{Surrogate}/u;
const loneSurrogates = /\p{Surrogate}/gu;

/** The other way round. */
function encodeShortAscii(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return undefined;
    bytes[i] = unit;
  }
  return bytes;
}

/** The bytes `decodeText` made the string from; any other lone surrogate becomes U+FFFD. */
export function encodeText(text: string): Uint8Array {
  if (text.length <= shortSizeMax) {
    const bytes = encodeShortAscii(text);
    if (bytes !== undefined) return bytes;
  }
  if (!loneSurrogate.test(text)) return encoder.encode(text);
  const parts: Uint8Array[] = [];
  for (const symbol of text) {
    const unit = symbol.charCodeAt(0);
    const escaped = symbol.length === 1 && isEscapedByte(unit);
    parts.push(escaped ? Uint8Array.of(unit - escapeBase) : encoder.encode(symbol));
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** For people and JSON: each byte that was not UTF-8 shown as U+FFFD. */
export function printableText(text: string): string {
  return loneSurrogate.test(text) ? text.replace(loneSurrogates, '\ufffd') : text;
}

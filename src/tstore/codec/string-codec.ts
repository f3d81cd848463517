/**
 * Strings: each one after the other (plain), or the distinct ones and a code per row (dictionary);
 * deflated where that pays.
 *
 * Layout of a text: codec of the sizes (1 byte), the sizes in bytes (integers), then the bytes (base/text.ts: lossless);
 * deflated bytes have their size (unsigned) in front. Plain: text. Dictionary: distinct count
 * (unsigned), text, codec of the codes (1 byte), codes (integers).
 */

import { Buffer, isAscii } from 'node:buffer';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { decodeText, encodeText } from '../../base/text.ts';
import type { ByteReader } from './byte-reader.ts';
import { corruptChunk } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { type CodecId, codecId } from './codec-id.ts';
import { decodeSafeIntegers, encodeSafeIntegers } from './integer-codec.ts';

export interface StringValues {
  readonly codes: Uint32Array;
  readonly dictionary: readonly string[];
}

/** Deflate is tried from this many bytes on, and kept when it saves an eighth. */
const deflateSizeMin = 96;

/** Ends a bomb: no chunk holds more text than this. */
const textSizeMax = 1 << 30;

export function encodeStrings(writer: ByteWriter, { codes, dictionary }: StringValues): CodecId {
  const compact = new Map<string, number>();
  const rowCodes = new Float64Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    const text = dictionary[codes[i]!]!;
    let code = compact.get(text);
    if (code === undefined) {
      code = compact.size;
      compact.set(text, code);
    }
    rowCodes[i] = code;
  }
  if (compact.size > codes.length / 2) {
    const texts = Array.from(codes, (code) => dictionary[code]!);
    return encodeTexts(writer, texts) ? codecId.stringPlainDeflated : codecId.stringPlain;
  }
  writer.unsigned(compact.size);
  const deflated = encodeTexts(writer, [...compact.keys()]);
  encodeNumbers(writer, rowCodes);
  return deflated ? codecId.stringDictionaryDeflated : codecId.stringDictionary;
}

function encodeNumbers(writer: ByteWriter, numbers: Float64Array): void {
  const at = writer.take(1);
  const codec = encodeSafeIntegers(writer, numbers, numbers.length);
  writer.bytes[at] = codec;
}

/** True when the bytes were deflated. */
function encodeTexts(writer: ByteWriter, texts: readonly string[]): boolean {
  const bytes = joinTexts(writer, texts);
  if (bytes.length >= deflateSizeMin) {
    const packed = deflateRawSync(bytes, { level: 1 });
    if (packed.length < bytes.length - bytes.length / 8) {
      writer.unsigned(packed.length);
      writer.raw(packed);
      return true;
    }
  }
  writer.raw(bytes);
  return false;
}

/** Writes the sizes and returns the bytes. */
function joinTexts(writer: ByteWriter, texts: readonly string[]): Uint8Array {
  const joined = texts.join('');
  if (Buffer.byteLength(joined, 'utf8') === joined.length) {
    encodeNumbers(
      writer,
      Float64Array.from(texts, (text) => text.length),
    );
    return Buffer.from(joined, 'latin1');
  }
  const parts = texts.map(encodeText);
  encodeNumbers(
    writer,
    Float64Array.from(parts, (part) => part.length),
  );
  return Buffer.concat(parts);
}

/** Undefined when the codec is not one of strings. */
export function decodeStrings(
  reader: ByteReader,
  codec: number,
  count: number,
): StringValues | undefined {
  switch (codec) {
    case codecId.stringPlain:
    case codecId.stringPlainDeflated: {
      const dictionary = decodeTexts(reader, count, codec === codecId.stringPlainDeflated);
      return { codes: Uint32Array.from(dictionary, (_, i) => i), dictionary };
    }
    case codecId.stringDictionary:
    case codecId.stringDictionaryDeflated:
      return decodeDictionary(reader, count, codec === codecId.stringDictionaryDeflated);
    default:
      return undefined;
  }
}

function decodeDictionary(reader: ByteReader, count: number, deflated: boolean): StringValues {
  const size = reader.unsigned();
  if (size === 0 || size > count) throw corruptChunk('has a dictionary out of range');
  const dictionary = decodeTexts(reader, size, deflated);
  const numbers = decodeNumbers(reader, count);
  const codes = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const code = numbers[i]!;
    if (!(code >= 0 && code < size)) throw corruptChunk('has a string code out of range');
    codes[i] = code;
  }
  return { codes, dictionary };
}

function decodeNumbers(reader: ByteReader, count: number): Float64Array {
  const numbers = decodeSafeIntegers(reader, reader.byte(), count);
  if (!numbers) throw corruptChunk('has string codes in a codec that is not one of integers');
  return numbers;
}

function decodeTexts(reader: ByteReader, count: number, deflated: boolean): string[] {
  const sizes = decodeNumbers(reader, count);
  let total = 0;
  for (const size of sizes) {
    if (!(size >= 0 && size <= textSizeMax)) throw corruptChunk('has a string size out of range');
    total += size;
  }
  if (total > textSizeMax) throw corruptChunk('has a string size out of range');
  const packed = reader.raw(deflated ? reader.unsigned() : total);
  return cutTexts(deflated ? inflate(packed, total) : packed, sizes);
}

function inflate(packed: Uint8Array, size: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch (cause) {
    throw corruptChunk(`has text that cannot be inflated: ${String(cause)}`);
  }
  if (bytes.length !== size) throw corruptChunk('has text of the wrong size');
  return bytes;
}

function cutTexts(bytes: Uint8Array, sizes: Float64Array): string[] {
  const whole = isAscii(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    : undefined;
  const texts: string[] = [];
  let at = 0;
  for (const size of sizes) {
    texts.push(whole?.substring(at, at + size) ?? decodeText(bytes.subarray(at, at + size)));
    at += size;
  }
  return texts;
}

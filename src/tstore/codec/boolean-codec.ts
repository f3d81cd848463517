/** Booleans: runs of alternating values (first value, then lengths), or one bit each, low bits first. */

import type { ByteReader } from './byte-reader.ts';
import { corruptChunk } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { type CodecId, codecId } from './codec-id.ts';

/** `values` are 0 or 1, at least one. */
export function encodeBooleans(writer: ByteWriter, values: Uint8Array): CodecId {
  let runs = 1;
  for (let i = 1; i < values.length; i++) if (values[i] !== values[i - 1]) runs++;
  if (1 + 2 * runs < values.length / 8 || runs === 1) {
    encodeRuns(writer, values);
    return codecId.booleanRuns;
  }
  encodeBits(writer, values);
  return codecId.booleanBits;
}

function encodeRuns(writer: ByteWriter, values: Uint8Array): void {
  writer.byte(values[0]!);
  for (let from = 0; from < values.length; ) {
    let until = from + 1;
    while (until < values.length && values[until] === values[from]) until++;
    writer.unsigned(until - from);
    from = until;
  }
}

/** Also the form of validity bitmaps. */
export function encodeBits(writer: ByteWriter, values: Uint8Array): void {
  const at = writer.take(Math.ceil(values.length / 8));
  writer.bytes.fill(0, at, writer.size);
  for (let i = 0; i < values.length; i++) {
    if (values[i]) writer.bytes[at + (i >>> 3)]! |= 1 << (i & 7);
  }
}

export function decodeBits(reader: ByteReader, count: number): Uint8Array {
  const out = new Uint8Array(count);
  const at = reader.skip(Math.ceil(count / 8));
  const { bytes } = reader;
  for (let i = 0; i < count; i++) out[i] = (bytes[at + (i >>> 3)]! >>> (i & 7)) & 1;
  return out;
}

function decodeRuns(reader: ByteReader, count: number): Uint8Array {
  const out = new Uint8Array(count);
  let value = reader.byte();
  if (value > 1) throw corruptChunk('has a boolean out of range');
  for (let from = 0; from < count; ) {
    const length = reader.unsigned();
    if (length === 0 || length > count - from) throw corruptChunk('has a run out of range');
    if (value) out.fill(1, from, from + length);
    value = 1 - value;
    from += length;
  }
  return out;
}

/** Undefined when the codec is not one of booleans. */
export function decodeBooleans(
  reader: ByteReader,
  codec: number,
  count: number,
): Uint8Array | undefined {
  if (codec === codecId.booleanRuns) return decodeRuns(reader, count);
  if (codec === codecId.booleanBits) return decodeBits(reader, count);
  return undefined;
}

/**
 * Codecs: the values of one column, rows without a value left out, to bytes and back.
 *
 * Lossless for every bit pattern of the type. The encoder picks the smallest form; the id says which.
 * Integers come back as doubles when every one is safe, else as 64-bit words (model/column.ts).
 */

import type { Column } from '../../model/column.ts';
import type { FieldType } from '../../model/field-type.ts';
import { decodeBooleans, encodeBooleans } from './boolean-codec.ts';
import type { ByteReader } from './byte-reader.ts';
import { corruptChunk } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import type { CodecId } from './codec-id.ts';
import { decodeFloats, encodeFloats } from './float-codec.ts';
import { decodeSigned, decodeUnsigned, encodeIntegers } from './integer-codec.ts';
import { decodeStrings, encodeStrings } from './string-codec.ts';

/** A column without validity: every row has a value, at least one row. */
export function encodeValues(writer: ByteWriter, column: Column): CodecId {
  switch (column.type) {
    case 'float':
      return encodeFloats(writer, column.values);
    case 'integer':
    case 'unsigned':
      return encodeIntegers(writer, column.values);
    case 'boolean':
      return encodeBooleans(writer, column.values);
    case 'string':
      return encodeStrings(writer, column);
  }
}

/** Throws `corrupt` when the bytes or the codec do not belong to the type. */
export function decodeValues(
  reader: ByteReader,
  type: FieldType,
  codec: number,
  count: number,
): Column {
  const column = decodeByType(reader, type, codec, count);
  if (!column) throw corruptChunk(`has a codec ${codec} that does not belong to type ${type}`);
  if (reader.at !== reader.until) throw corruptChunk('has bytes left over after a column');
  return column;
}

function decodeByType(
  reader: ByteReader,
  type: FieldType,
  codec: number,
  count: number,
): Column | undefined {
  switch (type) {
    case 'float': {
      const values = decodeFloats(reader, codec, count);
      return values && { type, values, valid: undefined };
    }
    case 'integer': {
      const values = decodeSigned(reader, codec, count);
      return values && { type, values, valid: undefined };
    }
    case 'unsigned': {
      const values = decodeUnsigned(reader, codec, count);
      return values && { type, values, valid: undefined };
    }
    case 'boolean': {
      const values = decodeBooleans(reader, codec, count);
      return values && { type, values, valid: undefined };
    }
    case 'string': {
      const strings = decodeStrings(reader, codec, count);
      return (
        strings && { type, codes: strings.codes, dictionary: strings.dictionary, valid: undefined }
      );
    }
  }
}

/** Messages of the reads of citadel.v1.KeyValue, both ways. Lists are views into the message. */

import { CitadelError } from '../../base/errors.ts';
import type { ByteList } from '../../model/key-list.ts';
import { emptyList, listFieldSize, readByteList, writeByteList } from './byte-list.ts';
import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

/** Room for the small fields of a message. */
const headRoom = 1024;
const noBytes = new Uint8Array(0);

export interface KvGetMessage {
  readonly table: string;
  readonly keys: ByteList;
  /** '' = one. */
  readonly read: string;
}

const getField = { table: 1, keys: 2, read: 3 } as const;

export function decodeGet(message: Uint8Array): KvGetMessage {
  let table = '';
  let keys = emptyList;
  let read = '';
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === getField.table) table = reader.text();
    else if (reader.field === getField.keys) keys = readByteList(reader.bytes);
    else if (reader.field === getField.read) read = reader.text();
  }
  return { table, keys, read };
}

export function encodeGet({ table, keys, read }: KvGetMessage): Buffer {
  const writer = new MessageWriter(listFieldSize(getField.keys, keys) + headRoom);
  writeByteList(writer.text(getField.table, table), getField.keys, keys);
  return writer.text(getField.read, read).finish();
}

/** Values of keys [start, start + present.length). */
export interface KvValuesMessage {
  readonly start: number;
  readonly present: Uint8Array;
  readonly values: ByteList;
}

const valuesField = { start: 1, present: 2, values: 3 } as const;

export function encodeValues({ start, present, values }: KvValuesMessage): Buffer {
  const size = listFieldSize(valuesField.values, values) + present.length + headRoom;
  const writer = new MessageWriter(size).varint(valuesField.start, start);
  writeByteList(writer.bytes(valuesField.present, present), valuesField.values, values);
  return writer.finish();
}

export function decodeValues(message: Uint8Array): KvValuesMessage {
  let start = 0;
  let present: Uint8Array = noBytes;
  let values = emptyList;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === valuesField.start) start = reader.number;
    else if (reader.field === valuesField.present) present = reader.bytes;
    else if (reader.field === valuesField.values) values = readByteList(reader.bytes);
  }
  if (present.length !== values.ends.length) {
    throw new CitadelError('corrupt', 'cannot read answer: counts of values differ');
  }
  return { start, present, values };
}

export interface KvListMessage {
  readonly table: string;
  readonly prefix: Uint8Array;
  readonly from: Uint8Array;
  /** Empty = no bound. */
  readonly until: Uint8Array;
  /** 0 = all. */
  readonly limit: number;
  readonly read: string;
}

const listField = { table: 1, prefix: 2, from: 3, until: 4, limit: 5, read: 6 } as const;

export function decodeList(message: Uint8Array): KvListMessage {
  const list = { table: '', prefix: noBytes, from: noBytes, until: noBytes, limit: 0, read: '' };
  const found: { -readonly [K in keyof KvListMessage]: KvListMessage[K] } = list;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === listField.table) found.table = reader.text();
    else if (reader.field === listField.prefix) found.prefix = reader.bytes;
    else if (reader.field === listField.from) found.from = reader.bytes;
    else if (reader.field === listField.until) found.until = reader.bytes;
    else if (reader.field === listField.limit) found.limit = reader.number;
    else if (reader.field === listField.read) found.read = reader.text();
  }
  return found;
}

export function encodeList({ table, prefix, from, until, limit, read }: KvListMessage): Buffer {
  const writer = new MessageWriter().text(listField.table, table).bytes(listField.prefix, prefix);
  writer.bytes(listField.from, from).bytes(listField.until, until).varint(listField.limit, limit);
  return writer.text(listField.read, read).finish();
}

export interface KvRowsMessage {
  readonly keys: ByteList;
  readonly values: ByteList;
}

const rowsField = { keys: 1, values: 2 } as const;

export function encodeRows({ keys, values }: KvRowsMessage): Buffer {
  const size = listFieldSize(rowsField.keys, keys) + listFieldSize(rowsField.values, values);
  const writer = new MessageWriter(size);
  writeByteList(writer, rowsField.keys, keys);
  writeByteList(writer, rowsField.values, values);
  return writer.finish();
}

export function decodeRows(message: Uint8Array): KvRowsMessage {
  let keys = emptyList;
  let values = emptyList;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === rowsField.keys) keys = readByteList(reader.bytes);
    else if (reader.field === rowsField.values) values = readByteList(reader.bytes);
  }
  if (keys.ends.length !== values.ends.length) {
    throw new CitadelError('corrupt', 'cannot read answer: counts of keys and values differ');
  }
  return { keys, values };
}

/** Messages of the writes of citadel.v1.KeyValue, both ways: the server's and the client's. Lists are views into the message. */

import type { ByteList } from '../../model/key-list.ts';
import { emptyList, listFieldSize, readByteList, writeByteList } from './byte-list.ts';
import { MessageReader, wrongMessage } from './message-reader.ts';
import { fieldSize, MessageWriter } from './message-writer.ts';

const writeIdSize = 16;
/** Room for the small fields of a message. */
const headRoom = 1024;
const noBytes = new Uint8Array(0);

/** Put or Delete: `values` undefined = delete. */
export interface KvWriteMessage {
  readonly table: string;
  readonly keys: ByteList;
  readonly values: ByteList | undefined;
  /** '' = the node's default. */
  readonly consistency: string;
  /** 16 bytes; undefined = none. */
  readonly writeId: Uint8Array | undefined;
  /** ms since the Unix epoch; 0 = none. */
  readonly notAfterMs: number;
}

const writeField = {
  table: 1,
  keys: 2,
  values: 3,
  consistency: 4,
  writeId: 5,
  notAfter: 6,
} as const;

function readWrite(message: Uint8Array, isPut: boolean): KvWriteMessage {
  let table = '';
  let keys = emptyList;
  let values = emptyList;
  let consistency = '';
  let writeId: Uint8Array | undefined;
  let notAfterMs = 0;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === writeField.table) table = reader.text();
    else if (reader.field === writeField.keys) keys = readByteList(reader.bytes);
    else if (reader.field === writeField.values) values = readByteList(reader.bytes);
    else if (reader.field === writeField.consistency) consistency = reader.text();
    else if (reader.field === writeField.writeId) writeId = reader.bytes;
    else if (reader.field === writeField.notAfter) notAfterMs = reader.number;
  }
  if (writeId?.length === 0) writeId = undefined;
  if (writeId !== undefined && writeId.length !== writeIdSize) {
    throw wrongMessage(`write_id has ${writeId.length} bytes, not ${writeIdSize}`);
  }
  if (isPut && keys.ends.length !== values.ends.length) {
    throw wrongMessage(`${keys.ends.length} keys and ${values.ends.length} values`);
  }
  return { table, keys, values: isPut ? values : undefined, consistency, writeId, notAfterMs };
}

export function decodePut(message: Uint8Array): KvWriteMessage {
  return readWrite(message, true);
}

export function decodeDelete(message: Uint8Array): KvWriteMessage {
  return readWrite(message, false);
}

export function encodeKvWrite(write: KvWriteMessage): Buffer {
  const { keys, values = emptyList } = write;
  const lists = listFieldSize(writeField.keys, keys) + listFieldSize(writeField.values, values);
  const writer = new MessageWriter(lists + headRoom).text(writeField.table, write.table);
  writeByteList(writer, writeField.keys, keys);
  writeByteList(writer, writeField.values, values);
  return writer
    .text(writeField.consistency, write.consistency)
    .bytes(writeField.writeId, write.writeId ?? noBytes)
    .varint(writeField.notAfter, write.notAfterMs)
    .finish();
}

const streamField = { id: 1, put: 2, delete: 3 } as const;

export interface KvStreamWrite {
  readonly id: number;
  readonly write: KvWriteMessage;
}

/** The number of the request, 0 when it cannot be read: for an answer that says so. */
export function idOfStreamWrite(message: Uint8Array): number {
  const reader = new MessageReader(message);
  while (reader.next()) if (reader.field === streamField.id) return reader.number;
  return 0;
}

export function decodeKvStreamWrite(message: Uint8Array): KvStreamWrite {
  let id = 0;
  let write: KvWriteMessage | undefined;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === streamField.id) id = reader.number;
    else if (reader.field === streamField.put) write = decodePut(reader.bytes);
    else if (reader.field === streamField.delete) write = decodeDelete(reader.bytes);
  }
  if (write === undefined) throw wrongMessage('it has neither put nor delete');
  return { id, write };
}

export function encodeKvStreamWrite({ id, write }: KvStreamWrite): Buffer {
  const inner = encodeKvWrite(write);
  const place = write.values === undefined ? streamField.delete : streamField.put;
  const writer = new MessageWriter(fieldSize(place, inner.length) + 16);
  return writer.varint(streamField.id, id).message(place, inner).finish();
}

export interface KvWriteAnswer {
  readonly id: number;
  readonly copies: number;
  readonly level: string;
  /** Of a request of a stream that failed. `details` is JSON. */
  readonly failure:
    | { readonly code: string; readonly message: string; readonly details: string }
    | undefined;
}

const answerField = { id: 1, copies: 2, level: 3, failure: 4 } as const;
const failureField = { code: 1, message: 2, details: 3 } as const;

export function encodeKvWriteAnswer({ id, copies, level, failure }: KvWriteAnswer): Buffer {
  const writer = new MessageWriter().varint(answerField.id, id);
  writer.varint(answerField.copies, copies).text(answerField.level, level);
  if (failure === undefined) return writer.finish();
  const inner = new MessageWriter().text(failureField.code, failure.code);
  inner.text(failureField.message, failure.message).text(failureField.details, failure.details);
  return writer.message(answerField.failure, inner.finish()).finish();
}

function readFailure(message: Uint8Array): KvWriteAnswer['failure'] {
  const failure = { code: '', message: '', details: '' };
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === failureField.code) failure.code = reader.text();
    else if (reader.field === failureField.message) failure.message = reader.text();
    else if (reader.field === failureField.details) failure.details = reader.text();
  }
  return failure;
}

export function decodeKvWriteAnswer(message: Uint8Array): KvWriteAnswer {
  let id = 0;
  let copies = 0;
  let level = '';
  let failure: KvWriteAnswer['failure'];
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === answerField.id) id = reader.number;
    else if (reader.field === answerField.copies) copies = reader.number;
    else if (reader.field === answerField.level) level = reader.text();
    else if (reader.field === answerField.failure) failure = readFailure(reader.bytes);
  }
  return { id, copies, level, failure };
}

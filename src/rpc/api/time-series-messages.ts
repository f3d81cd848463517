/** Messages of citadel.v1.TimeSeries, both ways: the server's and the client's. Lists are views into the message. */

import {
  type ApiColumn,
  decodeColumn,
  decodeTag,
  decodeValue,
  encodeColumn,
  encodeTag,
  encodeValue,
  type MixedCell,
  rowsOf,
  type TagPair,
  timesOf,
} from './column-messages.ts';
import { MessageReader, wrongMessage } from './message-reader.ts';
import { fieldSize, MessageWriter } from './message-writer.ts';

const headRoom = 1024;
const noBytes = new Uint8Array(0);

/** Points that share measurement, tags and fields. */
export interface PointBlock {
  readonly measurement: string;
  readonly tags: readonly TagPair[];
  /** ns since the Unix epoch. */
  readonly times: BigInt64Array;
  readonly fields: readonly { readonly name: string; readonly column: ApiColumn }[];
}

export interface WriteMessage {
  readonly id: number;
  readonly database: string;
  readonly policy: string;
  /** n, u, ms, s, m, h; '' = n. */
  readonly precision: string;
  readonly consistency: string;
  readonly lines: Uint8Array;
  readonly points: readonly PointBlock[];
}

const writeField = {
  id: 1,
  database: 2,
  policy: 3,
  precision: 4,
  consistency: 5,
  lines: 6,
  points: 7,
} as const;
const pointField = { measurement: 1, tags: 2, times: 3, fields: 4 } as const;
const namedField = { name: 1, column: 2 } as const;

function encodePoints({ measurement, tags, times, fields }: PointBlock): Buffer {
  const writer = new MessageWriter().text(pointField.measurement, measurement);
  for (const tag of tags) writer.message(pointField.tags, encodeTag(tag));
  writer.packed(pointField.times, times);
  for (const { name, column } of fields) {
    const inner = new MessageWriter().text(namedField.name, name);
    inner.message(namedField.column, encodeColumn(column));
    writer.message(pointField.fields, inner.finish());
  }
  return writer.finish();
}

function decodeField(message: Uint8Array, rowCount: number): PointBlock['fields'][number] {
  let name = '';
  let column: ApiColumn | undefined;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === namedField.name) name = reader.text();
    else if (reader.field === namedField.column) column = decodeColumn(reader.bytes);
  }
  if (column === undefined) throw wrongMessage(`field ${JSON.stringify(name)} has no values`);
  const count = rowsOf(column);
  const validCount = column.type === 'cells' ? count : (column.valid?.length ?? count);
  if (count !== rowCount || validCount !== rowCount) {
    throw wrongMessage(`field ${JSON.stringify(name)} has ${count} values for ${rowCount} times`);
  }
  return { name, column };
}

function decodePoints(message: Uint8Array): PointBlock {
  let measurement = '';
  const tags: TagPair[] = [];
  let times = noBytes as Uint8Array;
  const fields: Uint8Array[] = [];
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === pointField.measurement) measurement = reader.text();
    else if (reader.field === pointField.tags) tags.push(decodeTag(reader.bytes));
    else if (reader.field === pointField.times) times = reader.fixed64(times);
    else if (reader.field === pointField.fields) fields.push(reader.bytes);
  }
  const rowCount = times.length / 8;
  return {
    measurement,
    tags,
    times: timesOf(times),
    fields: fields.map((one) => decodeField(one, rowCount)),
  };
}

export function encodeWriteMessage(write: WriteMessage): Buffer {
  const writer = new MessageWriter(fieldSize(writeField.lines, write.lines.length) + headRoom);
  writer.varint(writeField.id, write.id).text(writeField.database, write.database);
  writer.text(writeField.policy, write.policy).text(writeField.precision, write.precision);
  writer.text(writeField.consistency, write.consistency).bytes(writeField.lines, write.lines);
  for (const block of write.points) writer.message(writeField.points, encodePoints(block));
  return writer.finish();
}

/** @throws CitadelError `invalid-argument` */
export function decodeWriteMessage(message: Uint8Array): WriteMessage {
  const found = { id: 0, database: '', policy: '', precision: '', consistency: '' };
  let lines: Uint8Array = noBytes;
  const points: PointBlock[] = [];
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === writeField.id) found.id = reader.number;
    else if (reader.field === writeField.database) found.database = reader.text();
    else if (reader.field === writeField.policy) found.policy = reader.text();
    else if (reader.field === writeField.precision) found.precision = reader.text();
    else if (reader.field === writeField.consistency) found.consistency = reader.text();
    else if (reader.field === writeField.lines) lines = reader.bytes;
    else if (reader.field === writeField.points) points.push(decodePoints(reader.bytes));
  }
  return { ...found, lines, points };
}

export interface WriteAnswer {
  readonly id: number;
  readonly copies: number;
  readonly level: string;
  /** '' = all was stored; each. */
  readonly code: string;
  readonly message: string;
}

const answerField = { id: 1, copies: 2, level: 3, code: 4, message: 5 } as const;

export function encodeWriteAnswerMessage(answer: WriteAnswer): Buffer {
  const writer = new MessageWriter().varint(answerField.id, answer.id);
  writer.varint(answerField.copies, answer.copies).text(answerField.level, answer.level);
  return writer
    .text(answerField.code, answer.code)
    .text(answerField.message, answer.message)
    .finish();
}

export function decodeWriteAnswerMessage(message: Uint8Array): WriteAnswer {
  const answer = { id: 0, copies: 0, level: '', code: '', message: '' };
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === answerField.id) answer.id = reader.number;
    else if (reader.field === answerField.copies) answer.copies = reader.number;
    else if (reader.field === answerField.level) answer.level = reader.text();
    else if (reader.field === answerField.code) answer.code = reader.text();
    else if (reader.field === answerField.message) answer.message = reader.text();
  }
  return answer;
}

export interface QueryMessage {
  readonly database: string;
  readonly policy: string;
  readonly query: string;
  readonly params: ReadonlyMap<string, MixedCell>;
}

const queryField = { database: 1, policy: 2, query: 3, params: 4 } as const;
const parameterField = { name: 1, value: 2 } as const;

export function encodeQuery({ database, policy, query, params }: QueryMessage): Buffer {
  const writer = new MessageWriter().text(queryField.database, database);
  writer.text(queryField.policy, policy).text(queryField.query, query);
  for (const [name, value] of params) {
    const parameter = new MessageWriter().text(parameterField.name, name);
    parameter.message(parameterField.value, encodeValue(value));
    writer.message(queryField.params, parameter.finish());
  }
  return writer.finish();
}

function readParam(message: Uint8Array): [string, MixedCell] {
  let name = '';
  let value: MixedCell = null;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === parameterField.name) name = reader.text();
    else if (reader.field === parameterField.value) value = decodeValue(reader.bytes);
  }
  return [name, value];
}

/** @throws CitadelError `invalid-argument` */
export function decodeQuery(message: Uint8Array): QueryMessage {
  const found = { database: '', policy: '', query: '' };
  const params = new Map<string, MixedCell>();
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === queryField.database) found.database = reader.text();
    else if (reader.field === queryField.policy) found.policy = reader.text();
    else if (reader.field === queryField.query) found.query = reader.text();
    else if (reader.field === queryField.params) params.set(...readParam(reader.bytes));
  }
  return { ...found, params };
}

/** Keys and values as answers: JSON `{"Key":...,"Value":...}`, base64 where bytes are not UTF-8, and binary. */

import { isUtf8 } from 'node:buffer';
import type { KvAnswer, KvRowsBlock, KvWriteReport } from '../../broker/key-values.ts';
import { kvOutcome } from '../../broker/key-values.ts';
import { type ByteList, itemOf } from '../../model/key-list.ts';
import { quoteJson } from '../server/error-reply.ts';
import { recordOp } from './kv-bodies.ts';

/** Names of entries shown in an error. */
const namedMax = 1000;

/** `"Key":"text"`, or `"KeyBase64":"..."` where it is asked for or the bytes are not UTF-8. */
function renderField(name: string, bytes: Uint8Array, isBase64: boolean): string {
  if (!isBase64 && isUtf8(bytes)) {
    return `"${name}":${JSON.stringify(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))}`;
  }
  return `"${name}Base64":"${Buffer.from(bytes).toString('base64')}"`;
}

export function renderItem(
  key: Uint8Array,
  value: Uint8Array | undefined,
  isBase64: boolean,
): string {
  const shown = value === undefined ? '"Value":null' : renderField('Value', value, isBase64);
  return `{${renderField('Key', key, isBase64)},${shown}}`;
}

export interface ListFacts {
  readonly isBase64: boolean;
  /** Infinity = all. */
  readonly limit: number;
  /** `{"items":[...],"cursor":...}` instead of the bare array. */
  readonly hasCursor: boolean;
}

/** Of the last key; undefined = the list came to its end. */
function cursorAfter(last: Uint8Array | undefined, count: number, limit: number) {
  return last === undefined || count < limit ? undefined : Buffer.from(last).toString('base64url');
}

export async function* renderList(
  blocks: AsyncIterable<KvRowsBlock>,
  { isBase64, limit, hasCursor }: ListFacts,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  let last: Uint8Array | undefined;
  let lead = hasCursor ? '{"items":[' : '[';
  for await (const { keys, values } of blocks) {
    const parts: string[] = [];
    for (let i = 0; i < keys.ends.length; i++) {
      parts.push(renderItem(itemOf(keys, i), itemOf(values, i), isBase64));
    }
    if (parts.length === 0) continue;
    count += parts.length;
    last = itemOf(keys, parts.length - 1);
    yield Buffer.from(`${lead}${parts.join(',\n')}`);
    lead = ',\n';
  }
  const cursor = cursorAfter(last, count, limit);
  const tail = hasCursor ? `],"cursor":${cursor === undefined ? 'null' : `"${cursor}"`}}\n` : ']\n';
  yield Buffer.from(count === 0 ? `${lead}${tail}` : tail);
}

function binaryRecord(op: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + 4 + part.length, 1);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes[0] = op;
  let at = 1;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

/** Ends with a record of its own, so that a list that was cut short shows. */
export async function* renderBinaryList(
  blocks: AsyncIterable<KvRowsBlock>,
  limit: number,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  let last: Uint8Array | undefined;
  for await (const { keys, values } of blocks) {
    const rows = keys.ends.length;
    const bytes = new Uint8Array(keys.bytes.length + values.bytes.length + rows * 9);
    let at = 0;
    for (let i = 0; i < rows; i++) {
      const record = binaryRecord(recordOp.value, itemOf(keys, i), itemOf(values, i));
      bytes.set(record, at);
      at += record.length;
    }
    if (rows === 0) continue;
    count += rows;
    last = itemOf(keys, rows - 1);
    yield bytes;
  }
  const cursor = cursorAfter(last, count, limit);
  yield binaryRecord(recordOp.end, Buffer.from(cursor ?? ''));
}

export function renderGet(keys: ByteList, answer: KvAnswer, isBase64: boolean): string {
  const parts: string[] = [];
  for (let i = 0; i < keys.ends.length; i++) {
    parts.push(renderItem(itemOf(keys, i), answer.value(i), isBase64));
  }
  return `[${parts.join(',\n')}]\n`;
}

export function renderBinaryGet(keys: ByteList, answer: KvAnswer): Buffer {
  const records: Uint8Array[] = [];
  for (let i = 0; i < keys.ends.length; i++) {
    const value = answer.value(i);
    const key = itemOf(keys, i);
    records.push(
      value === undefined
        ? binaryRecord(recordOp.absent, key)
        : binaryRecord(recordOp.value, key, value),
    );
  }
  records.push(binaryRecord(recordOp.end, new Uint8Array(0)));
  return Buffer.concat(records);
}

/** Numbers of entries with an outcome, from 0 in the order of the request. */
function numbersOf(outcomes: Uint8Array, outcome: number): number[] {
  const numbers: number[] = [];
  outcomes.forEach((one, i) => {
    if (one === outcome && numbers.length < namedMax) numbers.push(i);
  });
  return numbers;
}

function countOf(outcomes: Uint8Array, outcome: number): number {
  return outcomes.reduce((sum, one) => sum + (one === outcome ? 1 : 0), 0);
}

/** Which of the batch was applied: counts, and the numbers of the others, the first thousand of each. */
export function renderWriteError(message: string, { outcomes }: KvWriteReport): string {
  return `{"error":${quoteJson(message)},"entries":${outcomes.length},"applied":${countOf(outcomes, kvOutcome.applied)},"notApplied":${JSON.stringify(numbersOf(outcomes, kvOutcome.notApplied))},"unknown":${JSON.stringify(numbersOf(outcomes, kvOutcome.unknown))}}\n`;
}

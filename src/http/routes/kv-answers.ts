/** Keys and values as answers: JSON `{"Key":...,"Value":...}`, base64 where bytes are not UTF-8, and binary. */

import { isUtf8 } from 'node:buffer';
import { decodeText, encodeText } from '../../base/text.ts';
import type { KvAnswer, KvRowsBlock, KvWriteReport } from '../../broker/key-values.ts';
import { kvOutcome } from '../../broker/key-values.ts';
import { type ByteList, copyBytes, itemOf } from '../../model/key-list.ts';
import { quoteJson } from '../server/error-reply.ts';
import { recordOp } from './kv-bodies.ts';
import { base64Size, isPlainText, writeBase64 } from './plain-json.ts';

/** Names of entries shown in an error. */
const namedMax = 1000;

const quoteMark = 0x22;
const itemRoom = 64;
const textOf = (text: string) => encodeText(text);
const betweenItems = textOf(',\n');
const fieldNames = {
  key: { text: textOf('{"Key":"'), base64: textOf('{"KeyBase64":"') },
  value: { text: textOf(',"Value":"'), base64: textOf(',"ValueBase64":"') },
} as const;
const noValue = textOf(',"Value":null}');
const closeItem = 0x7d;

/** Items of an answer in bytes: `"Key":"text"`, or `"KeyBase64":"..."` where it is asked for or the bytes are not UTF-8. */
class ItemWriter {
  readonly #isBase64: boolean;
  #bytes: Uint8Array;
  #size = 0;
  count = 0;

  constructor(isBase64: boolean, capacity: number) {
    this.#isBase64 = isBase64;
    this.#bytes = new Uint8Array(capacity);
  }

  /** `lead`: before the first item. */
  begin(lead: string): void {
    this.#put(encodeText(lead));
  }

  add(key: Uint8Array, value: Uint8Array | undefined): void {
    if (this.count++ > 0) this.#put(betweenItems);
    this.#field(fieldNames.key, key);
    if (value === undefined) {
      this.#put(noValue);
      return;
    }
    this.#field(fieldNames.value, value);
    this.#reserve(1);
    this.#bytes[this.#size++] = closeItem;
  }

  finish(tail = ''): Buffer {
    this.#put(encodeText(tail));
    return Buffer.from(this.#bytes.buffer, 0, this.#size);
  }

  #field(name: (typeof fieldNames)['key' | 'value'], bytes: Uint8Array): void {
    const isPlain = !this.#isBase64 && isPlainText(bytes);
    if (isPlain || (!this.#isBase64 && isUtf8(bytes))) {
      this.#put(name.text);
      this.#put(isPlain ? bytes : escaped(bytes));
    } else {
      this.#put(name.base64);
      const size = base64Size(bytes.length);
      this.#reserve(size);
      writeBase64(bytes, this.#bytes, this.#size);
      this.#size += size;
    }
    this.#reserve(1);
    this.#bytes[this.#size++] = quoteMark;
  }

  #put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    copyBytes(bytes, 0, bytes.length, this.#bytes, this.#size);
    this.#size += bytes.length;
  }

  #reserve(size: number): void {
    const needed = this.#size + size;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}

/** Of UTF-8, as it stands between the quotes of a JSON string. */
function escaped(bytes: Uint8Array): Uint8Array {
  const quoted = JSON.stringify(decodeText(bytes));
  return encodeText(quoted.slice(1, -1));
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
    const rows = keys.ends.length;
    if (rows === 0) continue;
    const capacity = (keys.bytes.length + values.bytes.length) * 1.4 + rows * itemRoom;
    const items = new ItemWriter(isBase64, Math.ceil(capacity));
    items.begin(lead);
    for (let i = 0; i < rows; i++) items.add(itemOf(keys, i), itemOf(values, i));
    count += rows;
    last = itemOf(keys, rows - 1);
    yield items.finish();
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

export function renderGet(keys: ByteList, answer: KvAnswer, isBase64: boolean): Buffer {
  const count = keys.ends.length;
  const items = new ItemWriter(isBase64, keys.bytes.length * 2 + count * itemRoom);
  items.begin('[');
  for (let i = 0; i < count; i++) items.add(itemOf(keys, i), answer.value(i));
  return items.finish(']\n');
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

/**
 * Bodies of key-value requests -> batches: plain text as the first calls had it, JSON, and a binary form that
 * carries anything. docs/kv.md describes all three.
 */

import { CitadelError } from '../../base/errors.ts';
import { encodeText } from '../../base/text.ts';
import { type ByteList, ByteListBuilder } from '../../model/key-list.ts';
import { describeBadPair } from '../../model/kv-limits.ts';
import { readPlainItems } from './plain-json.ts';

export const binaryType = 'application/x-citadel-kv';
/** First byte of a binary record. */
export const recordOp = { put: 1, delete: 2, value: 1, absent: 3, end: 4 } as const;

export interface KvEntries {
  readonly keys: ByteList;
  readonly values: ByteList;
  readonly deleted: Uint8Array;
}

function refuse(message: string): never {
  throw new CitadelError('invalid-argument', message);
}

class EntryBuilder {
  readonly #keys: ByteListBuilder;
  readonly #values: ByteListBuilder;
  readonly #deleted: number[] = [];

  constructor(byteCapacity: number) {
    this.#keys = new ByteListBuilder(Math.min(byteCapacity, 1024 * 1024));
    this.#values = new ByteListBuilder(byteCapacity);
  }

  get count(): number {
    return this.#deleted.length;
  }

  /** `value` undefined = delete. `place` names the entry in errors. */
  add(key: Uint8Array, value: Uint8Array | undefined, place: string): void {
    const bad = describeBadPair(key.length, value?.length ?? 0);
    if (bad !== undefined) refuse(`${place}: ${bad}; nothing was applied`);
    this.#keys.add(key);
    this.#values.add(value ?? none);
    this.#deleted.push(value === undefined ? 1 : 0);
  }

  finish(): KvEntries {
    if (this.count === 0) refuse('the body has no entries');
    return {
      keys: this.#keys.take(),
      values: this.#values.take(),
      deleted: Uint8Array.from(this.#deleted),
    };
  }
}

const none = new Uint8Array(0);
const equalsSign = 0x3d;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const comma = 0x2c;

function* linesOf(body: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < body.length; ) {
    const found = body.indexOf(lineFeed, from);
    const end = found < 0 ? body.length : found;
    const isCr = end > from && body[end - 1] === carriageReturn;
    yield body.subarray(from, isCr ? end - 1 : end);
    from = end + 1;
  }
}

/** `key=value`, one pair a line; the first `=` divides. */
function readTextPairs(body: Uint8Array): KvEntries {
  const entries = new EntryBuilder(body.length);
  let line = 0;
  for (const pair of linesOf(body)) {
    line++;
    if (pair.length === 0) continue;
    const at = pair.indexOf(equalsSign);
    if (at < 0) refuse(`bad pair on line ${line}: no "="; nothing was applied`);
    entries.add(pair.subarray(0, at), pair.subarray(at + 1), `bad pair on line ${line}`);
  }
  return entries.finish();
}

/** Keys with commas or line ends between them. */
function readTextKeys(body: Uint8Array): KvEntries {
  const entries = new EntryBuilder(body.length);
  for (const line of linesOf(body)) {
    for (let from = 0; from <= line.length; ) {
      const found = line.indexOf(comma, from);
      const end = found < 0 ? line.length : found;
      if (end > from) entries.add(line.subarray(from, end), undefined, `key ${entries.count}`);
      from = end + 1;
    }
  }
  return entries.finish();
}

/** Strict: what is not base64 is an error, not a shorter key. Both alphabets, padding or none. */
export function decodeBase64(text: string, what: string): Uint8Array {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) refuse(`${what} is not base64`);
  return new Uint8Array(Buffer.from(text, 'base64'));
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : '';
    throw new CitadelError('invalid-argument', `cannot read JSON body: ${why}`, { cause });
  }
}

function itemsOf(json: unknown, name: string): readonly unknown[] {
  if (Array.isArray(json)) return json;
  if (typeof json === 'object' && json !== null && name in json) {
    const items = (json as Readonly<Record<string, unknown>>)[name];
    if (Array.isArray(items)) return items;
  }
  return refuse(`the JSON body is neither an array nor an object with an array "${name}"`);
}

/** Text under `name`, or bytes as base64 under `nameBase64`. */
function readBytes(item: object, name: string, place: string): Uint8Array | undefined {
  const fields = item as Readonly<Record<string, unknown>>;
  const text = fields[name];
  const base64 = fields[`${name}Base64`];
  if (text !== undefined && base64 !== undefined) {
    refuse(`${place}: both "${name}" and "${name}Base64"`);
  }
  if (typeof base64 === 'string') return decodeBase64(base64, `${place}: "${name}Base64"`);
  if (typeof text === 'string') return encodeText(text);
  if (text === undefined && base64 === undefined) return undefined;
  return refuse(`${place}: "${name}" is not a string`);
}

const conditions = ['If', 'IfAbsent', 'IfValue', 'IfVersion'];

/** Entries survive elections although nobody was told of them, so no condition can be promised yet. */
export function refuseCondition(): never {
  throw new CitadelError('unsupported', 'conditional puts are not implemented');
}

function readJsonPairs(body: Uint8Array): KvEntries {
  const plain = readPlainItems(body, true);
  if (plain !== undefined) return { ...plain, deleted: new Uint8Array(plain.keys.ends.length) };
  const entries = new EntryBuilder(body.length);
  for (const item of itemsOf(parseJson(body), 'items')) {
    const place = `entry ${entries.count}`;
    if (typeof item !== 'object' || item === null) return refuse(`${place} is not an object`);
    if (conditions.some((name) => name in item)) refuseCondition();
    const key = readBytes(item, 'Key', place);
    const value = readBytes(item, 'Value', place);
    if (key === undefined) return refuse(`${place} has no "Key"`);
    if (value === undefined) return refuse(`${place} has no "Value"`);
    entries.add(key, value, place);
  }
  return entries.finish();
}

function readJsonKeys(body: Uint8Array): KvEntries {
  const plain = readPlainItems(body, false);
  if (plain !== undefined) {
    return { ...plain, deleted: new Uint8Array(plain.keys.ends.length).fill(1) };
  }
  const entries = new EntryBuilder(body.length);
  for (const item of itemsOf(parseJson(body), 'keys')) {
    const place = `entry ${entries.count}`;
    if (typeof item === 'string') {
      entries.add(encodeText(item), undefined, place);
      continue;
    }
    if (typeof item !== 'object' || item === null) return refuse(`${place} is not a key`);
    const key = readBytes(item, 'Key', place);
    if (key === undefined) return refuse(`${place} has no "Key"`);
    entries.add(key, undefined, place);
  }
  return entries.finish();
}

/** Records `u8 op, u32 size, key` and, of a put, `u32 size, value`; little-endian. */
function readBinary(body: Uint8Array, mayPut: boolean): KvEntries {
  const entries = new EntryBuilder(body.length);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  const part = (): Uint8Array => {
    if (at + 4 > body.length) refuse(`the body is cut in entry ${entries.count}`);
    const size = view.getUint32(at, true);
    if (at + 4 + size > body.length) refuse(`the body is cut in entry ${entries.count}`);
    const bytes = body.subarray(at + 4, at + 4 + size);
    at += 4 + size;
    return bytes;
  };
  while (at < body.length) {
    const place = `entry ${entries.count}`;
    const op = body[at++]!;
    const isPut = mayPut && op === recordOp.put;
    if (!isPut && op !== recordOp.delete) refuse(`${place}: unknown operation ${op}`);
    const key = part();
    entries.add(key, isPut ? part() : undefined, place);
  }
  return entries.finish();
}

function kindOf(mediaType: string): 'text' | 'json' | 'binary' {
  const type = (mediaType.split(';')[0] ?? '').trim().toLowerCase();
  if (type === 'application/json') return 'json';
  return type === binaryType ? 'binary' : 'text';
}

/** @throws CitadelError `invalid-argument`, `unsupported` (a condition) */
export function readPuts(body: Uint8Array, mediaType: string): KvEntries {
  const kind = kindOf(mediaType);
  if (kind === 'json') return readJsonPairs(body);
  return kind === 'binary' ? readBinary(body, true) : readTextPairs(body);
}

/** Keys only. @throws CitadelError `invalid-argument` */
export function readKeys(body: Uint8Array, mediaType: string): KvEntries {
  const kind = kindOf(mediaType);
  if (kind === 'json') return readJsonKeys(body);
  return kind === 'binary' ? readBinary(body, false) : readTextKeys(body);
}

/**
 * The test data of keys: what becomes of a key is a pure function of its series and index, so that a checker that knows
 * nothing but two numbers can tell what must be stored.
 *
 * A key lives one of four lives: put; put and overwritten; put and deleted; put, deleted and put again. Each value carries
 * the number of its put and a checksum over key and value, so that an older value shows as such.
 */

import { crc32 } from 'node:zlib';
import { mix } from './pattern.ts';

/** Steps of a life, in order; `undefined` = delete, a number = put of the value with this number. */
const lives: readonly (readonly (number | undefined)[])[] = [
  [1],
  [1, 2],
  [1, undefined],
  [1, undefined, 2],
];
/** Steps of the longest. */
export const stepsMax = 3;
const fillerSizeMax = 200;
const lifeSalt = 11;
const tailSalt = 12;
const sizeSalt = 13;

export interface Step {
  readonly key: Buffer;
  /** Undefined = delete. */
  readonly value: Buffer | undefined;
}

/** In front of all keys of a series, and of no others. */
export function prefixOf(series: number): Buffer {
  return Buffer.from(`s${series}/`);
}

/** Text that tells series and index, and four bytes that are no text. */
export function keyOf(series: number, index: number): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(mix(series, index, tailSalt));
  return Buffer.concat([prefixOf(series), Buffer.from(`${index}/`), tail]);
}

/** The index of a key of the series; -1 for one that is not of the pattern. */
export function indexOfKey(series: number, key: Buffer): number {
  const match = /^s\d+\/(\d{1,12})\//.exec(key.toString('latin1'));
  const index = match === null ? -1 : Number(match[1]);
  return index >= 0 && key.equals(keyOf(series, index)) ? index : -1;
}

/** The value of the `put`-th put of the key. */
export function putValue(series: number, index: number, put: number): Buffer {
  const size = mix(series, index, sizeSalt + put) % fillerSizeMax;
  const filler = Buffer.alloc(size, (index + put) % 256);
  const body = Buffer.concat([Buffer.from(`${put} ${series} ${index} `), filler]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body, crc32(keyOf(series, index))));
  return Buffer.concat([body, sum]);
}

function lifeOf(series: number, index: number) {
  return lives[mix(series, index, lifeSalt) % lives.length]!;
}

/** What is done to the key in step `step`, from 0; undefined = nothing. */
export function stepOf(series: number, index: number, step: number): Step | undefined {
  const life = lifeOf(series, index);
  if (step >= life.length) return undefined;
  const put = life[step];
  const value = put === undefined ? undefined : putValue(series, index, put);
  return { key: keyOf(series, index), value };
}

/** What the key must have in the end; undefined = it must be absent. */
export function finalValue(series: number, index: number): Buffer | undefined {
  const put = lifeOf(series, index).at(-1);
  return put === undefined ? undefined : putValue(series, index, put);
}

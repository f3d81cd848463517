/**
 * Canonical series key: unescaped measurement and tags, tags sorted by key bytes.
 *
 * Layout: u16le size + bytes of the measurement, then per tag u16le size + key, u16le size + value.
 * Two lines mean the same series if and only if these bytes are equal. Escaped text exists only at the edges.
 *
 * Walking without allocating: `let at = firstTag(key); while (at < key.length) { ...; at = nextTag(key, at); }`
 * with `tagKeyStart`, `tagKeySize`, `tagValueStart`, `tagValueSize` of `at`.
 */

import { ByteWriter, compareBytes } from '../base/bytes.ts';
import { CitadelError } from '../base/errors.ts';
import { decodeText, encodeText } from '../base/text.ts';

export interface SeriesName {
  readonly measurement: string;
  /** Sorted by the UTF-8 bytes of the key. */
  readonly tags: readonly (readonly [key: string, value: string])[];
}

const partSizeMax = 65_535;

function partSize(key: Uint8Array, at: number): number {
  return key[at]! | (key[at + 1]! << 8);
}

/** Bytes of the measurement: `[2, 2 + measurementSize(key))`. */
export function measurementSize(key: Uint8Array): number {
  return partSize(key, 0);
}

export function measurementBytes(key: Uint8Array): Uint8Array {
  return key.subarray(2, 2 + partSize(key, 0));
}

/** Where the first tag starts; `key.length` when there is none. */
export function firstTag(key: Uint8Array): number {
  return 2 + partSize(key, 0);
}

export function nextTag(key: Uint8Array, at: number): number {
  const value = at + 2 + partSize(key, at);
  return value + 2 + partSize(key, value);
}

export function tagKeyStart(at: number): number {
  return at + 2;
}

export function tagKeySize(key: Uint8Array, at: number): number {
  return partSize(key, at);
}

export function tagValueStart(key: Uint8Array, at: number): number {
  return at + 4 + partSize(key, at);
}

export function tagValueSize(key: Uint8Array, at: number): number {
  return partSize(key, at + 2 + partSize(key, at));
}

/** True when every part lies inside and the last one ends where the key ends. */
export function isWellFormedSeriesKey(key: Uint8Array): boolean {
  let at = 0;
  let parts = 0;
  while (at + 2 <= key.length) {
    at += 2 + partSize(key, at);
    parts++;
  }
  return at === key.length && parts % 2 === 1;
}

function putPart(writer: ByteWriter, bytes: Uint8Array): void {
  if (bytes.length > partSizeMax) {
    throw new CitadelError('too-large', `cannot hold a name of ${bytes.length} bytes`, {
      details: { size: bytes.length, sizeMax: partSizeMax },
    });
  }
  writer.u16(bytes.length);
  writer.put(bytes);
}

/** Sorts the tags. Errors: `too-large` for a part above 65535 bytes. */
export function encodeSeriesKey(name: SeriesName): Uint8Array {
  const tags = name.tags.map(([key, value]) => ({
    key: encodeText(key),
    value: encodeText(value),
  }));
  tags.sort((a, b) => compareBytes(a.key, b.key));
  const writer = new ByteWriter(64);
  putPart(writer, encodeText(name.measurement));
  for (const { key, value } of tags) {
    putPart(writer, key);
    putPart(writer, value);
  }
  return writer.finish();
}

/** Errors: `corrupt` when the bytes are no series key. */
export function decodeSeriesKey(key: Uint8Array): SeriesName {
  if (!isWellFormedSeriesKey(key)) throw new CitadelError('corrupt', 'cannot read series key');
  const tags: [string, string][] = [];
  for (let at = firstTag(key); at < key.length; at = nextTag(key, at)) {
    const valueStart = tagValueStart(key, at);
    tags.push([
      decodeText(key.subarray(at + 2, at + 2 + tagKeySize(key, at))),
      decodeText(key.subarray(valueStart, valueStart + tagValueSize(key, at))),
    ]);
  }
  return { measurement: decodeText(measurementBytes(key)), tags };
}

/** Value of one tag by the bytes of its key; undefined when the series lacks it. A view, not a copy. */
export function findTagValue(key: Uint8Array, tagKey: Uint8Array): Uint8Array | undefined {
  for (let at = firstTag(key); at < key.length; at = nextTag(key, at)) {
    if (tagKeySize(key, at) !== tagKey.length) continue;
    let i = 0;
    while (i < tagKey.length && key[at + 2 + i] === tagKey[i]) i++;
    if (i < tagKey.length) continue;
    const start = tagValueStart(key, at);
    return key.subarray(start, start + tagValueSize(key, at));
  }
  return undefined;
}

const measurementSpecials = /[, ]/g;
const tagSpecials = /[,= ]/g;

/** As line protocol and SHOW SERIES write it. */
export function escapeMeasurement(name: string): string {
  return name.replace(measurementSpecials, '\\$&');
}

/** Tag keys, tag values and field keys. */
export function escapeTag(text: string): string {
  return text.replace(tagSpecials, '\\$&');
}

/** `cpu,host=a\ b`: the text SHOW SERIES prints. */
export function formatSeriesName(name: SeriesName): string {
  let text = escapeMeasurement(name.measurement);
  for (const [key, value] of name.tags) text += `,${escapeTag(key)}=${escapeTag(value)}`;
  return text;
}

export function formatSeriesKey(key: Uint8Array): string {
  return formatSeriesName(decodeSeriesKey(key));
}

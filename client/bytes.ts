/** Keys and values as callers have them: text, which stands for its UTF-8, or bytes. */

import { type ByteList, ByteListBuilder } from '../src/model/key-list.ts';

export type Bytes = string | Uint8Array;

export function toBytes(value: Bytes): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

export function listOfBytes(items: readonly Bytes[]): ByteList {
  const builder = new ByteListBuilder(items.length * 32, items.length);
  for (const item of items) builder.add(toBytes(item));
  return builder.take();
}

/**
 * Series rows of the catalog: many neighbours in one row, ids as differences, keys by what differs from
 * the key before. Layout: docs/formats/tstore.md.
 */

import { ByteReader, ByteWriter } from '../../base/bytes.ts';

export interface SeriesBlock {
  /** 16 hex digits. */
  readonly dbId: string;
  readonly ids: readonly number[];
  /** Canonical series keys. */
  readonly keys: readonly Uint8Array[];
}

/** A block is closed when it is this large. */
export const blockSizeMax = 3500;
export const blockSeriesMax = 1024;

function sharedPrefix(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  let i = 0;
  while (i < size && a[i] === b[i]) i++;
  return i;
}

export function encodeSeriesBlock(block: SeriesBlock): Uint8Array {
  const out = new ByteWriter(4096);
  out.u64(BigInt(`0x${block.dbId}`));
  out.varint(block.ids.length);
  let idBefore = 0;
  let keyBefore = new Uint8Array(0);
  block.ids.forEach((id, i) => {
    const key = block.keys[i]!;
    const shared = sharedPrefix(keyBefore, key);
    out.varint(id - idBefore);
    out.varint(shared);
    out.varint(key.length - shared);
    out.put(key.subarray(shared));
    idBefore = id;
    keyBefore = new Uint8Array(key);
  });
  return out.finish();
}

/** Errors: `corrupt`. */
export function decodeSeriesBlock(bytes: Uint8Array): SeriesBlock {
  const input = new ByteReader(bytes);
  const dbId = input.u64().toString(16).padStart(16, '0');
  const count = input.varint();
  const ids: number[] = [];
  const keys: Uint8Array[] = [];
  let id = 0;
  let before = new Uint8Array(0);
  for (let i = 0; i < count; i++) {
    id += input.varint();
    const shared = input.varint();
    const rest = input.span(input.varint());
    const key = new Uint8Array(shared + rest.length);
    key.set(before.subarray(0, shared));
    key.set(rest, shared);
    ids.push(id);
    keys.push(key);
    before = key;
  }
  return { dbId, ids, keys };
}

/** Cuts series, sorted by id, into blocks of bounded size. */
export function cutIntoBlocks(
  dbId: string,
  ids: readonly number[],
  keys: readonly Uint8Array[],
): SeriesBlock[] {
  const blocks: SeriesBlock[] = [];
  let from = 0;
  let size = 0;
  for (let i = 0; i < ids.length; i++) {
    const own = keys[i]!.length - (i === from ? 0 : sharedPrefix(keys[i - 1]!, keys[i]!)) + 4;
    if (i > from && (size + own > blockSizeMax || i - from >= blockSeriesMax)) {
      blocks.push({ dbId, ids: ids.slice(from, i), keys: keys.slice(from, i) });
      from = i;
      size = 0;
    }
    size += own;
  }
  if (from < ids.length) blocks.push({ dbId, ids: ids.slice(from), keys: keys.slice(from) });
  return blocks;
}

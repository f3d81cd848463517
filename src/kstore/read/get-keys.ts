/**
 * Values of many keys of one table: memory first, and only where it cannot be sure the files, some tens of keys
 * a question.
 *
 * Memory is sure where its entry has a greater stamp than any row of any file, which nearly always holds.
 */

import { compareParts } from '../../base/bytes.ts';
import { invariant } from '../../base/errors.ts';
import {
  type ByteList,
  ByteListBuilder,
  copyBytes,
  itemOf,
  startOf,
} from '../../model/key-list.ts';
import type { KvValues } from '../contract.ts';
import type { KvFile } from '../file/kv-file.ts';
import { PageCursor, questionSizeMax, readBody, readMany } from '../file/kv-file.ts';
import { deletedFlag, fileKey, headSize, readWord, stampSize } from '../file/row-layout.ts';
import { compareStamps, hashKey, type MemFrame, type TableCells } from '../memtable/table-cells.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { FoundRows, rowKind } from './found-rows.ts';

const blockBytes = 1024 * 1024;
const blockKeysMax = 16_384;
/** Four times the keys of a question, a power of two. */
const slotCount = questionSizeMax * 4;

/** Keys [from, until) of a request, no more than one question. */
interface Group {
  readonly table: number;
  readonly keys: ByteList;
  readonly from: number;
  readonly until: number;
}

/** In one turn, so that memory and files fit together. @throws CitadelError `corrupt` */
function look(state: StoreState, group: Group, found: FoundRows): void {
  lookInMemory(state, group, found);
  for (const file of state.files) lookInFile(state, file, group, found);
}

function lookInMemory(state: StoreState, { table, keys, from, until }: Group, found: FoundRows) {
  const known: TableCells[] = [];
  for (const { parts } of state.memtables) {
    const cells = parts.get(table)?.cells;
    if (cells !== undefined) known.push(cells);
  }
  for (let i = from; i < until; i++) {
    const start = startOf(keys, i);
    let best: MemFrame | undefined;
    let entry = 0;
    for (const cells of known) {
      const cell = cells.find(keys.bytes, start, keys.ends[i]! - start);
      if (cell < 0) continue;
      const frame = cells.frameAt(cell);
      if (best !== undefined && compareStamps(frame, best) <= 0) continue;
      best = frame;
      entry = cells.entryOf[cell]!;
    }
    if (best === undefined) found.noteAbsent(i - from);
    else found.noteEntry(i - from, best, entry);
  }
}

/** Keys that the file may have a newer row of. */
function lookInFile(state: StoreState, file: KvFile, group: Group, found: FoundRows): void {
  const { table, keys, from, until } = group;
  const places: number[] = [];
  const asked: Uint8Array[] = [];
  for (let place = 0; place < until - from; place++) {
    if (found.isSure(place, file)) continue;
    places.push(place);
    asked.push(fileKey(table, itemOf(keys, from + place)));
  }
  if (asked.length === 0) return;
  const { readers } = state.options;
  const cursor = new PageCursor(file, readers);
  cursor.set(readMany(file, readers, asked));
  const slots = slotsOf(asked);
  while (cursor.next()) {
    for (const index of matches(cursor, asked, slots)) {
      found.noteRow(places[index]!, cursor, file);
    }
  }
}

function slotsOf(asked: readonly Uint8Array[]): Int16Array {
  const slots = new Int16Array(slotCount).fill(-1);
  asked.forEach((k, index) => {
    let slot = hashKey(k, 0, k.length, 0) & (slotCount - 1);
    while (slots[slot]! >= 0) slot = (slot + 1) & (slotCount - 1);
    slots[slot] = index;
  });
  return slots;
}

/** Every asked key that the row has: a key may be asked for twice. */
function matches(
  { bytes, kAt, kSize }: PageCursor,
  asked: readonly Uint8Array[],
  slots: Int16Array,
): number[] {
  const found: number[] = [];
  let slot = hashKey(bytes, kAt, kSize, 0) & (slotCount - 1);
  for (; slots[slot]! >= 0; slot = (slot + 1) & (slotCount - 1)) {
    const k = asked[slots[slot]!]!;
    if (compareParts(bytes, kAt, kSize, k, 0, k.length) === 0) found.push(slots[slot]!);
  }
  return found;
}

const nothing = new Uint8Array(0);

class ValueBlock {
  #start = 0;
  #present: Uint8Array;
  readonly #values: ByteListBuilder;

  /** `count`: keys of the request. */
  constructor(count: number) {
    this.#present = new Uint8Array(Math.min(count, blockKeysMax));
    this.#values = new ByteListBuilder(4096, Math.min(count, blockKeysMax));
  }

  get isFull(): boolean {
    return this.#values.size >= blockBytes || this.#values.count >= blockKeysMax;
  }

  get count(): number {
    return this.#values.count;
  }

  add(isPresent: boolean, bytes: Uint8Array, at: number, size: number): void {
    this.#present[this.#values.count] = isPresent ? 1 : 0;
    this.#values.add(bytes, at, size);
  }

  take(): KvValues {
    const count = this.#values.count;
    const start = this.#start;
    this.#start += count;
    return { start, present: this.#present.slice(0, count), values: this.#values.take() };
  }
}

/** A large value is read when its turn comes: it may have changed, or gone, since it was seen. */
function addFound(
  state: StoreState,
  block: ValueBlock,
  found: FoundRows,
  place: number,
  k: () => Uint8Array,
): void {
  const kind = found.kind[place]!;
  if (kind === rowKind.value) {
    block.add(true, found.bytes[place]!, found.at[place]!, found.size[place]!);
    return;
  }
  if (kind !== rowKind.large) {
    block.add(false, nothing, 0, 0);
    return;
  }
  const body = readBody(found.file[place]!, state.options.readers, k());
  const isGone = body === undefined || (body[stampSize]! & deletedFlag) !== 0;
  if (isGone) block.add(false, nothing, 0, 0);
  else block.add(true, body, headSize, readWord(body, 20));
}

/** @throws CitadelError `corrupt`, `cancelled` */
export async function* getKeys(
  state: StoreState,
  table: number,
  keys: ByteList,
  signal: AbortSignal,
): AsyncGenerator<KvValues> {
  const pacer = new Pacer(state.options.env, signal);
  const count = keys.ends.length;
  const block = new ValueBlock(count);
  const found = new FoundRows(Math.min(count, questionSizeMax));
  for (let from = 0; from < count; from += questionSizeMax) {
    const group = { table, keys, from, until: Math.min(count, from + questionSizeMax) };
    try {
      look(state, group, found);
      for (let i = from; i < group.until; i++) {
        addFound(state, block, found, i - from, () => fileKey(table, itemOf(keys, i)));
        if (block.isFull) yield block.take();
      }
    } catch (error) {
      state.noteDamage(error);
      throw error;
    }
    state.checkOpen();
    pacer.check();
    if (pacer.isDue) await pacer.breathe();
  }
  if (block.count > 0) yield block.take();
}

/**
 * Of no more keys than one question has; undefined = their values are larger, and read in blocks.
 *
 * @throws CitadelError `corrupt`
 */
export function getKeysNow(
  state: StoreState,
  table: number,
  keys: ByteList,
  bytesMax: number,
): KvValues | undefined {
  const count = keys.ends.length;
  invariant(count <= questionSizeMax, 'what is read in one turn is one question');
  const found = new FoundRows(count);
  try {
    look(state, { table, keys, from: 0, until: count }, found);
  } catch (error) {
    state.noteDamage(error);
    throw error;
  }
  const present = new Uint8Array(count);
  const ends = new Uint32Array(count);
  let size = 0;
  for (let i = 0; i < count; i++) {
    if (found.kind[i] === rowKind.large) return undefined;
    const isPresent = found.kind[i] === rowKind.value;
    if (isPresent) size += found.size[i]!;
    present[i] = isPresent ? 1 : 0;
    ends[i] = size;
  }
  if (size > bytesMax) return undefined;
  const bytes = new Uint8Array(size);
  for (let i = 0; i < count; i++) {
    const valueSize = present[i] === 1 ? found.size[i]! : 0;
    copyBytes(found.bytes[i]!, found.at[i]!, valueSize, bytes, ends[i]! - valueSize);
  }
  return { start: 0, present, values: { bytes, ends } };
}

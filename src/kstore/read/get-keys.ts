/**
 * Values of many keys of one table: memory first, and only where it cannot be sure the files, some tens of keys
 * a question.
 *
 * Memory is sure where its entry has a greater stamp than any row of any file, which nearly always holds.
 */

import { type ByteList, ByteListBuilder, itemOf, startOf } from '../../model/key-list.ts';
import { deletedSize } from '../../model/kv-frame.ts';
import type { KvValues } from '../contract.ts';
import type { KvFile } from '../file/kv-file.ts';
import { PageCursor, questionSizeMax, readBody, readMany } from '../file/kv-file.ts';
import {
  deletedFlag,
  fileKey,
  headSize,
  readHlc,
  readOrigin,
  readWord,
  stampSize,
} from '../file/row-layout.ts';
import { compareParts, compareStamps, hashKey, type MemFrame } from '../memtable/table-cells.ts';
import { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';

const blockBytes = 1024 * 1024;
const blockKeysMax = 16_384;
/** Four times the keys of a question, a power of two. */
const slotCount = questionSizeMax * 4;

/** What was found of one key so far. */
interface Found {
  readonly hlc: number;
  readonly origin: string;
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly size: number;
  readonly isDeleted: boolean;
  /** It lies in this file, too large to come with the others. */
  readonly largeIn: KvFile | undefined;
}

function foundInFrame(frame: MemFrame, entry: number): Found {
  const { bytes, entries, hlc, origin } = frame;
  const size = entries[entry * 4 + 3]!;
  const isDeleted = size === deletedSize;
  const at = entries[entry * 4 + 2]!;
  return { hlc, origin, bytes, at, size: isDeleted ? 0 : size, isDeleted, largeIn: undefined };
}

function foundOnPage(cursor: PageCursor, file: KvFile): Found {
  const { bytes, headAt, valueSize, hasLargeValue } = cursor;
  return {
    hlc: readHlc(bytes, headAt),
    origin: readOrigin(bytes, headAt + 7),
    bytes,
    at: headAt + headSize,
    size: hasLargeValue ? 0 : valueSize,
    isDeleted: (bytes[headAt + stampSize]! & deletedFlag) !== 0,
    largeIn: hasLargeValue ? file : undefined,
  };
}

/** Keys [from, until) of the request, fewer than one question. */
class KeyGroup {
  readonly found: (Found | undefined)[] = [];
  readonly #state: StoreState;
  readonly #table: number;
  readonly #keys: ByteList;
  readonly #from: number;
  readonly #until: number;

  constructor(state: StoreState, table: number, keys: ByteList, from: number, until: number) {
    this.#state = state;
    this.#table = table;
    this.#keys = keys;
    this.#from = from;
    this.#until = until;
  }

  /** In one turn, so that memory and files fit together. @throws CitadelError `corrupt` */
  look(): void {
    for (let i = this.#from; i < this.#until; i++) this.found.push(this.#inMemory(i));
    for (const file of this.#state.files) this.#lookIn(file);
  }

  #inMemory(i: number): Found | undefined {
    const { bytes, ends } = this.#keys;
    const start = startOf(this.#keys, i);
    let best: MemFrame | undefined;
    let entry = 0;
    for (const { parts } of this.#state.memtables) {
      const cells = parts.get(this.#table)?.cells;
      const cell = cells === undefined ? -1 : cells.find(bytes, start, ends[i]! - start);
      if (cells === undefined || cell < 0) continue;
      const frame = cells.frameAt(cell);
      if (best !== undefined && compareStamps(frame, best) <= 0) continue;
      best = frame;
      entry = cells.entryOf[cell]!;
    }
    return best && foundInFrame(best, entry);
  }

  /** Keys that the file may have a newer row of. */
  #lookIn(file: KvFile): void {
    const places: number[] = [];
    const asked: Uint8Array[] = [];
    for (let place = 0; place < this.found.length; place++) {
      const known = this.found[place];
      if (known !== undefined && known.hlc > file.rowHlcMax) continue;
      places.push(place);
      asked.push(fileKey(this.#table, itemOf(this.#keys, this.#from + place)));
    }
    if (asked.length === 0) return;
    const { readers } = this.#state.options;
    const cursor = new PageCursor(file, readers);
    cursor.set(readMany(file, readers, asked));
    const slots = slotsOf(asked);
    while (cursor.next()) {
      const row = foundOnPage(cursor, file);
      for (const index of matches(cursor, asked, slots)) {
        const known = this.found[places[index]!];
        if (known === undefined || compareStamps(row, known) > 0) this.found[places[index]!] = row;
      }
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
  #start: number;
  #present = new Uint8Array(64);
  readonly #values = new ByteListBuilder(4096, 64);

  constructor(start: number) {
    this.#start = start;
  }

  get isFull(): boolean {
    return this.#values.size >= blockBytes || this.#values.count >= blockKeysMax;
  }

  get count(): number {
    return this.#values.count;
  }

  add(isPresent: boolean, bytes: Uint8Array, at: number, size: number): void {
    const place = this.#values.count;
    if (place === this.#present.length) {
      const grown = new Uint8Array(place * 2);
      grown.set(this.#present);
      this.#present = grown;
    }
    this.#present[place] = isPresent ? 1 : 0;
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
  found: Found | undefined,
  k: () => Uint8Array,
): void {
  if (found === undefined || found.isDeleted) {
    block.add(false, nothing, 0, 0);
    return;
  }
  if (found.largeIn === undefined) {
    block.add(true, found.bytes, found.at, found.size);
    return;
  }
  const body = readBody(found.largeIn, state.options.readers, k());
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
  const block = new ValueBlock(0);
  const count = keys.ends.length;
  for (let from = 0; from < count; from += questionSizeMax) {
    const group = new KeyGroup(state, table, keys, from, Math.min(count, from + questionSizeMax));
    try {
      group.look();
      for (const [place, found] of group.found.entries()) {
        addFound(state, block, found, () => fileKey(table, itemOf(keys, from + place)));
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

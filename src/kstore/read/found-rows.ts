/**
 * The newest row found so far of each key of a group, in columns: nothing is made per key. A row is a value in bytes that
 * belong to others, a delete, or a value that was too large to come with its row.
 */

import { deletedSize } from '../../model/kv-frame.ts';
import type { KvFile, PageCursor } from '../file/kv-file.ts';
import { deletedFlag, headSize, readHlc, readOrigin, stampSize } from '../file/row-layout.ts';
import { compareStamps, type MemFrame } from '../memtable/table-cells.ts';

export const rowKind = { absent: 0, value: 1, deleted: 2, large: 3 } as const;

const nothing = new Uint8Array(0);
const originAt = 7;

export class FoundRows {
  readonly kind: Uint8Array;
  readonly hlc: Float64Array;
  /** Where the value lies in `bytes`. */
  readonly bytes: Uint8Array[];
  readonly at: Uint32Array;
  readonly size: Uint32Array;
  /** Of a large value. */
  readonly file: (KvFile | undefined)[];
  /** '' = it stands in the head of the row, before the value. */
  readonly #origin: string[];

  /** `count`: keys of a group at most. */
  constructor(count: number) {
    this.kind = new Uint8Array(count);
    this.hlc = new Float64Array(count);
    this.bytes = new Array<Uint8Array>(count).fill(nothing);
    this.at = new Uint32Array(count);
    this.size = new Uint32Array(count);
    this.file = new Array<KvFile | undefined>(count).fill(undefined);
    this.#origin = new Array<string>(count).fill('');
  }

  noteAbsent(place: number): void {
    this.kind[place] = rowKind.absent;
  }

  /** In place of what was found before. */
  noteEntry(place: number, frame: MemFrame, entry: number): void {
    const size = frame.entries[entry * 4 + 3]!;
    const isDeleted = size === deletedSize;
    this.kind[place] = isDeleted ? rowKind.deleted : rowKind.value;
    this.hlc[place] = frame.hlc;
    this.bytes[place] = frame.bytes;
    this.at[place] = frame.entries[entry * 4 + 2]!;
    this.size[place] = isDeleted ? 0 : size;
    this.#origin[place] = frame.origin;
  }

  /** The cursor's row, if it is newer than what was found before. */
  noteRow(place: number, cursor: PageCursor, file: KvFile): void {
    const { bytes, headAt, valueSize, hasLargeValue } = cursor;
    const hlc = readHlc(bytes, headAt);
    if (!this.#isBeaten(place, hlc, bytes, headAt)) return;
    const isDeleted = (bytes[headAt + stampSize]! & deletedFlag) !== 0;
    if (isDeleted) this.kind[place] = rowKind.deleted;
    else this.kind[place] = hasLargeValue ? rowKind.large : rowKind.value;
    this.hlc[place] = hlc;
    this.bytes[place] = bytes;
    this.at[place] = headAt + headSize;
    this.size[place] = hasLargeValue ? 0 : valueSize;
    this.file[place] = file;
    this.#origin[place] = '';
  }

  /** Whether it has a greater stamp than any row of the file. */
  isSure(place: number, { rowHlcMax }: KvFile): boolean {
    return this.kind[place] !== rowKind.absent && this.hlc[place]! > rowHlcMax;
  }

  #isBeaten(place: number, hlc: number, bytes: Uint8Array, headAt: number): boolean {
    if (this.kind[place] === rowKind.absent) return true;
    const known = this.hlc[place]!;
    if (known !== hlc) return hlc > known;
    const origin = this.#origin[place] || this.#originInRow(place);
    const row = { hlc, origin: readOrigin(bytes, headAt + originAt) };
    return compareStamps(row, { hlc, origin }) > 0;
  }

  #originInRow(place: number): string {
    return readOrigin(this.bytes[place]!, this.at[place]! - headSize + originAt);
  }
}

/**
 * Merges raw streams into frames, group by group, by time and then series key, or all of it backwards.
 *
 * Where only one stream has the group, its blocks pass as they are. Else rows are picked one by one
 * (numbers of block and row) and gathered column by column.
 */

import type { RawBlock } from '../../model/plan.ts';
import { gatherColumn } from '../columns/gather-column.ts';
import { type Frame, rowsOfFrame } from '../frame.ts';
import { RowHeap } from './row-heap.ts';
import { SeriesRanks } from './series-ranks.ts';
import { type StreamHead, StreamHeads } from './stream-heads.ts';

export interface GroupFrame {
  readonly group: readonly string[];
  readonly frame: Frame;
}

export async function* mergeRaw(
  streams: readonly AsyncIterable<RawBlock>[],
  descending: boolean,
): AsyncGenerator<GroupFrame> {
  const heads = new StreamHeads(streams, descending);
  try {
    await heads.open();
    for (let members = heads.nextGroup(); members.length > 0; members = heads.nextGroup()) {
      const head = members[0]!;
      const { block } = head;
      if (members.length > 1) {
        yield* new GroupMerge(heads, members, descending).run();
      } else if (block !== undefined) {
        yield { group: block.group, frame: frameOf(block) };
        await heads.advance(head);
      }
    }
  } finally {
    await heads.close();
  }
}

function frameOf(block: RawBlock): Frame {
  return { rowCount: block.times.length, times: block.times, columns: block.columns };
}

class GroupMerge {
  readonly #heads: StreamHeads<RawBlock>;
  readonly #members: readonly StreamHead<RawBlock>[];
  readonly #key: string;
  readonly #heap: RowHeap;
  readonly #ranks = new SeriesRanks();
  /** Members that still have rows of this group. */
  #live: number[];
  /** Blocks that picks refer to, and per member which of them is its own. */
  #used: RawBlock[] = [];
  readonly #usedOf: number[] = [];
  readonly #rowsMax: number;
  readonly #sourceOf: Uint16Array;
  readonly #rowOf: Uint32Array;
  #count = 0;

  constructor(
    heads: StreamHeads<RawBlock>,
    members: readonly StreamHead<RawBlock>[],
    descending: boolean,
  ) {
    this.#heads = heads;
    this.#members = members;
    this.#key = members[0]!.key;
    this.#heap = new RowHeap(descending);
    this.#rowsMax = rowsOfFrame(members[0]!.block!.columns.length);
    this.#sourceOf = new Uint16Array(this.#rowsMax);
    this.#rowOf = new Uint32Array(this.#rowsMax);
    this.#live = members.map((_, index) => index);
  }

  async *run(): AsyncGenerator<GroupFrame> {
    const group = this.#members[0]!.block!.group;
    for (const member of this.#live) await this.#admit(member);
    this.#rank();
    while (this.#live.length > 0) {
      const exhausted = this.#pick();
      if (exhausted !== undefined) {
        await this.#heads.advance(this.#members[exhausted]!);
        await this.#admit(exhausted);
        this.#rank();
      }
      if (this.#count === this.#rowsMax || (this.#live.length === 0 && this.#count > 0)) {
        yield { group, frame: this.#flush() };
      }
    }
  }

  /** Takes rows until the frame is full (undefined) or a member has run out (its number). */
  #pick(): number | undefined {
    const heap = this.#heap;
    while (this.#count < this.#rowsMax) {
      const member = heap.top;
      this.#sourceOf[this.#count] = this.#usedOf[member]!;
      this.#rowOf[this.#count] = heap.topRow;
      this.#count++;
      if (!heap.step()) return member;
    }
    return undefined;
  }

  /** Takes in the member's current block when it belongs to the group, else lets the member go. */
  async #admit(member: number): Promise<void> {
    const head = this.#members[member]!;
    while (head.block !== undefined && head.key === this.#key && head.block.times.length === 0) {
      await this.#heads.advance(head);
    }
    const { block } = head;
    if (block === undefined || head.key !== this.#key) {
      this.#live = this.#live.filter((other) => other !== member);
      return;
    }
    this.#usedOf[member] = this.#used.push(block) - 1;
    this.#heap.setRows(member, block.times, block.seriesOfRow);
  }

  #rank(): void {
    const blocks = this.#live.map((member) => this.#members[member]!.block!);
    const keysInUse = blocks.reduce((sum, block) => sum + block.series.length, 0);
    if (this.#ranks.isStale(keysInUse)) this.#ranks.clear();
    for (const block of blocks) this.#ranks.add(block.series);
    for (const member of this.#live) {
      this.#heap.setRanks(member, this.#ranks.ranks(this.#members[member]!.block!.series));
    }
    this.#heap.arrange(this.#live);
  }

  #flush(): Frame {
    const picks = { count: this.#count, sourceOf: this.#sourceOf, rowOf: this.#rowOf };
    const used = this.#used;
    const times = new BigInt64Array(this.#count);
    for (let i = 0; i < this.#count; i++) {
      times[i] = used[this.#sourceOf[i]!]!.times[this.#rowOf[i]!]!;
    }
    const columnCount = used[0]!.columns.length;
    const columns = Array.from({ length: columnCount }, (_, index) =>
      gatherColumn(
        used.map((block) => block.columns[index]),
        picks,
      ),
    );
    this.#count = 0;
    this.#used = [];
    for (const member of this.#live) {
      this.#usedOf[member] = this.#used.push(this.#members[member]!.block!) - 1;
    }
    return { rowCount: times.length, times, columns };
  }
}

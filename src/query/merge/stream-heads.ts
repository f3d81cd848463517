/**
 * The front blocks of several streams whose groups come in order, and which of them hold the group
 * that is next.
 */

import { compareText } from '../../scan/text-order.ts';
import { groupKey } from './group-key.ts';

interface GroupedBlock {
  readonly group: readonly string[];
}

export interface StreamHead<Block extends GroupedBlock> {
  /** Which of the streams. */
  readonly index: number;
  readonly iterator: AsyncIterator<Block>;
  /** Undefined at the end of the stream. */
  block: Block | undefined;
  key: string;
}

export class StreamHeads<Block extends GroupedBlock> {
  readonly #heads: StreamHead<Block>[];
  readonly #descending: boolean;

  constructor(streams: readonly AsyncIterable<Block>[], descending: boolean) {
    this.#descending = descending;
    this.#heads = streams.map((stream, index) => ({
      index,
      iterator: stream[Symbol.asyncIterator](),
      block: undefined,
      key: '',
    }));
  }

  /** Loads the first block of every stream, all at once, so that all of them work. */
  async open(): Promise<void> {
    await Promise.all(this.#heads.map((head) => this.advance(head)));
  }

  async advance(head: StreamHead<Block>): Promise<void> {
    const next = await head.iterator.next();
    head.block = next.done === true ? undefined : next.value;
    head.key = head.block === undefined ? '' : groupKey(head.block.group);
  }

  /** Heads of the next group, in stream order; none at the end. */
  nextGroup(): StreamHead<Block>[] {
    let members: StreamHead<Block>[] = [];
    for (const head of this.#heads) {
      if (head.block === undefined) continue;
      const first = members[0];
      const order = first === undefined ? 0 : compareText(head.key, first.key);
      if (order === 0) members.push(head);
      else if (order < 0 !== this.#descending) members = [head];
    }
    return members;
  }

  /** Tells every stream that no more is wanted. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#heads.map((head) => head.iterator.return?.()));
  }
}

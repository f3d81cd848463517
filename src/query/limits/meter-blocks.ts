/**
 * Counts the blocks that a query was sent and works on: one of each stream at a time. Where many
 * queries run, a stream that brings much also waits for its turn now and then.
 */

import { HeldMemory, type MemoryAccount } from '../../base/memory-budget.ts';
import type { Turnstile } from '../../base/turnstile.ts';
import type { Column } from '../../model/column.ts';
import type { Partial, ScanBlock, SchemaBlock } from '../../model/plan.ts';

/** What an object, an array header or an entry of a map costs beside its content, roughly. */
const objectBytes = 64;
/** Texts are one byte per character, mostly, with a header. */
const textBytes = 32;
/** About 2 ms of work. */
const bytesPerTurn = 64 * 1024;

export function textsSize(texts: readonly string[]): number {
  let size = objectBytes + texts.length * textBytes;
  for (const text of texts) size += text.length;
  return size;
}

/** Texts of a dictionary are shared by the pieces of a column: they are counted by number only. */
export function columnSize(column: Column | undefined): number {
  if (column === undefined) return 0;
  const valid = column.valid?.byteLength ?? 0;
  if (column.type !== 'string') return objectBytes + valid + column.values.byteLength;
  return objectBytes + valid + column.codes.byteLength + column.dictionary.length * textBytes;
}

function partialSize(partial: Partial): number {
  let size = objectBytes + partial.counts.byteLength;
  switch (partial.fn) {
    case 'count':
      return size;
    case 'sum':
    case 'mean':
      return size + columnSize(partial.sums);
    case 'spread':
      return size + columnSize(partial.mins) + columnSize(partial.maxs);
    case 'stddev':
      return size + partial.means.byteLength + partial.m2.byteLength;
    case 'distinct':
      return size + columnSize(partial.values) + partial.firstTimes.byteLength;
    default:
      size += columnSize(partial.values) + partial.times.byteLength;
      for (const extra of partial.extras) size += columnSize(extra);
      return size;
  }
}

export function blockSize(block: ScanBlock | SchemaBlock): number {
  if (!('kind' in block)) return textsSize(block.keys) + textsSize(block.values);
  let size = objectBytes;
  if (block.kind === 'aggregate') {
    size += block.windows.byteLength;
    for (const partial of block.partials) size += partialSize(partial);
    return size;
  }
  size += block.times.byteLength + block.seriesOfRow.byteLength + block.series.length * textBytes;
  for (const column of block.columns) size += columnSize(column);
  return size;
}

export interface MeterOptions {
  readonly memory: MemoryAccount | undefined;
  readonly turnstile: Turnstile | undefined;
  readonly signal: AbortSignal;
}

/** Passes blocks on; each counts until the next one is asked for. @throws CitadelError `limit-exceeded` */
export async function* meterBlocks<Block extends ScanBlock | SchemaBlock>(
  blocks: AsyncIterable<Block>,
  { memory, turnstile, signal }: MeterOptions,
): AsyncGenerator<Block> {
  const held = new HeldMemory(memory);
  let sinceTurn = 0;
  try {
    for await (const block of blocks) {
      const size = blockSize(block);
      held.set(size);
      sinceTurn += size;
      if (sinceTurn > bytesPerTurn && turnstile?.isCrowded === true) {
        sinceTurn = 0;
        await turnstile.turn(signal);
      }
      yield block;
    }
  } finally {
    held.free();
  }
}

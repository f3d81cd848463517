/** Reads of keys over the streams of the workers, which know shards by their slots. */

import type { KvGetBlock, KvReads, KvScanBlock, ReadOptions } from '../rpc/data-node-api.ts';
import { shardOfSlot, slotOf } from './slots.ts';
import type { StreamBlock, StreamRequest } from './worker/messages.ts';

/** One stream per worker that has some of the slots; `request` is told which. */
type OpenStreams = <B extends StreamBlock>(
  slots: readonly number[],
  signal: AbortSignal,
  options: ReadOptions | undefined,
  request: (read: ReadOptions | undefined, own: readonly number[]) => StreamRequest,
) => readonly AsyncIterable<B>[];

function withSlotMarks(read: ReadOptions | undefined): ReadOptions | undefined {
  if (read === undefined) return undefined;
  const marks = read.marks.map((mark) => ({ ...mark, shard: slotOf('kstore', mark.shard) }));
  return { ...read, marks };
}

async function* withShards(blocks: AsyncIterable<KvGetBlock>): AsyncGenerator<KvGetBlock> {
  for await (const block of blocks) yield { ...block, shard: shardOfSlot(block.shard) };
}

export function createKvReads(open: OpenStreams): KvReads {
  return {
    get: (table, parts, signal, options) => {
      const keysOf = new Map(parts.map(({ shard, keys }) => [slotOf('kstore', shard), keys]));
      const streams = open<KvGetBlock>([...keysOf.keys()], signal, options, (read, own) => ({
        kind: 'kv-get',
        table,
        parts: own.map((shard) => ({ shard, keys: keysOf.get(shard)! })),
        read: withSlotMarks(read),
      }));
      return streams.map(withShards);
    },
    scan: (shards, plan, signal, options) => {
      const slots = shards.map((shard) => slotOf('kstore', shard));
      return open<KvScanBlock>(slots, signal, options, (read) => ({
        kind: 'kv-scan',
        plan,
        read: withSlotMarks(read),
      }));
    },
  };
}

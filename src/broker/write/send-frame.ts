/** Sends one frame to the replica that takes its writes, and gives up waiting after the deadline. */

import { CitadelError } from '../../base/errors.ts';
import type { WriteShardResponse } from '../../rpc/data-node-api.ts';
import type { BrokerParts } from '../parts.ts';

const deadlineMs = 10_000;
const writeIdSize = 16;

/**
 * The frame's buffer is handed over.
 *
 * @throws CitadelError as DataNodeApi.writeShard, and `timeout` when its fate is unknown
 */
export async function sendFrame(
  { env, dataNode, shards, mapVersion }: BrokerParts,
  shard: number,
  frame: Uint8Array,
): Promise<WriteShardResponse> {
  const controller = new AbortController();
  let giveUp = (_: CitadelError) => {};
  const expired = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const deadline = env.timers.after(deadlineMs, () => {
    const error = new CitadelError('timeout', 'timeout', { details: { shard } });
    controller.abort(error);
    giveUp(error);
  });
  const request = {
    shard,
    epoch: shards[shard]?.epoch ?? 1,
    mapVersion,
    writeId: env.rng.bytes(writeIdSize),
    level: 'auto' as const,
    frame,
  };
  try {
    return await Promise.race([dataNode.writeShard(request, controller.signal), expired]);
  } finally {
    deadline.cancel();
  }
}

/**
 * Sends frames to the replicas that take their writes, and gives up waiting after the deadline.
 *
 * The frames of one slice leave in one turn and share one deadline: a timer, a signal and a random
 * number for each of them would cost more than their bytes.
 */

import { setMaxListeners } from 'node:events';
import { CitadelError } from '../../base/errors.ts';
import type { WriteShardResponse } from '../../rpc/data-node-api.ts';
import type { BrokerParts } from '../parts.ts';

const deadlineMs = 10_000;
const writeIdSize = 16;
/** Where in a write id the number of the frame stands; the bytes before it are random. */
const counterOffset = 12;

export class FrameSender {
  readonly #parts: BrokerParts;
  readonly #controller = new AbortController();
  readonly #writeId: Uint8Array;
  readonly #expired: Promise<never>;
  readonly #deadline: { cancel(): void };
  #sentCount = 0;
  #pendingCount = 0;

  /** Starts the deadline: frames are sent at once, in the same turn. */
  constructor(parts: BrokerParts) {
    const { env } = parts;
    this.#parts = parts;
    this.#writeId = env.rng.bytes(writeIdSize);
    setMaxListeners(0, this.#controller.signal);
    let giveUp = (_: CitadelError) => {};
    this.#expired = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    // Nobody may be waiting when the last answer and the deadline fall together.
    this.#expired.catch(() => undefined);
    this.#deadline = env.timers.after(deadlineMs, () => {
      const error = new CitadelError('timeout', 'timeout');
      this.#controller.abort(error);
      giveUp(error);
    });
  }

  /**
   * The frame's buffer is handed over.
   *
   * @throws CitadelError as DataNodeApi.writeShard, and `timeout` when its fate is unknown
   */
  async send(shard: number, frame: Uint8Array): Promise<WriteShardResponse> {
    const { dataNode, shards, mapVersion } = this.#parts;
    const request = {
      shard,
      epoch: shards[shard]?.epoch ?? 1,
      mapVersion,
      writeId: this.#nextWriteId(),
      level: 'auto' as const,
      frame,
    };
    this.#pendingCount++;
    try {
      const answer = dataNode.writeShard(request, this.#controller.signal);
      return await Promise.race([answer, this.#expired]);
    } finally {
      this.#pendingCount--;
      if (this.#pendingCount === 0) this.#deadline.cancel();
    }
  }

  #nextWriteId(): Uint8Array {
    const id = Uint8Array.from(this.#writeId);
    new DataView(id.buffer).setUint32(counterOffset, this.#sentCount++);
    return id;
  }
}

/** One frame alone. */
export function sendFrame(
  parts: BrokerParts,
  shard: number,
  frame: Uint8Array,
): Promise<WriteShardResponse> {
  return new FrameSender(parts).send(shard, frame);
}

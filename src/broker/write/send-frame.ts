/**
 * Sends frames to the replicas that take their writes, and gives up waiting after the deadline.
 *
 * The frames of one slice leave in one turn and share one deadline: a timer, a signal and a random
 * number for each of them would cost more than their bytes.
 */

import { setMaxListeners } from 'node:events';
import { CitadelError } from '../../base/errors.ts';
import type { ConsistencyLevel, WriteShardResponse } from '../../rpc/data-node-api.ts';
import type { BrokerParts } from '../parts.ts';
import type { IsAbandoned } from '../requests.ts';
import { routeWrite } from '../route/write-route.ts';

/** Of the frames of a slice, together. */
export const deadlineMs = 10_000;
const writeIdSize = 16;
/** Where in a write id the number of the frame stands; the bytes before it are those of the request. */
const counterOffset = 12;

/** What the request says of its writes; default: ids of their own, and only the deadline. */
export interface SendOptions {
  /** 16 bytes, of the whole request: each frame gets one made of it and its number. */
  readonly writeId?: Uint8Array | undefined;
  /** Wall clock, ms since the Unix epoch: no attempt starts after it. */
  readonly notAfterMs?: number | undefined;
  readonly isAbandoned?: IsAbandoned | undefined;
  /** The deadline runs until `finish`, not only while something is on its way: frames leave one after the other. */
  readonly isHeld?: boolean;
}

export class FrameSender {
  readonly #parts: BrokerParts;
  readonly #level: ConsistencyLevel;
  readonly #controller = new AbortController();
  readonly #writeId: Uint8Array;
  readonly #expired: Promise<never>;
  readonly #deadline: { cancel(): void };
  readonly #notAfterMs: number | undefined;
  readonly #isAbandoned: IsAbandoned | undefined;
  #isHeld: boolean;
  #sentCount = 0;
  #pendingCount = 0;

  /** Starts the deadline: frames are sent at once, in the same turn. */
  constructor(
    parts: BrokerParts,
    level: ConsistencyLevel = parts.defaultLevel,
    options: SendOptions = {},
  ) {
    const { env } = parts;
    this.#parts = parts;
    this.#level = level;
    this.#writeId = options.writeId ?? env.rng.bytes(writeIdSize);
    this.#notAfterMs = options.notAfterMs;
    this.#isAbandoned = options.isAbandoned;
    this.#isHeld = options.isHeld === true;
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
   * The frame's buffer is handed over. `part`: its number within the request and shard, the same whenever the request
   * is sent again; undefined = that never happens.
   *
   * @throws CitadelError as DataNodeApi.writeShard, and `timeout` when its fate is unknown
   */
  async send(shard: number, frame: Uint8Array, part?: number): Promise<WriteShardResponse> {
    const { signal } = this.#controller;
    const writeId = this.#writeIdOf(part ?? this.#sentCount++);
    const notAfterMs = this.#notAfterMs;
    const isAbandoned = this.#isAbandoned;
    this.#pendingCount++;
    try {
      const write = { shard, writeId, level: this.#level, frame, notAfterMs, isAbandoned, signal };
      return await Promise.race([routeWrite(this.#parts.route, write), this.#expired]);
    } finally {
      this.#pendingCount--;
      if (this.#pendingCount === 0 && !this.#isHeld) this.#deadline.cancel();
    }
  }

  /** Nothing more will be sent; of one that is held. */
  finish(): void {
    this.#isHeld = false;
    if (this.#pendingCount === 0) this.#deadline.cancel();
  }

  #writeIdOf(part: number): Uint8Array {
    const id = Uint8Array.from(this.#writeId);
    const view = new DataView(id.buffer);
    view.setUint32(counterOffset, view.getUint32(counterOffset) ^ part);
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

/**
 * Blocks into messages: several small ones together, but none waits for a next one that is not there
 * yet. At most one block is pulled ahead of what the receiver has taken.
 */

import type { Timers } from '../../env/env.ts';
import { takeMessage } from '../wire/requests.ts';
import { ValueWriter } from '../wire/value-writer.ts';

/** Larger messages are barely faster and hold up others on the connection. */
const messageBytes = 256 * 1024;

export type Send = (message: Buffer) => Promise<void>;

/** True when it settles without anything having to arrive first. */
function isSettledSoon(pending: Promise<unknown>, timers: Timers): Promise<boolean> {
  return Promise.race([
    pending.then(
      () => true,
      () => true,
    ),
    timers.yieldNow().then(() => false),
  ]);
}

export async function sendBlocks(
  blocks: AsyncIterable<object>,
  send: Send,
  timers: Timers,
): Promise<void> {
  const iterator = blocks[Symbol.asyncIterator]();
  const writer = new ValueWriter();
  let isOver = false;
  try {
    for (;;) {
      const pending = iterator.next();
      // Looked at below; a failure of `send` must not leave it unhandled.
      pending.catch(() => undefined);
      const isFull = writer.bytes >= messageBytes;
      if (writer.valueCount > 0 && (isFull || !(await isSettledSoon(pending, timers)))) {
        await send(takeMessage(writer));
      }
      const { done, value } = await pending;
      if (done === true) break;
      writer.add(value);
    }
    isOver = true;
    if (writer.valueCount > 0) await send(takeMessage(writer));
  } catch (error) {
    // What came before a failure of the scan is worth having: its reader goes on behind it elsewhere.
    if (!isOver && writer.valueCount > 0) await send(takeMessage(writer)).catch(() => undefined);
    throw error;
  } finally {
    if (!isOver) await iterator.return?.();
  }
}

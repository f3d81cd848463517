/**
 * Messages on their way between threads, moved into one buffer that can be handed over: each begins at a multiple
 * of 8, so that the frames in it lie as they must.
 */

import { align8 } from '../base/bytes.ts';
import type { ShardMessage } from './worker/cluster-messages.ts';

export function packMessages<M extends ShardMessage>(messages: readonly M[]): M[] {
  let size = 0;
  for (const { bytes } of messages) size += align8(bytes.length);
  const pack = new Uint8Array(size);
  let at = 0;
  return messages.map((message) => {
    const { bytes } = message;
    pack.set(bytes, at);
    const moved = pack.subarray(at, at + bytes.length);
    at += align8(bytes.length);
    return { ...message, bytes: moved };
  });
}

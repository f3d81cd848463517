/** The queue for a peer: in order, in batches, bounded, and never without room for one. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PeerMessage } from '../../../../src/rpc/peer-api.ts';
import { OutgoingQueue } from '../../../../src/rpc/peers/outgoing-queue.ts';

const limit = 16 * 1024 * 1024;
const batchLimit = 256 * 1024;
const overhead = 12;

const cache = new Map<number, Uint8Array>();

/** Contents do not matter here, so equal sizes share bytes. */
function message(shard: number, size: number): PeerMessage {
  let bytes = cache.get(size);
  if (bytes === undefined) {
    bytes = new Uint8Array(size);
    cache.set(size, bytes);
  }
  return { kind: 'tstore', shard, bytes };
}

// Method: random adds and takes against a plain list with the rules spelled out.
test('it behaves like a bounded list', async () => {
  const size = fc.constantFrom(0, 100, 100_000, 300_000, 5_000_000, 17_000_000);
  const step = fc.oneof(
    fc.array(size, { maxLength: 6 }).map((sizes) => ({ sizes })),
    fc.constant({ sizes: undefined }),
  );
  await fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const queue = new OutgoingQueue();
      let model: PeerMessage[] = [];
      let number = 0;
      let dropped = 0;
      const held = () => model.reduce((sum, { bytes }) => sum + bytes.length + overhead, 0);
      for (const { sizes } of steps) {
        if (sizes !== undefined) {
          const messages = sizes.map((bytes) => message(number++, bytes));
          queue.add(messages);
          for (const one of messages) {
            if (model.length === 0 || held() + one.bytes.length + overhead <= limit)
              model.push(one);
            else dropped++;
          }
        } else {
          const taken = queue.take();
          const bytes = taken.reduce((sum, one) => sum + one.bytes.length + overhead, 0);
          expect(taken.length <= 1 || bytes <= batchLimit).toBe(true);
          expect(taken.length > 0 || model.length === 0).toBe(true);
          expect(taken.map(({ shard }) => shard)).toEqual(
            model.slice(0, taken.length).map(({ shard }) => shard),
          );
          model = model.slice(taken.length);
        }
        expect(queue.isEmpty).toBe(model.length === 0);
        expect(queue.dropped).toBe(dropped);
      }
    }),
  );
});

/** Messages in one buffer: nothing of them changes but where they lie. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packMessages } from '../../../src/datanode/pack-messages.ts';

test('messages keep their bytes and facts, lie at multiples of 8 and share one buffer', async () => {
  const any = fc.record({ shard: fc.nat(), to: fc.string(), bytes: fc.uint8Array() });
  await fc.assert(
    fc.property(fc.array(any), (messages) => {
      const packed = packMessages(messages);
      expect(packed).toEqual(messages);
      expect(packed.every(({ bytes }) => bytes.byteOffset % 8 === 0)).toBe(true);
      expect(new Set(packed.map(({ bytes }) => bytes.buffer)).size).toBe(
        messages.length > 0 ? 1 : 0,
      );
    }),
  );
});

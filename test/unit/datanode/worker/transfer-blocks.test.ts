/** Blocks cross threads whole, and leave the arrays they were made from alone. */

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BlockPacker,
  type Parcel,
  unpackBlocks,
} from '../../../../src/datanode/worker/transfer-blocks.ts';

test('a view into a larger buffer travels alone, and stays usable here', () => {
  const large = new Float64Array(10_000).map((_, i) => i);
  const values = large.subarray(100, 103);
  const block = {
    kind: 'raw',
    group: ['a', 'b'],
    times: BigInt64Array.of(1n, 2n, 3n),
    columns: [{ type: 'float', values, valid: undefined }, undefined],
    twice: [values, values],
  };
  const flags = { flags: Uint8Array.of(1, 0, 1), big: BigUint64Array.of(2n ** 64n - 1n) };
  const packer = new BlockPacker();
  packer.add(block);
  packer.add(flags);
  const { bytes } = packer;
  const parcel = packer.take();
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(parcel, [parcel.buffer]);
  const arrived = receiveMessageOnPort(port2) as { message: Parcel };
  port1.close();
  const message = [...unpackBlocks(arrived.message)] as [typeof block, typeof flags];

  expect(message).toEqual([block, flags]);
  expect(parcel.buffer.byteLength).toBe(0);
  expect(packer.blockCount).toBe(0);
  expect(message[0].times.buffer).toBe(message[1].flags.buffer);
  expect(arrived.message.structureAt).toBe(24 + 24 + 8 + 8);
  expect(large.length).toBe(10_000);
  expect(bytes).toBe(arrived.message.bytes);
  expect(bytes).toBeLessThan(2_000);
});

// Goal: whatever plain data a block holds arrives as it was. Method: any nesting of any of it.
test('every kind of value arrives', async () => {
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(undefined, null, true, false),
      fc.double(),
      fc.string(),
      fc.array(fc.string()),
      fc.float64Array(),
      fc.bigInt64Array(),
      fc.bigUint64Array(),
      fc.uint32Array(),
      fc.uint8Array(),
      fc.array(tie('value')),
      fc.dictionary(fc.constantFrom('type', 'values', 'valid'), tie('value'), {
        noNullPrototype: true,
      }),
    ),
  }));
  await fc.assert(
    fc.property(fc.array(fc.record({ value }), { minLength: 1 }), (blocks) => {
      const packer = new BlockPacker();
      for (const block of blocks) packer.add(block);
      expect([...unpackBlocks(packer.take())]).toEqual(blocks);
    }),
  );
});

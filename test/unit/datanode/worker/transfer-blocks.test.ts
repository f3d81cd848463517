/** Blocks cross threads whole, and leave the arrays they were made from alone. */

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { packBlocks, weighBlock } from '../../../../src/datanode/worker/transfer-blocks.ts';

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
  const { value, transfer, bytes } = packBlocks<unknown>([block, flags]);
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(value, transfer);
  const { message } = receiveMessageOnPort(port2) as {
    message: [typeof block, typeof flags];
  };
  port1.close();

  expect(message).toEqual([block, flags]);
  expect(transfer).toHaveLength(1);
  expect(message[0].times.buffer).toBe(message[1].flags.buffer);
  expect(message[0].times.buffer.byteLength).toBe(24 + 24 + 8 + 8);
  expect(message[0].twice[0]).toBe(message[0].twice[1]);
  expect(large.length).toBe(10_000);
  expect(bytes).toBe(weighBlock([block, flags]));
  expect(bytes).toBeLessThan(2_000);
});

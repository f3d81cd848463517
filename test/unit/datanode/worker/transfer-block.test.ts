/** Blocks cross threads whole, and leave the arrays they were made from alone. */

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { packBlock } from '../../../../src/datanode/worker/transfer-block.ts';

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
  const { value, transfer, bytes } = packBlock(block);
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(value, transfer);
  const { message } = receiveMessageOnPort(port2) as { message: typeof block };
  port1.close();

  expect(message).toEqual(block);
  expect(message.twice[0]!.buffer.byteLength).toBe(24);
  expect(message.twice[0]).toBe(message.twice[1]);
  expect(large.length).toBe(10_000);
  expect(bytes).toBeGreaterThan(48);
  expect(bytes).toBeLessThan(2_000);
});

/** The consumer's end of a stream: pulled, paid for, and cancelled when its consumer leaves. */

import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { BlockStream } from '../../../src/datanode/block-stream.ts';
import type { StreamBlock } from '../../../src/datanode/worker/messages.ts';
import { BlockPacker, type Parcel } from '../../../src/datanode/worker/transfer-blocks.ts';

const block = (name: string): StreamBlock => ({
  measurement: name,
  keys: [],
  values: [],
  count: 0,
});

function pack(blocks: readonly StreamBlock[], bytes: number): Parcel {
  const packer = new BlockPacker();
  for (const one of blocks) packer.add(one);
  return { ...packer.take(), bytes };
}

function makeStream() {
  const told: string[] = [];
  const stream = new BlockStream({
    open: () => told.push('open'),
    credit: (bytes) => told.push(`credit ${bytes}`),
    cancel: () => {
      told.push('cancel');
      stream.end(new CitadelError('cancelled', 'cancelled'));
    },
  });
  return { stream, told };
}

test('starts with the first pull, gives credit for what is taken, ends with its worker', async () => {
  const { stream, told } = makeStream();
  const blocks = stream.blocks(new AbortController().signal);
  expect(told).toEqual([]);
  const first = blocks.next();
  stream.push(pack([block('a'), block('c')], 10));
  stream.push(pack([block('b')], 20));
  expect((await first).value).toEqual(block('a'));
  expect(told).toEqual(['open']);
  expect((await blocks.next()).value).toEqual(block('c'));
  expect((await blocks.next()).value).toEqual(block('b'));
  expect(told).toEqual(['open', 'credit 10']);
  stream.end(undefined);
  expect((await blocks.next()).done).toBe(true);
});

test('a failure comes after what arrived before it', async () => {
  const { stream } = makeStream();
  stream.push(pack([block('a')], 1));
  stream.end(new CitadelError('corrupt', 'damaged'));
  const seen: StreamBlock[] = [];
  const run = async () => {
    for await (const one of stream.blocks(new AbortController().signal)) seen.push(one);
  };
  await expect(run()).rejects.toMatchObject({ code: 'corrupt' });
  expect(seen).toEqual([block('a')]);
});

test('a consumer that leaves cancels the scan', async () => {
  const { stream, told } = makeStream();
  stream.push(pack([block('a')], 1));
  for await (const _ of stream.blocks(new AbortController().signal)) break;
  expect(told).toEqual(['open', 'cancel']);
});

test('the signal cancels a consumer that waits', async () => {
  const { stream, told } = makeStream();
  const abort = new AbortController();
  const next = stream.blocks(abort.signal).next();
  abort.abort();
  await expect(next).rejects.toMatchObject({ code: 'cancelled' });
  expect(told).toEqual(['open', 'cancel']);
});

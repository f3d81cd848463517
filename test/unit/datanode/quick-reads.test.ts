/** Gets of few keys on their way to a worker: together in one message, and none is left without an answer. */

import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import { isQuick, QuickReads } from '../../../src/datanode/quick-reads.ts';
import type {
  StreamBlock,
  StreamRequest,
  ToWorker,
} from '../../../src/datanode/worker/messages.ts';
import { nodeTimers } from '../../../src/env/node/node-timers.ts';
import { listOf } from '../../../src/model/key-list.ts';
import type { ReadLevel } from '../../../src/rpc/data-node-api.ts';

const never = new AbortController().signal;

function request(keyCount: number, level?: ReadLevel): Extract<StreamRequest, { kind: 'kv-get' }> {
  const keys = listOf(Array.from({ length: keyCount }, (_, i) => Uint8Array.of(i)));
  const read = level && { level, mapVersion: 0, marks: [] };
  return { kind: 'kv-get', table: 't', parts: [{ shard: 1, keys }], read };
}

async function* nothing(): AsyncGenerator<StreamBlock> {
  yield* [];
}

test('many keys, and what a quorum must confirm, are streams', () => {
  expect(isQuick(request(64))).toBe(true);
  expect(isQuick(request(65))).toBe(false);
  expect(isQuick(request(1, 'primary'))).toBe(true);
  expect(isQuick(request(1, 'quorum'))).toBe(false);
});

test('gets of one turn leave in one message, up to 128; with the worker all of them fail', async () => {
  const sent: ToWorker[] = [];
  const reads = new QuickReads((message) => sent.push(message), nodeTimers);
  const gets = Array.from({ length: 200 }, () => reads.blocks(request(1), never, nothing).next());
  const failed = Promise.allSettled(gets);
  await nodeTimers.yieldNow();
  await nodeTimers.yieldNow();
  expect(sent.map((one) => one.kind === 'kv-gets' && one.parcel.blockCount)).toEqual([128, 72]);
  reads.fail(new CitadelError('internal', 'gone'));
  expect((await failed).every(({ status }) => status === 'rejected')).toBe(true);
  await expect(reads.blocks(request(1), never, nothing).next()).rejects.toThrow('gone');
});

test('who has left asks for nothing', async () => {
  const sent: ToWorker[] = [];
  const reads = new QuickReads((message) => sent.push(message), nodeTimers);
  const left = AbortSignal.abort();
  await expect(reads.blocks(request(1), left, nothing).next()).rejects.toThrow('cancelled');
  await nodeTimers.yieldNow();
  expect(sent).toEqual([]);
});

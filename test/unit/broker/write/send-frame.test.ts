/**
 * Goal: the frames of a slice share one deadline, each has a write id of its own, and an answer that comes
 * in time stops the clock. Method: a data node whose answers the test gives, timers fired by hand.
 */

import { expect, test } from 'vitest';
import type { BrokerParts } from '../../../../src/broker/parts.ts';
import { AckedMarks } from '../../../../src/broker/route/acked-marks.ts';
import { FrameSender } from '../../../../src/broker/write/send-frame.ts';
import type { WriteShardRequest, WriteShardResponse } from '../../../../src/rpc/data-node-api.ts';

interface Call {
  readonly request: WriteShardRequest;
  readonly signal: AbortSignal;
  readonly answer: (response: WriteShardResponse) => void;
}

const stored: WriteShardResponse = { origin: 'o', sequence: 1, copies: 1, levelReached: 'one' };

function makeParts() {
  const calls: Call[] = [];
  const timers: { fire: () => void; cancelled: boolean }[] = [];
  const parts = {
    env: {
      rng: { bytes: (size: number) => Buffer.alloc(size, 7) },
      timers: {
        after: (_: number, fire: () => void) => {
          const timer = { fire, cancelled: false };
          timers.push(timer);
          return { cancel: () => Object.assign(timer, { cancelled: true }) };
        },
      },
    },
    defaultLevel: 'auto',
  };
  const dataNode = {
    writeShard: (request: WriteShardRequest, signal: AbortSignal) =>
      new Promise<WriteShardResponse>((answer) => calls.push({ request, signal, answer })),
  };
  const shards = [3, 4].map((epoch) => ({ epoch, primary: 'n', replicas: ['n'] }));
  const map = { version: 9, nodes: new Map(), shards: { tstore: shards } };
  const route = { cluster: { map }, dataNode: () => dataNode, marks: new AckedMarks() };
  return { parts: { ...parts, route } as unknown as BrokerParts, calls, timers };
}

const frame = new Uint8Array(8);

test('frames have write ids of their own and the epochs of their shards', async () => {
  const { parts, calls, timers } = makeParts();
  const sender = new FrameSender(parts);
  const answers = [0, 1, 1].map((shard) => sender.send(shard, frame));
  const ids = calls.map(({ request }) => Buffer.from(request.writeId).toString('hex'));
  expect(new Set(ids).size).toBe(3);
  expect(ids.every((id) => id.length === 32)).toBe(true);
  expect(calls.map(({ request }) => request.epoch)).toEqual([3, 4, 4]);
  for (const { answer } of calls) answer(stored);
  expect(await Promise.all(answers)).toEqual([stored, stored, stored]);
  expect(timers.map(({ cancelled }) => cancelled)).toEqual([true]);
});

test('after the deadline the fate of the unanswered ones is unknown, the others are stored', async () => {
  const { parts, calls, timers } = makeParts();
  const sender = new FrameSender(parts);
  const [first, second] = [sender.send(0, frame), sender.send(1, frame)];
  calls[0]!.answer(stored);
  expect(await first).toEqual(stored);
  expect(timers[0]!.cancelled).toBe(false);
  timers[0]!.fire();
  await expect(second).rejects.toMatchObject({ code: 'timeout' });
  expect(calls[1]!.signal.aborted).toBe(true);
});

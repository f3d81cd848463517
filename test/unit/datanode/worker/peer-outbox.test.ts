/** Messages for peers leave a turn of the event loop in one parcel, each encoded once. */

import { expect, test } from 'vitest';
import type {
  ClusterFromWorker,
  OutgoingMessage,
} from '../../../../src/datanode/worker/cluster-messages.ts';
import { PeerOutbox } from '../../../../src/datanode/worker/peer-outbox.ts';
import { createSimEnv } from '../../../../src/env/sim/sim-env.ts';
import { decodeMessage } from '../../../../src/replication/message-codec.ts';
import type { MessageHead, ReplicaMessage } from '../../../../src/replication/peer-message.ts';

const head: MessageHead = { hlc: 7, wallMs: 1_000, recordVersion: 1, record: undefined };

function push(sequence: number, frameSize: number): ReplicaMessage {
  const entry = {
    origin: '00000000000000aa',
    sequence,
    hlc: 7,
    epoch: 1,
    writeId: new Uint8Array(16),
    frame: new Uint8Array(frameSize).fill(sequence),
  };
  return { head, body: { kind: 'push', entry } };
}

function makeOutbox() {
  const { scheduler, timers } = createSimEnv(1);
  const parcels: (readonly OutgoingMessage[])[] = [];
  const send = (message: ClusterFromWorker, transfer: readonly ArrayBuffer[]) => {
    // As a port does it: a buffer named twice, or not at all, would show.
    const copy = structuredClone(message, { transfer: [...transfer] });
    if (copy.kind === 'peer-messages') parcels.push(copy.messages);
  };
  return { outbox: new PeerOutbox({ timers, send }), parcels, scheduler };
}

test('what one turn brings leaves together and in order', async () => {
  const { outbox, parcels, scheduler } = makeOutbox();
  outbox.add(1, 'b', push(1, 64));
  await Promise.resolve();
  outbox.add(2, 'c', push(2, 64));
  await Promise.resolve();
  outbox.add(1, 'b', push(3, 64));
  expect(parcels).toEqual([]);
  await scheduler.advance(1);
  outbox.add(3, 'b', push(4, 64));
  await scheduler.advance(1);
  const seen = parcels.map((messages) => messages.map(({ shard, to }) => [shard, to]));
  expect(seen).toEqual([
    [
      [1, 'b'],
      [2, 'c'],
      [1, 'b'],
    ],
    [[3, 'b']],
  ]);
});

test('a large message for several nodes crosses once, and everyone gets it whole', async () => {
  const { outbox, parcels, scheduler } = makeOutbox();
  const message = push(9, 20_000);
  outbox.add(1, 'b', message);
  outbox.add(1, 'c', { head, body: message.body });
  await scheduler.advance(1);
  const [messages = []] = parcels;
  expect(messages.map(({ to }) => to)).toEqual(['b', 'c']);
  expect(messages[0]!.bytes.buffer).toBe(messages[1]!.bytes.buffer);
  for (const { bytes } of messages) {
    const { body } = decodeMessage(bytes);
    expect(body.kind === 'push' && body.entry.frame.every((byte) => byte === 9)).toBe(true);
  }
});

/** Graphite's plain text over TCP and UDP, with the real broker over a data node that stores nothing, in simulated time. */

import { expect, test } from 'vitest';
import { createSimEnv } from '../../../../src/env/sim/sim-env.ts';
import { openPointsFrame } from '../../../../src/model/frame-decode.ts';
import { startGraphite } from '../../../../src/services/listeners/graphite.ts';
import { openInProcessBroker } from '../../../support/in-process-broker.ts';

const settings = {
  host: '',
  port: 2003,
  database: 'graphite',
  policy: 'kept',
  protocol: 'tcp' as const,
  separator: '.',
  tags: [],
  templates: [],
  batch: { size: 4, pending: 1, timeoutMs: 1_000 },
  readBufferBytes: 0,
};

async function start(protocol: 'tcp' | 'udp' = 'tcp') {
  const env = createSimEnv(1);
  const { broker, catalog, dataNode } = await env.scheduler.run(openInProcessBroker(env));
  const service = await startGraphite({ env, broker, catalog }, { ...settings, protocol });
  return {
    env,
    catalog,
    dataNode,
    counts: () => service.describe() as Record<string, number>,
    stop: () => env.scheduler.run(service.stop()),
    rowCount: () =>
      dataNode.writes.reduce((sum, { frame }) => sum + openPointsFrame(frame).header.rowCount, 0),
  };
}

/** A connection that says how much of it was read. */
function stream(texts: readonly string[]) {
  const state = { read: 0 };
  async function* parts() {
    for (const text of texts) {
      state.read++;
      yield Buffer.from(text);
    }
  }
  return { state, parts: parts() };
}

test('lines are put together from parts; the end without a line feed is none', async () => {
  const world = await start();
  const { parts } = stream(['a.b 1 1\na.', 'c 2 2\na.d', ' 3', ' 3\nlast 4 4']);
  world.env.listeners.connect(2003, parts);
  await world.env.scheduler.advance(2_000);
  expect(world.counts()).toMatchObject({ points: 3, pointsWritten: 3, pointsRefused: 0 });
  expect(world.rowCount()).toBe(3);
  const { policies, defaultPolicy } = world.catalog.view.database('graphite')!;
  expect([policies.map(({ name }) => name), defaultPolicy]).toEqual([['kept'], 'kept']);
});

test('a database that is there gets the policy that it lacks', async () => {
  const world = await start();
  await world.env.scheduler.run(world.catalog.createDatabase('graphite'));
  world.env.listeners.connect(2003, stream(['a 1 1\n']).parts);
  await world.env.scheduler.advance(2_000);
  const { policies, defaultPolicy } = world.catalog.view.database('graphite')!;
  expect([policies.map(({ name }) => name), defaultPolicy]).toEqual([['autogen', 'kept'], 'kept']);
});

test('a stream is not read further while all batches wait, and nothing of it is lost', async () => {
  const world = await start();
  let finish: () => void = () => undefined;
  const written = new Promise<void>((resolve) => {
    finish = resolve;
  });
  world.dataNode.onWrite = () => written;
  const texts = Array.from({ length: 50 }, (_, i) => `m${i} 1 1\nn${i} 1 1\n`);
  const { state, parts } = stream(texts);
  world.env.listeners.connect(2003, parts);
  await world.env.scheduler.advance(5_000);
  expect(state.read).toBeLessThan(10);
  finish();
  await world.env.scheduler.advance(60_000);
  expect(world.rowCount()).toBe(100);
  expect(world.counts()).toMatchObject({ pointsWritten: 100, pointsDropped: 0 });
});

test('a line without end closes its connection', async () => {
  const world = await start();
  const { state, parts } = stream(Array.from({ length: 100 }, () => 'x'.repeat(10_000)));
  world.env.listeners.connect(2003, parts);
  await world.env.scheduler.advance(100);
  expect(state.read).toBe(7);
  expect(world.env.events).toContainEqual(
    expect.objectContaining({ level: 'warn', event: 'connections were closed' }),
  );
});

test('datagrams are dropped, counted and said while all batches wait', async () => {
  const world = await start('udp');
  let finish: () => void = () => undefined;
  const written = new Promise<void>((resolve) => {
    finish = resolve;
  });
  world.dataNode.onWrite = () => written;
  for (let i = 0; i < 8; i++) {
    world.env.listeners.sendDatagram(2003, Buffer.from(`a${i} 1 1\nb${i} 1 1`));
  }
  await world.env.scheduler.advance(10);
  expect(world.counts()).toMatchObject({ points: 16, pointsDropped: 12 });
  finish();
  await world.stop();
  expect(world.rowCount()).toBe(4);
});

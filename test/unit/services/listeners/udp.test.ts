/** Line protocol in datagrams, with the real broker over a data node that stores nothing, in simulated time. */

import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { createSimEnv, type SimEnv } from '../../../../src/env/sim/sim-env.ts';
import type { Catalog } from '../../../../src/metadata/catalog-view.ts';
import { openPointsFrame } from '../../../../src/model/frame-decode.ts';
import { formatSeriesKey } from '../../../../src/model/series-key.ts';
import { startUdp } from '../../../../src/services/listeners/udp.ts';
import type { FakeDataNode } from '../../../support/fake-data-node.ts';
import { openInProcessBroker } from '../../../support/in-process-broker.ts';

const settings = {
  host: '',
  port: 8089,
  database: 'udp',
  policy: '',
  precision: 'ns',
  batch: { size: 4, pending: 2, timeoutMs: 1_000 },
  readBufferBytes: 0,
};

interface World {
  readonly env: SimEnv;
  readonly dataNode: FakeDataNode;
  readonly catalog: Catalog;
  send(text: string): void;
  counts(): Record<string, number>;
  stop(): Promise<void>;
}

async function start(): Promise<World> {
  const env = createSimEnv(1);
  const { broker, catalog, dataNode } = await env.scheduler.run(openInProcessBroker(env));
  const service = await startUdp({ env, broker, catalog }, settings);
  return {
    env,
    dataNode,
    catalog,
    send: (text) => {
      expect(env.listeners.sendDatagram(8089, Buffer.from(text))).toBe(true);
    },
    counts: () => service.describe() as Record<string, number>,
    stop: () => env.scheduler.run(service.stop()),
  };
}

/** Series and time of every row that was sent to the data node. */
function rowsOf({ writes }: FakeDataNode): string[] {
  const rows = writes.flatMap(({ frame: bytes }) => {
    const frame = openPointsFrame(bytes);
    return Array.from({ length: frame.seriesCount }, (_, series) =>
      [...frame.times(series)].map((time) => `${formatSeriesKey(frame.key(series))} ${time}`),
    ).flat();
  });
  return rows.sort();
}

test('datagrams wait for others, then go together, each with its own now', async () => {
  const world = await start();
  const startNs = world.env.clock.wallNs();
  world.send('a v=1');
  await world.env.scheduler.advance(500);
  world.send('a v=2\nb v=3\n');
  expect(world.dataNode.writes).toEqual([]);
  await world.env.scheduler.advance(600);
  const later = startNs + 500_000_000n;
  expect(rowsOf(world.dataNode)).toEqual([`a ${startNs}`, `a ${later}`, `b ${later}`]);
  expect(world.catalog.view.database('udp')).toBeDefined();
  expect(world.counts()).toMatchObject({ points: 3, pointsWritten: 3, pointsDropped: 0 });
});

test('what one datagram leaves open does not reach into the next', async () => {
  const world = await start();
  world.send('a s="never closed 1');
  world.send('b v=1 2');
  world.send('# x="');
  world.send('c v=1 3');
  await world.env.scheduler.advance(2_000);
  expect(rowsOf(world.dataNode)).toEqual(['b 2', 'c 3']);
  expect(world.counts()).toMatchObject({ pointsWritten: 2, pointsRefused: 1 });
});

test('what comes while all batches wait is dropped, counted and said', async () => {
  const world = await start();
  let finish: () => void = () => undefined;
  const written = new Promise<void>((resolve) => {
    finish = resolve;
  });
  world.dataNode.onWrite = () => written;
  for (let i = 0; i < 12; i++) world.send(`m,i=${i} v=1 1`);
  await world.env.scheduler.advance(10);
  expect(world.counts()).toMatchObject({ points: 12, pointsDropped: 4, pointsWritten: 0 });
  expect(world.env.events).toContainEqual(
    expect.objectContaining({ level: 'warn', event: 'points were dropped' }),
  );
  finish();
  await world.env.scheduler.advance(1_000);
  expect(world.counts()).toMatchObject({ pointsWritten: 8 });
  expect(rowsOf(world.dataNode)).toHaveLength(8);
});

test('a write that may succeed later is tried again', async () => {
  const world = await start();
  let attempts = 0;
  world.dataNode.onWrite = async () => {
    attempts++;
    if (attempts < 4) throw new CitadelError('overloaded', 'too much memory');
  };
  world.send('m v=1 7');
  await world.env.scheduler.advance(10_000);
  expect(rowsOf(world.dataNode)).toEqual(['m 7']);
  expect(world.counts()).toMatchObject({ pointsWritten: 1, pointsFailed: 0 });
});

test('what cannot be written at all is counted and said, and the next batch goes on', async () => {
  const world = await start();
  world.dataNode.onWrite = async () => {
    throw new CitadelError('overloaded', 'too much memory');
  };
  world.send('m v=1 1');
  await world.env.scheduler.advance(60_000);
  expect(world.counts()).toMatchObject({ pointsFailed: 1, pointsWritten: 0 });
  world.dataNode.onWrite = async () => undefined;
  world.send('m v=2 2');
  await world.env.scheduler.advance(2_000);
  expect(rowsOf(world.dataNode)).toEqual(['m 2']);
  expect(world.counts()).toMatchObject({ pointsFailed: 1, pointsWritten: 1 });
});

test('of a batch with bad lines the good ones are written', async () => {
  const world = await start();
  world.send('a v=1 1\nb v=2 2\nc\na v="x" 3');
  await world.env.scheduler.advance(2_000);
  expect(rowsOf(world.dataNode)).toEqual(['a 1', 'b 2']);
  expect(world.counts()).toMatchObject({ points: 4, pointsWritten: 2, pointsRefused: 2 });
});

test('a stop writes what is there and takes no more', async () => {
  const world = await start();
  world.send('m v=1 1');
  await world.stop();
  expect(rowsOf(world.dataNode)).toEqual(['m 1']);
  expect(world.env.listeners.sendDatagram(8089, Buffer.from('m v=2'))).toBe(false);
});

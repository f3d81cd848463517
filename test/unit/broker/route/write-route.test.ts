/**
 * Goal: a frame finds a replica that takes it, with one write id, and its fate is told truthfully.
 * Method: scripted data nodes under virtual time.
 */

import { expect, test } from 'vitest';
import { CitadelError, type ErrorCode } from '../../../../src/base/errors.ts';
import { routeWrite } from '../../../../src/broker/route/write-route.ts';
import type { ConsistencyLevel } from '../../../../src/rpc/data-node-api.ts';
import { createScriptedNodes, type ScriptedNodes } from '../../../support/scripted-nodes.ts';

const writeId = new Uint8Array(16).fill(7);
const never = () => new Promise<void>(() => undefined);

function failing(code: ErrorCode) {
  return () => Promise.reject(new CitadelError(code, code));
}

function write(scripted: ScriptedNodes, level: ConsistencyLevel, shard = 1, deadlineMs = 10_000) {
  const controller = new AbortController();
  scripted.env.timers.after(deadlineMs, () => controller.abort());
  const frame = new Uint8Array([1, 2, 3]);
  return routeWrite(scripted.parts, { shard, writeId, level, frame, signal: controller.signal });
}

function sentTo(scripted: ScriptedNodes): Record<string, number> {
  return Object.fromEntries([...scripted.nodes].map(([name, { writes }]) => [name, writes.length]));
}

test('the primary is asked, nobody else, and the mark is kept', async () => {
  const scripted = createScriptedNodes(1);
  const response = await scripted.env.scheduler.run(write(scripted, 'auto'));
  expect(sentTo(scripted)).toEqual({ n0: 0, n1: 1, n2: 0 });
  expect(scripted.nodes.get('n1')!.writes[0]).toMatchObject({ epoch: 1, isFallback: false });
  const { origin, sequence } = response;
  expect(scripted.parts.marks.of([1])).toEqual([{ shard: 1, origin, sequence }]);
});

for (const code of ['unavailable', 'redirect', 'disk-full', 'read-only'] as const) {
  test(`a primary that answers ${code} is stood in for at once, with the same write id`, async () => {
    const scripted = createScriptedNodes(2);
    scripted.nodes.get('n1')!.onWrite = failing(code);
    await scripted.env.scheduler.run(write(scripted, 'auto'));
    expect(scripted.env.clock.monotonicMs()).toBeLessThan(1_000);
    expect(scripted.nodes.get('n2')!.writes[0]).toMatchObject({ isFallback: true, writeId });
  });
}

test('a silent primary is stood in for after a second', async () => {
  const scripted = createScriptedNodes(3);
  scripted.nodes.get('n1')!.onWrite = never;
  await scripted.env.scheduler.run(write(scripted, 'one'));
  const waitedMs = scripted.env.clock.monotonicMs();
  expect(waitedMs).toBeGreaterThanOrEqual(1_000);
  expect(waitedMs).toBeLessThan(1_500);
  expect(sentTo(scripted)).toEqual({ n0: 0, n1: 0, n2: 1 });
});

test('at level quorum nobody stands in: the next primary is waited for', async () => {
  const scripted = createScriptedNodes(4);
  scripted.nodes.get('n1')!.onWrite = failing('unavailable');
  scripted.env.timers.after(3_000, () => scripted.change({ primary: 'n2', epoch: 2 }));
  await scripted.env.scheduler.run(write(scripted, 'quorum'));
  expect(scripted.nodes.get('n2')!.writes[0]).toMatchObject({ isFallback: false, epoch: 2 });
  expect(scripted.env.clock.monotonicMs()).toBeGreaterThanOrEqual(3_000);
});

test('what other replicas would answer the same is thrown at once', async () => {
  const scripted = createScriptedNodes(5);
  scripted.nodes.get('n1')!.onWrite = failing('overloaded');
  const result = scripted.env.scheduler.run(write(scripted, 'auto'));
  await expect(result).rejects.toMatchObject({ code: 'overloaded' });
  expect(sentTo(scripted)).toEqual({ n0: 0, n1: 0, n2: 0 });
});

test('without any answer the fate is unknown', async () => {
  const scripted = createScriptedNodes(6);
  for (const node of scripted.nodes.values()) node.onWrite = failing('unavailable');
  const result = scripted.env.scheduler.run(write(scripted, 'auto'));
  await expect(result).rejects.toMatchObject({ code: 'timeout' });
});

test('when every replica refuses for certain, the refusal is the answer', async () => {
  const scripted = createScriptedNodes(7);
  for (const node of scripted.nodes.values()) node.onWrite = failing('disk-full');
  const result = scripted.env.scheduler.run(write(scripted, 'auto'));
  await expect(result).rejects.toMatchObject({ code: 'disk-full' });
});

test('an answer that comes late counts', async () => {
  const scripted = createScriptedNodes(8);
  scripted.nodes.get('n1')!.onWrite = () => scripted.env.timers.sleep(5_000);
  scripted.nodes.get('n2')!.onWrite = never;
  await scripted.env.scheduler.run(write(scripted, 'auto'));
  expect(sentTo(scripted)).toEqual({ n0: 0, n1: 1, n2: 0 });
});

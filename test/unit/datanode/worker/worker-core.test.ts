/** A data worker over a disk that loses power: what it acknowledged stays, damage is named. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allTime } from '../../../../src/model/time.ts';
import { dbId, makeFrame, rpId, shardCount, WorkerRig } from './worker-rig.ts';

type Step =
  | { readonly kind: 'write'; readonly shard: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'fail-flush' }
  | { readonly kind: 'fail-sync' }
  | { readonly kind: 'power-cut' }
  | { readonly kind: 'kill' }
  | { readonly kind: 'restart' };

const history = fc.array<Step>(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({ kind: fc.constant('write' as const), shard: fc.nat(shardCount - 1) }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'wait' as const, ms: 7_000 }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Step>(
        { kind: 'power-cut' },
        { kind: 'kill' },
        { kind: 'restart' },
        { kind: 'fail-flush' },
        { kind: 'fail-sync' },
      ),
    },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);

async function perform(rig: WorkerRig, step: Step, value: number): Promise<void> {
  const { env, faults } = rig;
  switch (step.kind) {
    case 'write':
      rig.write(step.shard, makeFrame(step.shard, value));
      return;
    case 'wait':
      return env.scheduler.advance(step.ms);
    case 'fail-flush':
      faults.failFlushes = 1;
      return;
    case 'fail-sync':
      env.disk.faults.failSyncs = 1;
      return;
    case 'restart':
      await rig.close(true);
      env.kill();
      return rig.open();
    case 'power-cut':
    case 'kill':
      if (step.kind === 'kill') env.kill();
      else env.crash();
      env.disk.faults.failSyncs = 0;
      return rig.open();
  }
}

describe('what was acknowledged survives', () => {
  test('crashes at any moment, with flushes and trimming on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), history, async (seed, steps) => {
        const rig = new WorkerRig(seed, { memoryBytes: 6_000, segmentBytes: 1_000 });
        await rig.open();
        for (const [i, step] of steps.entries()) {
          await perform(rig, step, i + 1);
          expect(rig.lost()).toBe(0);
        }
        await perform(rig, { kind: 'power-cut' }, 0);
        expect(rig.lost()).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  test('a lsn never names two entries of a store', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), history, async (seed, steps) => {
        const rig = new WorkerRig(seed, { fsync: 'never' });
        await rig.open();
        const seen = new Map<string, Buffer>();
        for (const [i, step] of steps.entries()) {
          if (step.kind === 'fail-sync') continue;
          await perform(rig, step, i + 1);
          for (const [shard, { files }] of rig.stores) {
            for (const [lsn, { frame }] of files.rows) {
              const key = `${shard}/${lsn}`;
              const known = seen.get(key);
              if (known !== undefined) expect(known.equals(frame)).toBe(true);
              seen.set(key, Buffer.from(frame));
            }
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a write', () => {
  test('sent again gets the same answer, also after a restart', async () => {
    const rig = new WorkerRig(1);
    await rig.open();
    const writeId = new Uint8Array(16).fill(9);
    const first = rig.write(1, makeFrame(1, 5), writeId);
    const again = rig.write(1, makeFrame(1, 5), writeId);
    await rig.env.scheduler.advance(50);
    rig.env.kill();
    await rig.open();
    const late = rig.write(1, makeFrame(1, 5), writeId);
    await rig.env.scheduler.advance(50);
    const [a, b, c] = [first, again, late].map((id) => rig.answers.get(id));
    expect(a).toMatchObject({ code: 'ok', sequence: 1 });
    expect([b, c]).toEqual([a, a]);
  });

  test('that was held up on its way is refused: others may have been acknowledged meanwhile', async () => {
    const rig = new WorkerRig(1);
    await rig.open();
    const nowMs = rig.env.clock.wallMs();
    const ids = [nowMs - 700, nowMs - 900, nowMs + 300].map((sentMs) =>
      rig.write(1, makeFrame(1, 5), undefined, sentMs),
    );
    await rig.env.scheduler.advance(50);
    const codes = ids.map((id) => rig.answers.get(id)?.code);
    expect(codes).toEqual(['ok', 'unavailable', 'ok']);
  });

  test('sent again within a minute is known when the log that showed it is gone, later no more', async () => {
    const rig = new WorkerRig(1);
    await rig.open();
    const writeId = new Uint8Array(16).fill(9);
    const answerOf = async () => {
      const id = rig.write(1, makeFrame(1, 5), writeId);
      await rig.env.scheduler.advance(50);
      return rig.answers.get(id);
    };
    const reopen = async () => {
      await rig.close(true);
      expect((await rig.status()).logBytes).toBe(0);
      rig.env.kill();
      await rig.open();
    };
    const first = await answerOf();
    await reopen();
    expect(await answerOf()).toEqual(first);
    await rig.env.scheduler.advance(30_000);
    await reopen();
    expect(await answerOf()).toEqual(first);
    await rig.env.scheduler.advance(40_000);
    await reopen();
    expect(await answerOf()).not.toEqual(first);
  });

  test('to a shard of another worker, of another shape, or with a flipped bit is refused', async () => {
    const rig = new WorkerRig(1, { logIds: [0] });
    await rig.open();
    const elsewhere = rig.write(1, makeFrame(1, 5));
    const wrongShard = rig.write(2, makeFrame(0, 5));
    const flipped = makeFrame(0, 5);
    flipped[100]! ^= 4;
    const damaged = rig.write(0, flipped);
    await rig.env.scheduler.advance(50);
    const code = (id: number) => rig.answers.get(id)?.code;
    expect([elsewhere, wrongShard, damaged].map(code)).toEqual([
      'redirect',
      'invalid-argument',
      'corrupt',
    ]);
    expect(rig.lost()).toBe(0);
  });

  test('is refused while memory is short, and taken when a flush has made room', async () => {
    const rig = new WorkerRig(1, { memoryBytes: 3_000 });
    await rig.open();
    const ids = Array.from({ length: 40 }, (_, i) => rig.write(i % 4, makeFrame(i % 4, i)));
    await rig.env.scheduler.advance(100);
    const codes = new Set(ids.map((id) => rig.answers.get(id)?.code));
    expect(codes).toEqual(new Set(['ok', 'overloaded']));
    await rig.env.scheduler.advance(2_000);
    const later = rig.write(0, makeFrame(0, 77));
    await rig.env.scheduler.advance(50);
    expect(rig.answers.get(later)?.code).toBe('ok');
    expect(rig.lost()).toBe(0);
  });

  test('is refused on a full disk, which is told once, and taken again when there is room', async () => {
    const rig = new WorkerRig(1);
    await rig.open();
    rig.write(0, makeFrame(0, 1));
    await rig.env.scheduler.advance(50);
    rig.env.disk.faults.capacity = rig.env.disk.usedBytes() + 10;
    const ids = [rig.write(0, makeFrame(0, 2)), rig.write(1, makeFrame(1, 2))];
    await rig.env.scheduler.advance(50);
    ids.push(rig.write(2, makeFrame(2, 2)));
    await rig.env.scheduler.advance(50);
    expect(ids.map((id) => rig.answers.get(id)?.code)).toEqual(Array(3).fill('disk-full'));
    expect(rig.sent.filter(({ kind }) => kind === 'disk-full')).toHaveLength(1);
    rig.env.disk.faults.capacity = Number.MAX_SAFE_INTEGER;
    rig.core!.receive({ kind: 'disk', full: false });
    const later = rig.write(0, makeFrame(0, 3));
    await rig.env.scheduler.advance(50);
    expect(rig.answers.get(later)).toMatchObject({ code: 'ok', sequence: 1 });
    rig.env.kill();
    await rig.open();
    expect(rig.lost()).toBe(0);
  });
});

test('an idle worker flushes and its logs shrink to nothing', async () => {
  const rig = new WorkerRig(1);
  await rig.open();
  for (let i = 0; i < 20; i++) rig.write(i % 4, makeFrame(i % 4, i));
  await rig.env.scheduler.advance(100);
  expect((await rig.status()).logBytes).toBeGreaterThan(0);
  await rig.env.scheduler.advance(7_000);
  const { logBytes, shards } = await rig.status();
  expect(logBytes).toBe(0);
  expect(shards.map(({ lsn, replayFrom }) => [lsn, replayFrom])).toEqual(Array(4).fill([5, 5]));
});

async function flipPayload(rig: WorkerRig): Promise<string> {
  const file = 'log/0/00000001.log';
  const bytes = await rig.env.scheduler.run(rig.env.disk.readAll(file));
  const magic = Buffer.from('CTWF');
  rig.env.disk.flip(file, Buffer.from(bytes).indexOf(magic) + 150);
  return file;
}

async function ask(rig: WorkerRig, min: bigint, max: bigint): Promise<string> {
  const plan = {
    dbId,
    rpId,
    measurement: 'm',
    range: { min, max },
    where: undefined,
    dimensions: [],
    descending: false,
    output: { kind: 'raw' as const, columns: [], rowLimit: 0 },
  };
  const id = 900_000 + rig.sent.length;
  rig.core!.receive({
    kind: 'stream',
    id,
    shards: [0],
    request: { kind: 'scan', plan, read: undefined },
  });
  await rig.env.scheduler.advance(10);
  const end = rig.sent.find((message) => message.kind === 'end' && message.id === id);
  return end?.kind === 'end' ? (end.failure?.message ?? 'whole') : 'open';
}

test('a damaged record hides its time range, by name, until the record of it is removed', async () => {
  const rig = new WorkerRig(1);
  await rig.open();
  rig.write(0, makeFrame(0, 1, 1_000n));
  await rig.env.scheduler.advance(30);
  rig.write(0, makeFrame(0, 2, 5_000n));
  await rig.env.scheduler.advance(200);
  rig.env.kill();
  const file = await flipPayload(rig);
  await rig.open();
  const named = `${file} is damaged at offset 176: entries 1 to 1 of shard 0 are lost`;
  expect((await rig.status()).shards[0]!.faults).toEqual([named]);
  expect(await ask(rig, 0n, 2_000n)).toContain(named);
  expect(await ask(rig, allTime.min, allTime.max)).toContain(named);
  expect(await ask(rig, 2_000n, 9_000n)).not.toContain('damaged');

  await rig.env.scheduler.advance(7_000);
  rig.env.kill();
  await rig.open();
  expect(await ask(rig, 0n, 2_000n)).toContain(named);
  const later = rig.write(0, makeFrame(0, 3));
  await rig.env.scheduler.advance(30);
  expect(rig.answers.get(later)?.code).toBe('ok');

  rig.env.kill();
  await rig.env.scheduler.run(rig.env.disk.remove('log/0/damage.json'));
  await rig.open();
  expect((await rig.status()).shards[0]!.faults).toEqual([]);
});

test('a new entry is not taken for one that the log lost and a cut flush has saved', async () => {
  const rig = new WorkerRig(1, { segmentBytes: 1_000_000 });
  await rig.open();
  rig.write(0, makeFrame(0, 1));
  await rig.env.scheduler.advance(30);
  rig.faults.failFlushes = 1;
  await rig.env.scheduler.advance(5_500);
  expect([...rig.stores.get(0)!.files.rows.keys()]).toEqual([1]);
  expect(rig.stores.get(0)!.positions.replayFrom).toBe(0);
  rig.env.kill();
  await flipPayload(rig);
  await rig.open();
  const later = rig.write(0, makeFrame(0, 2));
  await rig.env.scheduler.advance(30);
  expect(rig.answers.get(later)?.code).toBe('ok');
  expect([...rig.stores.get(0)!.memory.keys()]).toEqual([2]);
  await rig.env.scheduler.advance(9_000);
  const { replayFrom } = rig.stores.get(0)!.positions;
  expect(replayFrom).toBe(2);
  expect(rig.lost()).toBe(0);
});

test('a damaged record that is in the store already costs nothing', async () => {
  const rig = new WorkerRig(1, { segmentBytes: 1_000_000 });
  await rig.open();
  rig.write(0, makeFrame(0, 1));
  await rig.env.scheduler.advance(4_000);
  rig.write(2, makeFrame(2, 2));
  await rig.env.scheduler.advance(2_000);
  rig.env.kill();
  await flipPayload(rig);
  await rig.open();
  expect((await rig.status()).shards.flatMap(({ faults }) => faults)).toEqual([]);
  expect(rig.lost()).toBe(0);
  expect(rig.env.events.some(({ event }) => event === 'commit log damaged')).toBe(true);
});

test('a damaged file of reserved stamps is replaced, and stamps still only grow', async () => {
  const rig = new WorkerRig(1);
  await rig.open();
  rig.write(0, makeFrame(0, 1));
  await rig.env.scheduler.advance(50);
  rig.env.kill();
  rig.env.scheduler.jumpWall(-3_600_000);
  rig.env.disk.flip('log/0/stamps', 9);
  await rig.open();
  rig.write(0, makeFrame(0, 2));
  await rig.env.scheduler.advance(50);
  const stamps = [...rig.stores.get(0)!.memory.values()].map(({ hlc }) => hlc);
  expect(stamps).toHaveLength(2);
  expect(stamps[1]!).toBeGreaterThan(stamps[0]!);
  rig.env.kill();
  await rig.open();
  expect(rig.env.events.filter(({ event }) => event === 'damaged file replaced')).toHaveLength(1);
});

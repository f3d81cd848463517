/**
 * Goal: a tail gets every acknowledged frame of its policy, in order per origin, over crashes of the worker, as long
 * as the log may keep what it lacks; what it loses beyond is counted, and the log stays within its bound.
 * Method: random writes, flushes, reads, saved positions and crashes in the simulated world; what was read since
 * the last save may come again after a crash.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TailsAtStart } from '../../../../src/datanode/worker/tail-holds.ts';
import type { EntryVersions, TailPart, TailQuestion } from '../../../../src/model/log-tail.ts';
import { dbId, makeFrame, rpId, WorkerRig } from './worker-rig.ts';

const shards = [0, 1, 2, 3];
const rule = { id: 'tail', dbId, rpId, sinceMs: 0 };

/** One follower of all shards, whose saved positions outlive the worker. */
class Follower {
  readonly rig: WorkerRig;
  readonly saved = new Map<number, EntryVersions>();
  now = new Map<number, EntryVersions>();
  readonly frames: Uint8Array[] = [];
  missed = 0;
  #id = 1_000_000;

  constructor(seed: number, logBytesMax: number, isThere = true) {
    const { saved } = this;
    const tails: TailsAtStart = {
      rules: isThere ? [rule] : [],
      get positions() {
        return [...saved].map(([shard, versions]) => ({ tail: rule.id, shard, versions }));
      },
      logBytesMax,
    };
    this.rig = new WorkerRig(seed, { tails });
  }

  async open(): Promise<void> {
    this.now = new Map(this.saved);
    await this.rig.open();
  }

  /** Parts as the worker answered. */
  async ask(question: Partial<TailQuestion>, sinceMs = 0): Promise<readonly TailPart[]> {
    const { env, core, sent } = this.rig;
    const id = ++this.#id;
    const asked = shards.map((shard) => ({ shard, after: this.now.get(shard), sinceMs }));
    const all = { dbId, rpId, shards: asked, sizeMax: 1_000, ...question };
    core!.receive({ kind: 'read-tail', id, question: all });
    await env.scheduler.advance(50);
    const answer = sent.find((message) => message.kind === 'tail' && message.id === id);
    if (answer?.kind !== 'tail' || answer.answer === undefined) throw new Error('no answer');
    expect(answer.answer.absent).toEqual([]);
    return answer.answer.parts;
  }

  async read(sizeMax: number): Promise<boolean> {
    const parts = await this.ask({ sizeMax });
    for (const part of parts) {
      const after = this.now.get(part.shard) ?? {};
      for (const [origin, sequence] of Object.entries(part.through)) {
        expect(sequence).toBeGreaterThanOrEqual(after[origin] ?? 0);
      }
      this.now.set(part.shard, part.through);
      this.frames.push(...part.frames.map((frame) => Uint8Array.from(frame)));
      this.missed += part.missed + part.damaged;
    }
    return parts.length === shards.length && parts.every(({ isAtEnd }) => isAtEnd);
  }

  save(): void {
    for (const [shard, versions] of this.now) this.saved.set(shard, versions);
    const positions = [...this.saved].map(([shard, versions]) => {
      return { tail: rule.id, shard, versions };
    });
    this.rig.core!.receive({ kind: 'tail-positions', positions });
  }

  async readAll(): Promise<void> {
    // What was written a moment ago is on its way to the disk.
    await this.rig.env.scheduler.advance(200);
    for (let i = 0; i < 1_000; i++) if (await this.read(1_000)) return;
    throw new Error('the tail comes to no end');
  }

  /** Acknowledged frames that did not come. */
  lacks(): number {
    const got = new Set(this.frames.map((frame) => Buffer.from(frame).toString('base64')));
    const wanted = this.rig.acked.map(({ frame }) => Buffer.from(frame).toString('base64'));
    return wanted.filter((frame) => !got.has(frame)).length;
  }
}

type Step =
  | { readonly kind: 'write'; readonly shard: number; readonly count: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'read'; readonly sizeMax: number }
  | { readonly kind: 'save' }
  | { readonly kind: 'crash' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      shard: fc.constantFrom(...shards),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 100, 7_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      sizeMax: fc.constantFrom(1, 300, 5_000),
    }),
  },
  { weight: 3, arbitrary: fc.constant<Step>({ kind: 'save' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'crash' }) },
);

async function take(follower: Follower, one: Step, value: { next: number }): Promise<void> {
  const { rig } = follower;
  switch (one.kind) {
    case 'write':
      for (let i = 0; i < one.count; i++) rig.write(one.shard, makeFrame(one.shard, value.next++));
      await rig.env.scheduler.advance(5);
      return;
    case 'advance':
      await rig.env.scheduler.advance(one.ms);
      return;
    case 'read':
      await follower.read(one.sizeMax);
      return;
    case 'save':
      follower.save();
      return;
    case 'crash':
      rig.env.crash();
      await follower.open();
  }
}

test('a tail within the bound gets every acknowledged frame, over crashes and trims', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(step, { maxLength: 40 }), async (seed, steps) => {
      const follower = new Follower(seed, Number.POSITIVE_INFINITY);
      await follower.open();
      const value = { next: 1 };
      for (const one of steps) await take(follower, one, value);
      await follower.readAll();
      expect(follower.lacks()).toBe(0);
      expect(follower.missed).toBe(0);
    }),
    { numRuns: 60 },
  );
}, 60_000);

async function writeMuch(follower: Follower, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) {
    follower.rig.write(i % 4, makeFrame(i % 4, i));
    if (i % 10 === 0) await follower.rig.env.scheduler.advance(200);
  }
  await follower.rig.env.scheduler.advance(20_000);
}

test('without tails the log goes; with one that stands still it stays, up to its bound', async () => {
  const logBytesMax = 10_000;
  const nobody = new Follower(1, logBytesMax, false);
  await nobody.open();
  await writeMuch(nobody, 400);
  expect((await nobody.rig.status()).logBytes).toBe(0);

  const late = new Follower(1, logBytesMax);
  await late.open();
  await late.readAll();
  late.save();
  await writeMuch(late, 400);
  const { logBytes } = await late.rig.status();
  expect(logBytes).toBeGreaterThan(0);
  // Two logs, and the open segment of each.
  expect(logBytes).toBeLessThan(2 * (logBytesMax + 4_000));
  await late.readAll();
  expect(late.missed).toBeGreaterThan(0);
  expect(late.missed).toBe(late.lacks());
  late.save();
  await late.rig.env.scheduler.advance(20_000);
  expect((await late.rig.status()).logBytes).toBe(0);
});

test('a full disk takes what is kept for tails, and it is counted', async () => {
  const late = new Follower(2, Number.POSITIVE_INFINITY);
  await late.open();
  await late.readAll();
  late.save();
  await writeMuch(late, 100);
  expect((await late.rig.status()).logBytes).toBeGreaterThan(0);
  late.rig.core!.receive({ kind: 'disk', full: true });
  await late.rig.env.scheduler.advance(1_000);
  expect((await late.rig.status()).logBytes).toBe(0);
  late.rig.core!.receive({ kind: 'disk', full: false });
  await late.readAll();
  expect([late.missed, late.lacks()]).toEqual([100, 100]);
});

test('frames of other policies and of before its time are not the tail’s; its lag is', async () => {
  const follower = new Follower(3, Number.POSITIVE_INFINITY);
  await follower.open();
  const { rig } = follower;
  for (let i = 1; i <= 5; i++) rig.write(0, makeFrame(0, i));
  await rig.env.scheduler.advance(200);
  const nowMs = rig.env.clock.wallMs();
  const [other] = await follower.ask({ rpId: '00000000000000ab' });
  expect(other).toMatchObject({ frames: [], isAtEnd: true, lagEntries: 0, missed: 0 });
  expect(Object.values(other!.through)).toEqual([5]);
  const [later] = await follower.ask({}, nowMs + 1);
  expect(later).toMatchObject({ frames: [], isAtEnd: true });
  const [first] = await follower.ask({ sizeMax: 1 });
  expect(first).toMatchObject({ isAtEnd: false, lagEntries: 4 });
  expect(first!.frames).toHaveLength(1);
  expect(first!.lagBytes).toBe(4 * first!.frames[0]!.length);
});

test('news of entries come, once for several, and only while there are tails', async () => {
  const follower = new Follower(4, Number.POSITIVE_INFINITY);
  await follower.open();
  const { rig } = follower;
  const news = () => rig.sent.filter((message) => message.kind === 'tail-news').length;
  for (let i = 1; i <= 5; i++) rig.write(1, makeFrame(1, i));
  await rig.env.scheduler.advance(100);
  expect(rig.sent).toContainEqual({ kind: 'tail-news', shards: [1] });
  const before = news();
  rig.core!.receive({ kind: 'tail-rules', rules: [] });
  rig.write(1, makeFrame(1, 6));
  await rig.env.scheduler.advance(100);
  expect(news()).toBe(before);
});

/**
 * Goal: the rule for rows without stamps, the positions that flushes leave, the replay and merges of snapshots
 * never change what is read, whatever the order of delivery, flushes, compactions, collections and crashes.
 *
 * Method: three origins write and delete cells of one series; entries are delivered to one or two stores, in order
 * per origin only. After every step the rows of each store are compared with the plain merge by stamp of all
 * entries delivered to it; snapshots are merged in between, cut off by crashes, or fill a store that was
 * wiped. In the end both merge each other and must agree, digests included. The same test must fail when
 * any one condition of the rule is switched off.
 *
 * Two conditions have tests of their own. The position of a file changes no read as long as the others hold: a row that
 * is in a file and in memory loses to itself. It is there so that a replay writes nothing twice, and that is counted.
 */

import { expect, test } from 'vitest';
import type { SqliteWriter } from '../../../src/sqlite/sqlite.ts';
import { fullStampRule, type StampRule } from '../../../src/tstore/flush/stamp-rule.ts';
import { makeTempDir, removeTempDir } from '../../support/temp-dir.ts';
import {
  expectedRows,
  frameOf,
  type History,
  isBetween,
  makeHistory,
  modelPlan,
  type Operation,
  random,
} from './stamp-model.ts';
import { openWorld, pointsFrame, readRows, type World } from './store-world.ts';

const stepCount = 150;
const { signal } = new AbortController();

/** Lets so many jobs through, then fails every one, as if the process had ended. */
class Guillotine {
  jobsLeft = Number.POSITIVE_INFINITY;

  wrap = (writer: SqliteWriter): SqliteWriter => ({
    run: (job) => {
      if (this.jobsLeft-- <= 0) return Promise.reject(new Error('the process has ended'));
      return writer.run(job);
    },
    close: () => writer.close(),
  });
}

type Counts = Readonly<Record<string, number>>;

function join(a: Counts, b: Counts): Counts {
  const joined: Record<string, number> = { ...a };
  for (const [origin, count] of Object.entries(b)) {
    joined[origin] = Math.max(joined[origin] ?? 0, count);
  }
  return joined;
}

/** A store with the entries delivered to it. */
class Replica {
  readonly guillotine = new Guillotine();
  world!: World;
  /** Entries by lsn - 1. */
  private log: Operation[] = [];
  /** Of each origin so many entries were delivered, through the log or a snapshot. */
  versions: Counts = {};
  /** Part of what another store had by then may be here too. */
  ahead: Counts = {};
  private root = makeTempDir('rule');
  private readonly history: History;
  private readonly rule: StampRule;

  constructor(history: History, rule: StampRule) {
    this.history = history;
    this.rule = rule;
  }

  async open(): Promise<void> {
    this.guillotine.jobsLeft = Number.POSITIVE_INFINITY;
    const { root, rule } = this;
    this.world = await openWorld({ root, rule, wrapWriter: this.guillotine.wrap });
    const { replayFrom } = this.world.store.positions;
    this.log.forEach((operation, i) => {
      if (i + 1 > replayFrom) this.apply(operation, i + 1);
    });
  }

  async close(): Promise<void> {
    await this.world.close();
    removeTempDir(this.root);
  }

  async crash(): Promise<void> {
    await this.world.close();
    await this.open();
  }

  async wipe(): Promise<void> {
    await this.close();
    this.root = makeTempDir('rule');
    this.log = [];
    this.versions = {};
    this.ahead = {};
    await this.open();
  }

  private apply(operation: Operation, lsn: number): void {
    const { hlc, origin } = operation;
    this.world.apply(frameOf(operation), { hlc, origin, lsn });
  }

  /** The next entry of each origin that has one. */
  waiting(): Operation[] {
    return [...this.history].flatMap(([origin, queue]) => {
      const at = this.versions[origin] ?? 0;
      return queue.slice(at, at + 1);
    });
  }

  deliver(x: number): void {
    const waiting = this.waiting();
    const operation = waiting[Math.floor(x * waiting.length)];
    if (operation === undefined) return;
    const { origin } = operation;
    this.versions = { ...this.versions, [origin]: (this.versions[origin] ?? 0) + 1 };
    this.log.push(operation);
    this.apply(operation, this.log.length);
  }

  operations(versions: Counts): Operation[] {
    return [...this.history].flatMap(([origin, queue]) => queue.slice(0, versions[origin] ?? 0));
  }

  async flush(stableHlc: number): Promise<void> {
    const { versions } = this;
    await this.world.store.flush({ versions, hlcMax: 0, stableHlc });
  }

  async findMistake(): Promise<string | undefined> {
    const found = await readRows([this.world.store], modelPlan);
    const sure = this.operations(this.versions);
    const wanted = expectedRows(sure);
    if (found.join() === wanted.join()) return undefined;
    const maybe = this.operations(join(this.versions, this.ahead));
    if (maybe.length > sure.length && isBetween(found, sure, maybe)) return undefined;
    return `found ${found.join()}, wanted ${wanted.join()}`;
  }

  async digest(): Promise<string> {
    const parts = await this.world.store.digest(Number.POSITIVE_INFINITY, signal);
    return parts.map(({ name, digest, cells }) => `${name} ${digest} ${cells}`).join();
  }
}

class Run {
  private readonly next: () => number;
  private readonly replicas: readonly Replica[];

  constructor(seed: number, rule: StampRule, replicaCount: number) {
    this.next = random(seed * 7919 + replicaCount - 1);
    const history = makeHistory(this.next);
    this.replicas = Array.from({ length: replicaCount }, () => new Replica(history, rule));
  }

  /** Undefined = right to the end. */
  async findMistake(): Promise<string | undefined> {
    for (const replica of this.replicas) await replica.open();
    try {
      for (let step = 0; step < stepCount; step++) {
        const did = await this.step();
        const mistake = await this.lookAtAll();
        if (mistake !== undefined) return `step ${step} (${did}): ${mistake}`;
      }
      return this.replicas.length > 1 ? await this.meet() : undefined;
    } finally {
      for (const replica of this.replicas) await replica.close();
    }
  }

  private async lookAtAll(): Promise<string | undefined> {
    for (const [i, replica] of this.replicas.entries()) {
      const mistake = await replica.findMistake();
      if (mistake !== undefined) return `store ${i}: ${mistake}`;
    }
    return undefined;
  }

  /** Both merge each other, then both must say the same. */
  private async meet(): Promise<string | undefined> {
    const [a, b] = this.replicas as [Replica, Replica];
    for (let round = 0; round < 2; round++) {
      await this.merge(a, b, false);
      await this.merge(b, a, false);
      const mistake = await this.lookAtAll();
      if (mistake !== undefined) return `in the end: ${mistake}`;
      if ((await a.digest()) !== (await b.digest())) return 'in the end: digests differ';
      for (const replica of this.replicas) await this.compact(replica, 100);
    }
    return undefined;
  }

  /** Nothing with a stamp at or below it can still be delivered to any store. Some hear of it late. */
  private stableHlc(): number {
    const waiting = this.replicas.flatMap((replica) => replica.waiting());
    const stable = Math.min(1_000_000, ...waiting.map(({ hlc }) => hlc - 1));
    const isLate = this.replicas.length > 1 && this.next() < 0.4;
    return isLate ? Math.floor(stable * this.next()) : stable;
  }

  /** What all stores have. */
  private stableVersions(): Counts {
    const stable: Record<string, number> = {};
    for (const origin of Object.keys(this.replicas[0]!.versions)) {
      stable[origin] = Math.min(...this.replicas.map(({ versions }) => versions[origin] ?? 0));
    }
    return stable;
  }

  private async compact(replica: Replica, steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      const { store } = replica.world;
      if (!(await store.compactStep(this.stableHlc(), signal, this.stableVersions()))) break;
    }
  }

  /** A few steps that do not crash, as they go on during a merge. */
  private async goOn(replica: Replica): Promise<void> {
    for (let count = Math.floor(this.next() * 4); count > 0; count--) {
      const x = this.next();
      if (x < 0.6) replica.deliver(this.next());
      else if (x < 0.8) await replica.flush(this.stableHlc());
      else await this.compact(replica, 3);
    }
  }

  private async merge(from: Replica, to: Replica, isBusy: boolean): Promise<void> {
    const merge = await to.world.store.openMerge(to.versions);
    const facts = { versions: from.versions, gcVersions: {}, hlcMax: 0 };
    const pieces = from.world.store.snapshot(facts, signal);
    if (isBusy) await this.goOn(from);
    const taken: Uint8Array[] = [];
    for await (const piece of pieces) taken.push(piece);
    to.ahead = join(to.ahead, join(from.versions, from.ahead));
    for (const piece of taken) {
      await merge.add(piece);
      // An empty store that lacks collected tombstones takes no entries before the merge is over.
      if (isBusy && Object.keys(to.versions).length > 0) await this.goOn(to);
    }
    await merge.finish();
    to.versions = join(to.versions, facts.versions);
  }

  private async mergeSome(): Promise<string> {
    const [from, to] =
      this.next() < 0.5 ? this.replicas : ([...this.replicas].reverse() as readonly Replica[]);
    const x = this.next();
    if (x < 0.25) {
      await to!.wipe();
      await this.merge(from!, to!, true);
      return 'wipe and merge';
    }
    if (x < 0.5) {
      to!.guillotine.jobsLeft = Math.floor(this.next() * 5);
      await this.merge(from!, to!, false).catch(() => undefined);
      await to!.crash();
      return 'merge and crash';
    }
    await this.merge(from!, to!, true);
    return 'merge';
  }

  private async step(): Promise<string> {
    const replica = this.replicas[Math.floor(this.next() * this.replicas.length)]!;
    const x = this.next();
    if (this.replicas.length > 1 && this.next() < 0.1) return this.mergeSome();
    if (x < 0.55) {
      replica.deliver(this.next());
      return 'deliver';
    }
    if (x < 0.7) {
      await replica.flush(this.stableHlc());
      return 'flush';
    }
    if (x < 0.86) {
      await this.compact(replica, 1 + Math.floor(this.next() * 6));
      return 'compact';
    }
    if (x < 0.95) {
      // Names, the file, positions: the end comes after none to three of them.
      replica.guillotine.jobsLeft = Math.floor(this.next() * 4);
      await replica.flush(this.stableHlc()).catch(() => undefined);
      await replica.crash();
      return 'flush and crash';
    }
    await replica.crash();
    return 'crash';
  }
}

async function findMistakes(
  rule: StampRule,
  replicaCount: number,
  seeds: number,
): Promise<string[]> {
  for (let seed = 1; seed <= seeds; seed++) {
    const mistake = await new Run(seed, rule, replicaCount).findMistake();
    if (mistake !== undefined) return [`seed ${seed} ${mistake}`];
  }
  return [];
}

test.each([1, 2])('with the whole rule every read of %i store(s) is right', {
  timeout: 240_000,
}, async (replicaCount) => {
  const seeds = Number(process.env.STAMP_RULE_SEEDS ?? (replicaCount === 1 ? 8 : 5));
  expect(await findMistakes(fullStampRule, replicaCount, seeds)).toEqual([]);
});

const conditions = Object.keys(fullStampRule) as (keyof StampRule)[];

// Only a chunk of another store can have a `stableHlc` above the horizon, and chunks of one series come together
// unless they are large: that condition has a test of its own below, and so have positions.
test.each(
  conditions.filter((condition) => condition !== 'foreign' && condition !== 'positions'),
)('without the condition "%s" some read is wrong', { timeout: 240_000 }, async (condition) => {
  const rule = { ...fullStampRule, [condition]: false };
  expect(await findMistakes(rule, 1, 40)).toHaveLength(1);
});

const start = 1_600_000_000_000_000_000n;
const longRows = 130;
/** After all long rows. */
const afterLong = start + 1000n;

function integerAt(time: bigint, value: bigint) {
  return {
    name: { measurement: 'm', tags: [] },
    time,
    fields: { v: { type: 'integer', value } },
  } as const;
}

/** More than a merge collects before it writes, and not to be compressed. */
function longFrame(): Uint8Array {
  const next = random(1);
  const makeText = () =>
    Array.from({ length: 6000 }, () => next().toString(36).slice(2, 12)).join('');
  const points = Array.from({ length: longRows }, (_, i) => ({
    name: { measurement: 'm', tags: [] },
    time: start + BigInt(i),
    fields: { text: { type: 'string' as const, value: makeText() } },
  }));
  return pointsFrame(points);
}

/**
 * One store has the newer row in a chunk up to 60, and long rows before it in one up to 100. Of the other, which has
 * not heard yet that anything above 20 is stable, a chunk with the older row is merged with the long rows
 * alone: the older row must not count as one that won up to 100.
 */
async function readDuringMerge(rule: StampRule): Promise<string[]> {
  const roots = [makeTempDir('rule'), makeTempDir('rule')];
  const [from, to] = [
    await openWorld({ root: roots[0]! }),
    await openWorld({ root: roots[1]!, rule }),
  ];
  const long = longFrame();
  const newer = pointsFrame([integerAt(afterLong, 2n)]);
  from.apply(newer, { hlc: 50 });
  await from.flush(60);
  from.apply(long, { hlc: 30 });
  await from.flush(100);
  to.apply(pointsFrame([integerAt(start, 1n), integerAt(afterLong, 1n)]), { hlc: 10 });
  await to.flush(0);
  to.apply(long, { hlc: 30 });
  to.apply(newer, { hlc: 50 });

  const merge = await to.store.openMerge({});
  const facts = { versions: {}, gcVersions: {}, hlcMax: 0 };
  for await (const piece of from.store.snapshot(facts, signal)) await merge.add(piece);
  while (await to.store.compactStep(20, signal));
  const during = await readRows([to.store], modelPlan);
  await merge.finish();
  const after = await readRows([to.store], modelPlan);
  for (const world of [from, to]) await world.close();
  for (const root of roots) removeTempDir(root);
  return [during.at(-1)!, after.at(-1)!];
}

test('a chunk of another store lifts no older row, and without the condition "foreign" it does', {
  timeout: 120_000,
}, async () => {
  const right = `m ${afterLong} 2i`;
  expect(await readDuringMerge(fullStampRule)).toEqual([right, right]);
  const wrong = await readDuringMerge({ ...fullStampRule, foreign: false });
  expect(wrong).not.toEqual([right, right]);
});

/**
 * A flush ends when its file is whole and the catalog does not know it yet: the log is replayed from the start. Resolves
 * with the steps that compaction takes after the next flush, none if the file was left as it is.
 */
async function compactAfterReplay(rule: StampRule): Promise<number> {
  const root = makeTempDir('rule');
  const guillotine = new Guillotine();
  const open = () => openWorld({ root, rule, wrapWriter: guillotine.wrap });
  const frame = pointsFrame([integerAt(start, 1n), integerAt(start + 1n, 2n)]);
  let world = await open();
  world.apply(frame, { hlc: 10 });
  // Names and the file; not the positions.
  guillotine.jobsLeft = 2;
  await world.flush(20).catch(() => undefined);
  await world.close();
  guillotine.jobsLeft = Number.POSITIVE_INFINITY;
  world = await open();
  expect(world.store.positions.replayFrom).toBe(0);
  world.apply(frame, { hlc: 10 });
  await world.flush(20);
  expect(await readRows([world.store], modelPlan)).toEqual([`m ${start} 1i`, `m ${start + 1n} 2i`]);
  let steps = 0;
  while (await world.store.compactStep(20, signal)) steps++;
  await world.close();
  removeTempDir(root);
  return steps;
}

test('a replay writes nothing to a file that has it, and without the condition "positions" it does', async () => {
  expect(await compactAfterReplay(fullStampRule)).toBe(0);
  expect(await compactAfterReplay({ ...fullStampRule, positions: false })).toBeGreaterThan(0);
});

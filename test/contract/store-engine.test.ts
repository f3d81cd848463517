/**
 * What every engine under a shard replica must do (src/model/store-engine.ts, store-snapshot.ts), whatever it
 * stores. The suite knows numbered cells with texts in them; a harness says how an engine writes and reads them.
 */

import { afterEach, describe, expect, test } from 'vitest';
import type { StoreEngine } from '../../src/model/store-engine.ts';
import type { SnapshotFacts, SnapshotStore } from '../../src/model/store-snapshot.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { type EngineHarness, kstoreHarness, tstoreHarness } from './store-harness.ts';

type Store = StoreEngine & SnapshotStore;
type Cells = Readonly<Record<number, string>>;

const originA = '1111111111111111';
const originB = '2222222222222222';
const { signal } = new AbortController();
const noFacts: SnapshotFacts = { versions: {}, gcVersions: {}, hlcMax: 0 };

const opened: Replica[] = [];
const roots: string[] = [];

afterEach(async () => {
  for (const replica of opened.splice(0)) await replica.close();
  for (const root of roots.splice(0)) removeTempDir(root);
});

/** One store on its disk, and the entries given to it. */
class Replica {
  store!: Store;
  private end: () => Promise<void> = async () => undefined;
  private lsn = 0;
  private readonly harness: EngineHarness;
  private readonly root = makeTempDir('engine');

  constructor(harness: EngineHarness) {
    this.harness = harness;
    roots.push(this.root);
    opened.push(this);
  }

  async open(): Promise<this> {
    const { store, close } = await this.harness.open(this.root);
    this.store = store;
    this.end = close;
    this.lsn = store.positions.replayFrom;
    return this;
  }

  /** Memory is lost. */
  async reopen(): Promise<void> {
    await this.end();
    await this.open();
  }

  close(): Promise<void> {
    return this.end();
  }

  private apply(frame: Uint8Array, hlc: number, origin: string, lsn: number): void {
    const writeId = new Uint8Array(16);
    this.store.apply({ shard: 0, origin, sequence: lsn, hlc, epoch: 1, writeId, lsn, frame });
  }

  put(cells: Cells, hlc: number, origin = originA, lsn = ++this.lsn): void {
    const entries = Object.entries(cells).map(([cell, text]) => [Number(cell), text] as const);
    this.apply(this.harness.putFrame(entries), hlc, origin, lsn);
  }

  /** Cells [from, until). */
  remove(from: number, until: number, hlc: number, origin = originA): void {
    this.apply(this.harness.deleteFrame(from, until), hlc, origin, ++this.lsn);
  }

  async flush(stableHlc = 0, versions: Readonly<Record<string, number>> = {}, hlcMax = 0) {
    return this.store.flush({ versions, hlcMax, stableHlc });
  }

  async compact(stableHlc: number, versions?: Readonly<Record<string, number>>): Promise<void> {
    while (await this.store.compactStep(stableHlc, signal, versions));
  }

  read(): Promise<Cells> {
    return this.harness.read(this.store);
  }

  async digest(horizon = Number.POSITIVE_INFINITY): Promise<string> {
    const parts = await this.store.digest(horizon, signal);
    return parts.map(({ name, digest, cells }) => `${name} ${digest} ${cells}`).join('\n');
  }

  async snapshot(facts: SnapshotFacts = noFacts): Promise<Uint8Array[]> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.store.snapshot(facts, signal)) pieces.push(piece);
    return pieces;
  }

  async merge(pieces: readonly Uint8Array[], versions = {}): Promise<SnapshotFacts> {
    const merge = await this.store.openMerge(versions);
    for (const piece of pieces) await merge.add(piece);
    return merge.finish();
  }
}

describe.each([tstoreHarness, kstoreHarness])('$name', (harness) => {
  const make = () => new Replica(harness).open();

  test('the higher stamp wins, then the later origin, whatever the order', async () => {
    const steps: ((replica: Replica) => void)[] = [
      (one) => one.put({ 1: 'old', 2: 'old', 3: 'old' }, 10),
      (one) => one.put({ 2: 'new' }, 20),
      (one) => one.put({ 3: 'a' }, 30, originA),
      (one) => one.put({ 3: 'b' }, 30, originB),
    ];
    for (const order of [steps, [...steps].reverse()]) {
      const replica = await make();
      for (const step of order) step(replica);
      expect(await replica.read()).toEqual({ 1: 'old', 2: 'new', 3: 'b' });
      await replica.flush();
      expect(await replica.read()).toEqual({ 1: 'old', 2: 'new', 3: 'b' });
    }
  });

  test('the same entry twice is no change', async () => {
    const replica = await make();
    replica.put({ 1: 'x' }, 10, originA, 1);
    replica.put({ 1: 'x' }, 10, originA, 1);
    await replica.flush(0);
    const digest = await replica.digest();
    replica.put({ 1: 'x' }, 10, originA, 1);
    await replica.flush(20);
    expect(await replica.read()).toEqual({ 1: 'x' });
    expect(await replica.digest()).toBe(digest);
  });

  test('a delete hides what is older, now and later, and nothing newer', async () => {
    const replica = await make();
    replica.put({ 1: 'a', 2: 'a', 3: 'a' }, 10);
    await replica.flush();
    replica.remove(1, 3, 20);
    expect(await replica.read()).toEqual({ 3: 'a' });
    replica.put({ 1: 'late' }, 15, originB);
    replica.put({ 2: 'newer' }, 25, originB);
    expect(await replica.read()).toEqual({ 2: 'newer', 3: 'a' });
    await replica.flush();
    await replica.compact(0);
    expect(await replica.read()).toEqual({ 2: 'newer', 3: 'a' });
  });

  test('a flush makes what was applied before it durable, with its positions', async () => {
    const replica = await make();
    expect(replica.store.memoryBytes).toBe(0);
    replica.put({ 1: 'kept' }, 10);
    expect(replica.store.memoryBytes).toBeGreaterThan(0);
    const flushing = replica.flush(0, { [originA]: 1 }, 10);
    replica.put({ 2: 'lost' }, 20);
    expect(await replica.read()).toEqual({ 1: 'kept', 2: 'lost' });
    const positions = await flushing;
    expect(positions).toEqual({
      replayFrom: 1,
      versions: { [originA]: 1 },
      hlcMax: 10,
      gcVersions: {},
    });
    expect(replica.store.positions).toEqual(positions);
    expect(await replica.read()).toEqual({ 1: 'kept', 2: 'lost' });
    await replica.reopen();
    expect(replica.store.positions).toEqual(positions);
    expect(await replica.read()).toEqual({ 1: 'kept' });
    // The log has both; what is at or below the position may come again all the same.
    replica.put({ 1: 'kept' }, 10, originA, 1);
    replica.put({ 2: 'lost' }, 20, originA, 2);
    expect(await replica.read()).toEqual({ 1: 'kept', 2: 'lost' });
    await replica.flush();
    expect(replica.store.memoryBytes).toBe(0);
  });

  test('a flush that was ended keeps everything in memory', async () => {
    const replica = await make();
    replica.put({ 1: 'x' }, 10);
    const controller = new AbortController();
    controller.abort();
    const options = { versions: {}, hlcMax: 0, stableHlc: 0, signal: controller.signal };
    await expect(replica.store.flush(options)).rejects.toMatchObject({ code: 'cancelled' });
    expect(await replica.read()).toEqual({ 1: 'x' });
    expect((await replica.flush()).replayFrom).toBe(1);
    expect(await replica.read()).toEqual({ 1: 'x' });
  });

  test('compaction changes no answer, comes to an end, and remembers what it collected', async () => {
    const replica = await make();
    for (let round = 0; round < 6; round++) {
      const cells = Array.from({ length: 30 }, (_, i) => [i * (round + 1), `${round}`]);
      replica.put(Object.fromEntries(cells), 10 + round);
      await replica.flush(10 + round);
    }
    replica.remove(0, 40, 100);
    const before = await replica.read();
    await replica.flush(50);
    await replica.compact(50, { [originA]: 6 });
    expect(await replica.read()).toEqual(before);
    expect(replica.store.positions.gcVersions).toEqual({});
    await replica.compact(200, { [originA]: 7 });
    expect(await replica.read()).toEqual(before);
    expect(replica.store.positions.gcVersions).toEqual({ [originA]: 7 });
    await replica.reopen();
    expect(replica.store.positions.gcVersions).toEqual({ [originA]: 7 });
    expect(await replica.read()).toEqual(before);
  });

  async function makePair(): Promise<[Replica, Replica]> {
    const [a, b] = [await make(), await make()];
    a.put({ 1: 'a', 2: 'a', 3: 'a', 4: 'a' }, 10);
    await a.flush(15);
    a.remove(3, 4, 40);
    a.put({ 5: 'a' }, 41);
    b.put({ 2: 'b', 3: 'b', 4: 'b' }, 30, originB);
    await b.flush();
    b.put({ 6: 'b' }, 31, originB);
    b.remove(1, 2, 32, originB);
    return [a, b];
  }
  const joined = { 2: 'b', 4: 'b', 5: 'a', 6: 'b' };

  test('stores that merged each other answer alike, with one digest', async () => {
    const [a, b] = await makePair();
    expect(await a.digest()).not.toBe(await b.digest());
    const [ofA, ofB] = [await a.snapshot(), await b.snapshot()];
    await a.merge(ofB);
    await b.merge(ofA);
    for (const replica of [a, b]) expect(await replica.read()).toEqual(joined);
    expect(await a.digest()).toBe(await b.digest());
    const digest = await a.digest();
    await a.merge(ofB);
    await a.merge(ofA);
    // Stable is only what b cannot lose any more: its delete at 32 is in memory.
    await a.flush(30);
    await a.compact(30);
    await b.reopen();
    // What b had in memory only is lost with it, but for what it got back by a.
    await b.merge(await a.snapshot());
    for (const replica of [a, b]) {
      expect(await replica.read()).toEqual(joined);
      expect(await replica.digest()).toBe(digest);
    }
  });

  test('a merge that is finished is durable, and its versions stay', async () => {
    const [a] = await makePair();
    const empty = await make();
    const facts = { versions: { [originA]: 3 }, gcVersions: { [originB]: 1 }, hlcMax: 41 };
    expect(await empty.merge(await a.snapshot(facts))).toEqual(facts);
    const rows = await a.read();
    expect(await empty.read()).toEqual(rows);
    await empty.reopen();
    expect(await empty.read()).toEqual(rows);
    expect(empty.store.positions).toEqual({ replayFrom: 0, ...facts });
    empty.put({ 9: 'x' }, 50, originB);
    const positions = await empty.flush(0, { [originB]: 2 }, 50);
    expect(positions.versions).toEqual({ [originA]: 3, [originB]: 2 });
    expect(positions.replayFrom).toBe(1);
  });

  test('a snapshot lacks nothing that was there at its call', async () => {
    const [a] = await makePair();
    const rows = await a.read();
    const stream = a.store.snapshot(noFacts, signal);
    a.put({ 7: 'after' }, 60);
    await a.flush(60);
    await a.compact(60);
    const pieces: Uint8Array[] = [];
    for await (const piece of stream) pieces.push(piece);
    const empty = await make();
    await empty.merge(pieces);
    expect(await empty.read()).toMatchObject(rows);
  });

  test('a merge without its last piece, or of changed pieces, raises no position', async () => {
    const [a] = await makePair();
    const pieces = await a.snapshot({ ...noFacts, versions: { [originA]: 3 } });
    const empty = await make();
    await expect(empty.merge([])).rejects.toMatchObject({ code: 'corrupt' });
    const changed = pieces.map((piece) => piece.map((byte, i) => (i === 30 ? byte ^ 1 : byte)));
    await expect(empty.merge(changed)).rejects.toMatchObject({ code: 'corrupt' });
    const merge = await empty.store.openMerge({});
    await merge.abandon();
    await expect(merge.add(pieces[0]!)).rejects.toMatchObject({ code: 'conflict' });
    expect(empty.store.positions.versions).toEqual({});
    await empty.merge(pieces);
    expect(await empty.read()).toEqual(await a.read());
  });

  test('what was collected as garbage must be covered, or the store be empty', async () => {
    const [a, b] = await makePair();
    const pieces = await a.snapshot({ ...noFacts, gcVersions: { [originA]: 2 } });
    await expect(b.merge(pieces)).rejects.toMatchObject({ code: 'conflict' });
    await b.merge(pieces, { [originA]: 2 });
    await (await make()).merge(pieces);
  });

  test('a tombstone stays while a merge is open', async () => {
    const late = await make();
    late.put({ 1: 'x' }, 10);
    const pieces = await late.snapshot();
    const replica = await make();
    replica.put({ 1: 'x' }, 10);
    replica.remove(0, 5, 20);
    await replica.flush(30);
    const merge = await replica.store.openMerge({});
    await replica.compact(30, { [originA]: 2 });
    for (const piece of pieces) await merge.add(piece);
    await merge.finish();
    await replica.compact(30, { [originA]: 2 });
    expect(await replica.read()).toEqual({});
    expect(replica.store.positions.gcVersions).toEqual({ [originA]: 2 });
  });

  test('a digest sees cells up to its horizon, however they are stored', async () => {
    const [a, b] = [await make(), await make()];
    a.put({ 1: 'x', 2: 'y' }, 10);
    b.put({ 2: 'y' }, 10, originA);
    b.put({ 1: 'x' }, 11, originA);
    b.put({ 3: 'z' }, 20, originA);
    await b.flush(15);
    expect(await a.digest()).not.toBe(await b.digest());
    expect(await a.digest(15)).toBe(await b.digest(15));
    const controller = new AbortController();
    const digest = a.store.digest(Number.POSITIVE_INFINITY, controller.signal);
    expect((await digest).reduce((sum, { cells }) => sum + cells, 0)).toBe(2);
  });

  test('a store that is closed takes part in nothing', async () => {
    const replica = await make();
    replica.put({ 1: 'x' }, 10);
    await replica.flush();
    const { store } = replica;
    const stream = store.snapshot(noFacts, signal);
    await replica.reopen();
    await expect(stream.next()).rejects.toMatchObject({ code: 'cancelled' });
    await expect(store.compactStep(0, signal)).rejects.toMatchObject({ code: 'cancelled' });
    await expect(store.openMerge({})).rejects.toMatchObject({ code: 'cancelled' });
    await expect(store.digest(0, signal)).rejects.toMatchObject({ code: 'cancelled' });
    expect(await replica.read()).toEqual({ 1: 'x' });
  });
});

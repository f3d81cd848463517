/**
 * Goal: no row slips past a continuous query: a write that began before an announcement is waited for, a later
 * one has a durable mark before it leaves, and a broker that nobody can hear keeps notes.
 * Method: gates on one metadata store, with leases that the test gives and takes.
 */

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { WatchedRows, WritePass } from '../../../../src/broker/write-watch.ts';
import { createNodeEnv } from '../../../../src/env/node/node-env.ts';
import { openEmbeddedMetaStore } from '../../../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../../../src/metadata/embedded/meta-journal.ts';
import { continuousKeys } from '../../../../src/metadata/meta-keys.ts';
import type { MetaStore } from '../../../../src/metadata/meta-store.ts';
import { AgreedState } from '../../../../src/services/continuous/agreed-state.ts';
import { findDueMarks, OrphanWatch } from '../../../../src/services/continuous/late-work.ts';
import {
  progressKey,
  readLateMark,
  renderProgress,
} from '../../../../src/services/continuous/records.ts';
import { WriteGate } from '../../../../src/services/continuous/write-gate.ts';
import { waitUntil } from '../../../support/citadel-cluster.ts';
import { makeTempDir, removeTempDir } from '../../../support/temp-dir.ts';

const { timers, ...world } = createNodeEnv({ logLevel: 'error', logFormat: 'json' });
/** What is looked at in periods, and what is waited for as such, comes ten times sooner; patience is as long as ever. */
const env = {
  ...world,
  timers: {
    ...timers,
    every: (periodMs: number, run: () => void) => timers.every(periodMs / 10, run),
    sleep: (delayMs: number, signal?: AbortSignal) => timers.sleep(delayMs / 10, signal),
  },
};
const query = 'db1/q';
const never = new AbortController().signal;

interface Broker {
  readonly gate: WriteGate;
  readonly state: AgreedState;
  readonly directory: string;
  lease: string | undefined;
}

let store: MetaStore;
let brokers: Broker[];

beforeEach(async () => {
  store = await openEmbeddedMetaStore(env, createMemoryJournal());
  brokers = [];
});

afterEach(async () => {
  for (const { gate, state, directory } of brokers) {
    await gate.close();
    state.close();
    removeTempDir(directory);
  }
  await store.close();
});

/** Attached from the start; of an own lease. */
async function openBroker(self: string, from = makeTempDir('gate')): Promise<Broker> {
  const { id } = await store.grantLease(60_000);
  const state = new AgreedState(env, store);
  const broker = { acknowledged: () => [], heed: () => undefined } as never;
  const opened: { lease: string | undefined } = { lease: id };
  const disk = env.openDisk(from);
  const parts = { env, broker, store, disk, self, lease: () => opened.lease };
  const gate = await WriteGate.open(parts, state);
  const one = Object.assign(opened, { gate, state, directory: from });
  brokers.push(one);
  await waitUntil('the broker is known', async () => gate.isKnown);
  return one;
}

/** Resolves with the revision, and with the brokers that must heed it. */
async function announce(untilNs: bigint) {
  const value = renderProgress({
    sinceNs: 0n,
    settledNs: 0n,
    ranNs: 0n,
    announcedNs: untilNs,
    windows: { intervalNs: 10n, offsetNs: 0n, zone: undefined },
    sources: [{ database: 'd', policy: 'rp', measurement: 'm' }],
    parked: [],
  });
  const { revision, results } = await store.transaction({
    compare: [],
    onSuccess: [
      { kind: 'put', key: progressKey(query), value },
      { kind: 'range', prefix: continuousKeys.heeded },
    ],
  });
  return { revision, heeded: results[1]!.records };
}

async function announceEverywhere(untilNs: bigint): Promise<void> {
  const { revision } = await announce(untilNs);
  for (const { state } of brokers) {
    await waitUntil('the announcement is known', async () => state.revision >= revision);
  }
}

function rowAt(time: bigint, measurement = 'm'): WatchedRows {
  return {
    database: 'd',
    policy: 'rp',
    measurements: [measurement],
    series: [{ measurement: 0 }],
    rowCount: 1,
    rowSeries: Uint32Array.of(0),
    rowTimes: BigInt64Array.of(time),
  };
}

async function marks() {
  const { records } = await store.range(continuousKeys.late);
  return records.map(readLateMark);
}

async function write(pass: WritePass | undefined): Promise<void> {
  await pass?.ready;
  await pass?.settle(true);
}

test('an announcement is heeded when the writes that began before it are settled', async () => {
  const owner = await openBroker('a');
  const other = await openBroker('b');
  await announceEverywhere(0n);
  const early = other.gate.enter(rowAt(5n))!;
  await early.ready;
  expect(await marks()).toEqual([]);
  const { revision, heeded } = await announce(10n);
  expect(heeded).toHaveLength(2);
  let isHeeded = false;
  const waiting = owner.gate.waitUntilHeeded(revision, heeded, never).then(() => {
    isHeeded = true;
  });
  await waitUntil('the other broker knows', async () => other.state.revision >= revision);
  // A row of the announced window is late from now on: its mark is there before it may leave.
  const late = other.gate.enter(rowAt(7n))!;
  await late.ready;
  expect(await marks()).toMatchObject([{ isOpen: true, ranges: [{ from: 0n, until: 10n }] }]);
  expect(isHeeded).toBe(false);
  await early.settle(true);
  await waiting;
  await late.settle(true);
  await waitUntil('the mark is closed', async () => (await marks()).every(({ isOpen }) => !isOpen));
});

test('rows on time, of other measurements or places leave no mark', async () => {
  const { gate } = await openBroker('a');
  await announceEverywhere(100n);
  await write(gate.enter(rowAt(100n)));
  expect(gate.enter(rowAt(5n, 'other'))).toBeUndefined();
  expect(gate.enter({ ...rowAt(5n), policy: 'short' })).toBeUndefined();
  expect(gate.enter({ ...rowAt(5n), database: 'e' })).toBeUndefined();
  await write(gate.enter(rowAt(-1n)));
  expect(await marks()).toEqual([]);
});

test('late rows that come together share a mark; it closes when the last is settled', async () => {
  const { gate } = await openBroker('a');
  await announceEverywhere(1_000n);
  const passes = Array.from({ length: 20 }, (_, i) => gate.enter(rowAt(BigInt(i * 3)))!);
  await Promise.all(passes.map(({ ready }) => ready));
  expect((await marks()).length).toBeLessThan(5);
  const [first, ...rest] = passes;
  for (const pass of rest) await pass.settle(true);
  expect((await marks()).some(({ isOpen }) => isOpen)).toBe(true);
  await first!.settle(true);
  await waitUntil('all are closed', async () => (await marks()).every(({ isOpen }) => !isOpen));
});

test('a write whose fate is unknown leaves a mark that stays open', async () => {
  const { gate } = await openBroker('a');
  await announceEverywhere(0n);
  const pass = gate.enter(rowAt(5n))!;
  await pass.settle(false);
  expect(await marks()).toMatchObject([{ isOpen: true }]);
});

test('a write over which the lease was lost is marked before it is answered', async () => {
  const broker = await openBroker('a');
  await announceEverywhere(0n);
  const pass = broker.gate.enter(rowAt(5n))!;
  broker.lease = undefined;
  await pass.settle(true);
  expect(await marks()).toMatchObject([{ ranges: [{ from: 5n, until: 6n }] }]);
});

test('without a lease rows are noted on disk first, and marked when the broker is back, after a crash too', async () => {
  const before = await openBroker('a');
  await announceEverywhere(0n);
  before.lease = undefined;
  expect(before.gate.isKnown).toBe(false);
  const pass = before.gate.enter(rowAt(5n))!;
  await pass.ready;
  expect(await marks()).toEqual([]);
  // What the crash leaves is the file; the write was never settled.
  const { directory } = before;
  brokers = [];
  await before.gate.close();
  before.state.close();
  await openBroker('a', directory);
  await waitUntil('noted times are marked', async () => (await marks()).length > 0);
  const [mark] = await marks();
  expect(mark!.ranges.some(({ from, until }) => from <= 5n && until > 5n)).toBe(true);
  await waitUntil('the notes are gone', async () => {
    const bytes = await env.openDisk(directory).readAll('continuous-late.json');
    return new TextDecoder().decode(bytes).includes('"ranges":[]');
  });
});

test('what was on its way when a broker crashed is marked when it is back, what was settled is not', async () => {
  const before = await openBroker('a');
  await announceEverywhere(0n);
  const pass = before.gate.enter(rowAt(5n))!;
  await pass.ready;
  const { directory } = before;
  brokers = [];
  await before.gate.close();
  before.state.close();
  const after = await openBroker('a', directory);
  await waitUntil('it is marked', async () => (await marks()).length > 0);
  // Once at once, and once more when other nodes have what this one's logs brought along.
  await waitUntil('and once more', async () => (await marks()).some(({ isOpen }) => isOpen));
  await store.transaction({
    compare: [],
    onSuccess: [{ kind: 'delete-prefix', prefix: continuousKeys.late }],
  });
  await write(after.gate.enter(rowAt(5n)));
  brokers = [];
  await after.gate.close();
  after.state.close();
  const bytes = await env.openDisk(directory).readAll('continuous-late.json');
  expect(new TextDecoder().decode(bytes)).toContain('"ranges":[]');
  removeTempDir(directory);
});

test('a broker that is gone is waited for no longer, and its open marks are worked on later', async () => {
  const owner = await openBroker('a');
  const other = await openBroker('b');
  await announceEverywhere(100n);
  await other.gate.enter(rowAt(5n))!.ready;
  const { revision, heeded } = await announce(200n);
  const stuck = other.gate.enter(rowAt(300n));
  expect(stuck).toBeDefined();
  await store.revokeLease(other.lease!);
  await owner.gate.waitUntilHeeded(revision, heeded, never);
  let nowMs = 0;
  const orphans = new OrphanWatch({ env: { clock: { monotonicMs: () => nowMs } } });
  expect(findDueMarks(owner.state, query, orphans, undefined)).toEqual([]);
  nowMs = 60_000;
  expect(findDueMarks(owner.state, query, orphans, undefined)).toHaveLength(1);
});

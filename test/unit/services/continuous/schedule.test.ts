/**
 * Goal: every window is computed, whole, after it has ended, and nothing is settled before; with the node up
 * all the time each run covers what InfluxDB's does.
 * Method: random rules and random sequences of looks, against brute force over edges.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type WindowRule, windowStart } from '../../../../src/query/windows.ts';
import type { Range } from '../../../../src/services/continuous/ranges.ts';
import {
  advance,
  beginProgress,
  edgeFrom,
  lastEdge,
  nextEdge,
  nextStep,
  type Progress,
  type Schedule,
  touchedWindows,
} from '../../../../src/services/continuous/schedule.ts';

const second = 1_000_000_000n;
const minute = 60n * second;
const hour = 60n * minute;
const day = 24n * hour;
/** 2024-01-01T00:00:00Z */
const start = 1_704_067_200n * second;

const rules: fc.Arbitrary<WindowRule> = fc.record({
  intervalNs: fc.constantFrom(second, 7n * second, 10n * second, minute, 30n * minute, hour),
  offsetNs: fc.constantFrom(0n, 3n * second, 15n * minute, -second),
  zone: fc.constantFrom(undefined, undefined, 'Europe/Berlin', 'Asia/Kathmandu'),
});

const schedules: fc.Arbitrary<Schedule> = fc
  .record({
    windows: rules,
    every: fc.constantFrom(0n, 1n, 2n, 3n, 5n),
    part: fc.constantFrom(1n, 1n, 2n, 3n),
    back: fc.constantFrom(0n, 1n, 2n, 3n, 7n),
  })
  .map(({ windows, every, part, back }) => {
    const { intervalNs } = windows;
    const everyNs = every === 0n ? 0n : (every * intervalNs) / part;
    const longest = everyNs > intervalNs ? everyNs : intervalNs;
    return { windows, everyNs, forNs: back === 0n ? 0n : back * longest };
  });

interface Done extends Range {
  readonly settledBefore: bigint;
  readonly settledAfter: bigint;
  readonly nowNs: bigint;
}

/** All that is done when somebody looks at these times. */
function run(schedule: Schedule, begin: Progress, looks: readonly bigint[], windowsMax: number) {
  let progress = begin;
  const done: Done[] = [];
  for (const nowNs of looks) {
    for (let count = 0; ; count++) {
      expect(count).toBeLessThan(2_000);
      const step = nextStep(schedule, progress, nowNs, { windowsMax, oldestNs: undefined });
      if (step === undefined) break;
      const settled = { settledBefore: progress.settledNs, settledAfter: step.next.settledNs };
      if (step.range !== undefined) done.push({ ...step.range, ...settled, nowNs });
      expect(step.announceNs).toBeGreaterThanOrEqual(step.next.settledNs);
      expect(step.next.settledNs).toBeGreaterThanOrEqual(progress.settledNs);
      progress = step.next;
    }
  }
  return { progress, done };
}

test('windows are settled in order, whole, once ended, without a gap', async () => {
  const waits = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.property(
      schedules,
      fc.nat(100_000),
      waits,
      fc.integer({ min: 1, max: 50 }),
      (schedule, at, gaps, most) => {
        const { windows } = schedule;
        const created = start + BigInt(at) * second + 123n;
        const looks: bigint[] = [];
        let nowNs = created;
        for (const gap of gaps) {
          nowNs += (BigInt(gap) * windows.intervalNs) / 17n;
          looks.push(nowNs);
        }
        const begin = beginProgress(schedule, created);
        const { progress, done } = run(schedule, begin, looks, most);
        let settled = begin.settledNs;
        for (const step of done) {
          expect(edgeFrom(windows, step.from)).toBe(step.from);
          expect(edgeFrom(windows, step.until)).toBe(step.until);
          // Whatever this step settles it has computed itself, when it had ended.
          if (step.settledAfter > settled) {
            expect(step.from).toBeLessThanOrEqual(settled);
            expect(step.until).toBeGreaterThanOrEqual(step.settledAfter);
            expect(step.settledAfter).toBeLessThanOrEqual(step.nowNs);
            settled = step.settledAfter;
          }
        }
        expect(progress.settledNs).toBe(settled);
        // What the rule no longer looks back at is settled.
        const longest =
          schedule.everyNs > windows.intervalNs ? schedule.everyNs : windows.intervalNs;
        const back = (schedule.forNs || longest) + 2n * longest + 2n * hour;
        expect(settled).toBeGreaterThanOrEqual(
          lastEdge(windows, nowNs - back) < begin.settledNs
            ? begin.settledNs
            : lastEdge(windows, nowNs - back),
        );
      },
    ),
    { numRuns: 150 },
  );
});

test('looked at all the time, a run covers what a run of InfluxDB does', async () => {
  const fitting = schedules.filter(({ windows, everyNs }) => {
    const { intervalNs, zone } = windows;
    const every = everyNs || intervalNs;
    // InfluxDB counts the grid from another year and leaves gaps where neither divides the other.
    return (
      zone === undefined &&
      (every % intervalNs === 0n || intervalNs % every === 0n) &&
      day % every === 0n
    );
  });
  await fc.assert(
    fc.property(fitting, fc.nat(100_000), (schedule, at) => {
      const { windows, everyNs, forNs } = schedule;
      const { intervalNs, offsetNs } = windows;
      const every = everyNs || intervalNs;
      const cut = (time: bigint, size: bigint) => ((time - offsetNs) / size) * size + offsetNs;
      const begin = beginProgress(schedule, start + BigInt(at) * second);
      let progress = begin;
      for (let i = 1n; i <= 12n; i++) {
        const grid = cut(start + BigInt(at) * second, every) + i * every;
        const step = nextStep(schedule, progress, grid, {
          windowsMax: 10_000,
          oldestNs: undefined,
        });
        const lookBack = forNs || (every > intervalNs ? every : intervalNs);
        const from = cut(grid + intervalNs - lookBack - 1n, intervalNs);
        const until = cut(
          grid + intervalNs - (every < intervalNs ? every : intervalNs),
          intervalNs,
        );
        const first = from > begin.sinceNs ? from : begin.sinceNs;
        if (i > 1n || forNs === 0n) {
          expect(step?.range).toEqual(first < until ? { from: first, until } : undefined);
        }
        progress = step!.next;
      }
    }),
    { numRuns: 300 },
  );
});

test('edges are where the label of windows changes, also where clocks change', async () => {
  const changes = fc.constantFrom(
    // Berlin goes forward and back, Lord Howe by half an hour, Kathmandu never.
    ['Europe/Berlin', 1_711_846_800n],
    ['Europe/Berlin', 1_729_990_800n],
    ['Australia/Lord_Howe', 1_712_415_600n],
    ['Australia/Lord_Howe', 1_728_142_200n],
    ['Asia/Kathmandu', 1_711_846_800n],
  ) as fc.Arbitrary<[string, bigint]>;
  const widths = fc.constantFrom(10n * minute, 30n * minute, hour, 3n * hour, 6n * hour, day);
  const offsets = fc.constantFrom(0n, 15n * minute, hour);
  await fc.assert(
    fc.property(
      changes,
      widths,
      offsets,
      fc.integer({ min: -2_000, max: 2_000 }),
      ([zone, at], intervalNs, offsetNs, away) => {
        const rule = { intervalNs, offsetNs, zone };
        const time = at * second + BigInt(away) * minute + 7n;
        let edge = (time / minute) * minute + minute;
        while (windowStart(rule, edge) === windowStart(rule, edge - 1n)) edge += minute;
        expect(nextEdge(rule, time)).toBe(edge);
        let before = (time / minute) * minute;
        while (windowStart(rule, before) === windowStart(rule, before - 1n)) before -= minute;
        expect(lastEdge(rule, time)).toBe(before);
        expect(edgeFrom(rule, before)).toBe(before);
        expect(edgeFrom(rule, before + 1n)).toBe(edge);
        expect(advance(rule, before, 1, edge + day)).toBe(edge);
      },
    ),
    { numRuns: 150 },
  );
});

test('a query made anew answers from the window it was made in, with FOR from further back', () => {
  const windows = { intervalNs: 10n * minute, offsetNs: 0n, zone: undefined };
  const created = start + 25n * minute;
  const plain = beginProgress({ windows, everyNs: 0n, forNs: 0n }, created);
  expect(plain.settledNs).toBe(start + 20n * minute);
  const back = beginProgress({ windows, everyNs: 0n, forNs: hour }, created);
  expect(back.settledNs).toBe(start - 40n * minute);
  const limits = { windowsMax: 100, oldestNs: undefined };
  const first = nextStep({ windows, everyNs: 0n, forNs: hour }, back, created, limits);
  expect(first?.range).toEqual({ from: start - 40n * minute, until: start + 20n * minute });
  expect(first?.next.settledNs).toBe(start - 30n * minute);
});

test('what the target keeps no longer is passed over', () => {
  const windows = { intervalNs: minute, offsetNs: 0n, zone: undefined };
  const schedule = { windows, everyNs: 0n, forNs: 0n };
  const begin = beginProgress(schedule, start);
  const oldestNs = start + 5n * minute + 1n;
  const step = nextStep(schedule, begin, start + 10n * minute, { windowsMax: 100, oldestNs });
  expect(step?.range).toEqual({ from: start + 6n * minute, until: start + 10n * minute });
  const late = { windowsMax: 100, oldestNs: start + day };
  const all = nextStep(schedule, begin, start + 10n * minute, late);
  expect(all?.range).toBeUndefined();
  expect(all?.next.settledNs).toBe(start + 10n * minute);
});

test('a clock that goes back makes nothing due and settles nothing', () => {
  const windows = { intervalNs: minute, offsetNs: 0n, zone: undefined };
  const schedule = { windows, everyNs: 0n, forNs: 0n };
  const limits = { windowsMax: 100, oldestNs: undefined };
  const first = nextStep(schedule, beginProgress(schedule, start), start + 10n * minute, limits);
  expect(nextStep(schedule, first!.next, start + 3n * minute, limits)).toBeUndefined();
});

test('changed rows touch their windows and those that look back at them', () => {
  const rule = { intervalNs: minute, offsetNs: 0n, zone: undefined };
  const range = { from: start + 90n * second, until: start + 100n * second };
  expect(touchedWindows(rule, [range], 0)).toEqual([
    { from: start + minute, until: start + 2n * minute },
  ]);
  expect(touchedWindows(rule, [range], 2)).toEqual([
    { from: start + minute, until: start + 4n * minute },
  ]);
});

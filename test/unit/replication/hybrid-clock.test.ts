/** Stamps only grow, whatever the wall clock does, over crashes too. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  HybridClock,
  hlcEpochMs,
  hlcPerMs,
  toHlc,
  toWallMs,
} from '../../../src/replication/hybrid-clock.ts';

test('a stamp is milliseconds since 2020 times 2048 plus a counter', () => {
  expect(toHlc(hlcEpochMs + 5)).toBe(5 * hlcPerMs);
  expect(toHlc(Date.UTC(2019, 0, 1))).toBe(0);
  expect(toWallMs(toHlc(Date.UTC(2026, 4, 5)) + 3)).toBe(Date.UTC(2026, 4, 5));
  expect(Number.isSafeInteger(toHlc(Date.UTC(2150, 0, 1)))).toBe(true);
});

test('stamps strictly ascend under any wall clock; after a crash they are above the reservation, which is never ahead', async () => {
  const wall = fc.integer({ min: hlcEpochMs, max: hlcEpochMs + 10_000_000 });
  const act = fc.constantFrom('stamp', 'reserve', 'crash');
  const steps = fc.array(fc.record({ wall, act }), { maxLength: 60 });
  await fc.assert(
    fc.property(steps, (all) => {
      let clock = new HybridClock(0);
      let durable = 0;
      let last = 0;
      let wallMax = 0;
      for (const { wall: now, act: what } of all) {
        wallMax = Math.max(wallMax, now);
        if (what === 'crash') {
          clock = new HybridClock(durable);
          last = durable;
        } else if (what === 'reserve') {
          durable = clock.wantedReservation(now) ?? durable;
          clock.reserved(durable);
          expect(clock.reservedTo).toBe(durable);
          expect(durable).toBeLessThanOrEqual(toHlc(wallMax) + all.length);
          last = Math.max(last, durable);
        } else {
          const stamp = clock.next(now);
          expect(stamp).toBeGreaterThan(last);
          last = stamp;
        }
      }
    }),
  );
});

test('a reservation is wanted when the clock is half a second ahead of it', () => {
  const clock = new HybridClock(0);
  clock.reserved(toHlc(hlcEpochMs + 1_000));
  expect(clock.wantedReservation(hlcEpochMs + 1_499)).toBe(undefined);
  expect(clock.wantedReservation(hlcEpochMs + 1_500)).toBe(toHlc(hlcEpochMs + 1_500));
});

test('a clock that says a year outside all reason gives no stamps', () => {
  const clock = new HybridClock(0);
  expect(() => clock.next(Date.UTC(2151, 0, 1))).toThrow('clock of this machine');
  expect(() => clock.next(0)).toThrow('clock of this machine');
  expect(clock.next(Date.UTC(2026, 0, 1))).toBe(toHlc(Date.UTC(2026, 0, 1)));
});

test('a stamp met elsewhere raises the clock', () => {
  const clock = new HybridClock(0);
  clock.observe(5_000_000_000_000);
  expect(clock.next(hlcEpochMs)).toBe(5_000_000_000_001);
});

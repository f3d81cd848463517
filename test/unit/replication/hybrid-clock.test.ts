/** Stamps only grow, whatever the wall clock does, and never pass what is reserved. */

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

test('stamps strictly ascend under any wall clock, across restarts that know the reservation', () => {
  const wall = fc.integer({ min: hlcEpochMs, max: hlcEpochMs + 10_000_000 });
  const steps = fc.array(fc.record({ wall, restart: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (all) => {
      let clock = new HybridClock(0);
      let durable = 0;
      let last = 0;
      for (const { wall: now, restart } of all) {
        if (restart) clock = new HybridClock(durable);
        let stamp = clock.next(now);
        if (stamp === undefined) {
          durable = clock.wantedReservation(now)!;
          clock.reserved(durable);
          stamp = clock.next(now)!;
        }
        expect(stamp).toBeGreaterThan(last);
        expect(stamp).toBeLessThanOrEqual(durable);
        last = stamp;
      }
    }),
  );
});

test('a clock that says a year outside all reason gives no stamps', () => {
  const clock = new HybridClock(0);
  clock.reserved(Number.MAX_SAFE_INTEGER);
  expect(() => clock.next(Date.UTC(2151, 0, 1))).toThrow('clock of this machine');
  expect(() => clock.next(0)).toThrow('clock of this machine');
  expect(clock.next(Date.UTC(2026, 0, 1))).toBe(toHlc(Date.UTC(2026, 0, 1)));
});

test('a stamp met elsewhere raises the clock', () => {
  const clock = new HybridClock(0);
  clock.reserved(Number.MAX_SAFE_INTEGER);
  clock.observe(5_000_000_000_000);
  expect(clock.next(hlcEpochMs)).toBe(5_000_000_000_001);
});

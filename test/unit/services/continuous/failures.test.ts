/** Goal: what may pass is tried for ever with growing pauses; what will not is narrowed down and put aside. */

import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { Failures } from '../../../../src/services/continuous/failures.ts';

const conflict = new CitadelError('invalid-argument', 'field type conflict');
const away = new CitadelError('unavailable', 'cannot reach node');

function makeClock() {
  let nowMs = 0;
  return { monotonicMs: () => nowMs, pass: (ms: number) => (nowMs += ms) };
}

/** Lets time pass until the pause is over; returns how long it was, in seconds. */
function waitOut(failures: Failures, clock: ReturnType<typeof makeClock>): number {
  let seconds = 0;
  for (; failures.isPausing; seconds++) clock.pass(1_000);
  return seconds;
}

test('a failure that may pass is never put aside; pauses double up to a minute', () => {
  const clock = makeClock();
  const failures = new Failures(clock, 10_000);
  const pauses: number[] = [];
  for (let i = 0; i < 9; i++) {
    expect(failures.failed(away)).toBe(false);
    pauses.push(waitOut(failures, clock));
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  expect(failures.windowsMax).toBe(10_000);
  failures.succeeded();
  expect(failures.inRow).toBe(0);
});

test('after an answer that did not come the pause outlasts what may still be stored', () => {
  const clock = makeClock();
  const failures = new Failures(clock, 1);
  expect(failures.failed(new CitadelError('timeout', 'timeout'))).toBe(false);
  expect(waitOut(failures, clock)).toBe(12);
});

test('a failure that stays is narrowed down to one window, tried three times, put aside', () => {
  const clock = makeClock();
  const failures = new Failures(clock, 10_000);
  const sizes: number[] = [];
  for (;;) {
    sizes.push(failures.windowsMax);
    if (failures.failed(conflict)) break;
    waitOut(failures, clock);
  }
  expect(sizes).toEqual([10_000, 625, 39, 2, 1, 1, 1]);
  expect(failures.isPausing).toBe(false);
  // As long as nothing succeeds, the next ones follow at once; then the steps grow again.
  expect(failures.failed(conflict)).toBe(true);
  expect(failures.isPausing).toBe(false);
  expect(failures.windowsMax).toBe(1);
  failures.succeeded();
  failures.succeeded();
  expect(failures.windowsMax).toBe(256);
  for (let i = 0; i < 5; i++) failures.succeeded();
  expect(failures.windowsMax).toBe(10_000);
});

/** The size of a slice follows the pace of the work, within its bounds. */

import { expect, test } from 'vitest';
import { SlicePacer } from '../../../../src/broker/write/slice-pacer.ts';

/** Works for so many milliseconds a MiB. */
function pace(msPerMebibyte: number, rounds: number): number {
  let nowMs = 0;
  const pacer = new SlicePacer({ monotonicMs: () => nowMs });
  for (let i = 0; i < rounds; i++) {
    const size = pacer.sliceSize;
    pacer.run(size, () => {
      nowMs += (size / 1048576) * msPerMebibyte;
    });
  }
  return pacer.sliceSize;
}

test('slices come to take about 8 ms', () => {
  for (const msPerMebibyte of [5, 10, 30]) {
    expect((pace(msPerMebibyte, 20) / 1048576) * msPerMebibyte).toBeCloseTo(8, 0);
  }
});

test('neither too small nor too large, however the work goes', () => {
  expect(pace(10_000, 40)).toBe(256 * 1024);
  expect(pace(0, 40)).toBe(2 * 1024 * 1024);
});

test('a body is cut into equal pieces, and a small rest is no piece of its own', () => {
  const { sliceSize } = new SlicePacer({ monotonicMs: () => 0 });
  const pacer = new SlicePacer({ monotonicMs: () => 0 });
  expect(pacer.sliceOf(sliceSize * 1.5)).toBe(sliceSize * 1.5);
  expect(pacer.sliceOf(sliceSize * 1.75)).toBe(sliceSize * 0.875);
  expect(pacer.sliceOf(sliceSize * 3)).toBe(sliceSize);
  expect(pacer.sliceOf(10)).toBe(10);
});

test('pieces that were held up now and then stay large', () => {
  let nowMs = 0;
  let count = 0;
  const pacer = new SlicePacer({ monotonicMs: () => nowMs });
  for (let i = 0; i < 100; i++) {
    pacer.run(pacer.sliceSize, () => {
      nowMs += (pacer.sliceSize / 1048576) * (count++ % 3 === 0 ? 30 : 4);
    });
  }
  expect(pacer.sliceSize).toBeGreaterThan(1.3 * 1024 * 1024);
});

test('what the work returns or throws comes through, and a rest teaches nothing', () => {
  let nowMs = 0;
  const pacer = new SlicePacer({ monotonicMs: () => nowMs });
  const before = pacer.sliceSize;
  const work = () => {
    nowMs += 1_000;
    return 'result';
  };
  expect(pacer.run(10, work)).toBe('result');
  expect(pacer.sliceSize).toBe(before);
  expect(() =>
    pacer.run(1_000_000, () => {
      throw new Error('no');
    }),
  ).toThrow('no');
});

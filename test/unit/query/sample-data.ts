/** The points that the recorded answers in cases/ are about. */

import type { ReferencePoint } from '../../support/reference-store.ts';

const second = 1_000_000_000n;
/** 2020-01-01T00:00:00Z. */
const start = 1_577_836_800n * second;
/** 2020-03-26T00:00:00Z, three days before clocks change in Europe. */
const beforeSummer = 1_585_180_800n * second;

function manyTypes(): ReferencePoint[] {
  return Array.from({ length: 40 }, (_, i) => ({
    measurement: 'm',
    tags: { host: `h${i % 3}`, ...(i % 2 === 1 ? { region: 'eu' } : {}) },
    time: start + BigInt(i) * 7n * second + (i % 5 === 0 ? 123_456_789n : 0n),
    fields: {
      v: i * 1.5 - 10,
      i: BigInt((i * i) % 17) - 3n,
      b: i % 3 === 0,
      ...(i % 4 === 0 ? { s: `x${i % 8}` } : {}),
    },
  }));
}

function withGaps(): ReferencePoint[] {
  return Array.from({ length: 20 }, (_, i) => ({
    measurement: 'm',
    tags: { host: `h${i % 2}` },
    time: start + BigInt(i) * 30n * second,
    fields: {
      gap: i % 3 === 0 ? i / 7 : i * 2.25,
      ...(i % 4 === 0 ? {} : { gi: BigInt(i) * 1_000_000_007n }),
    },
  }));
}

function oddNames(): ReferencePoint[] {
  return Array.from({ length: 10 }, (_, i) => ({
    measurement: 'n',
    tags: { host: `h${i % 2}`, dc: 'a b,c=d' },
    time: start + BigInt(i) * 60n * second,
    fields: { v: BigInt(i), w: i / 3, 'odd name': true },
  }));
}

const largeIntegers: readonly ReferencePoint[] = [
  { measurement: 'big', tags: {}, time: start, fields: { i: 9_223_372_036_854_775_807n } },
  {
    measurement: 'big',
    tags: {},
    time: start + second,
    fields: { i: -9_223_372_036_854_775_807n },
  },
  {
    measurement: 'big',
    tags: {},
    time: start + 2n * second,
    fields: { i: 5n, s: 'quote " < > & \u2028 ü \\ tab\t' },
  },
];

function ties(): ReferencePoint[] {
  return [3, 9, 1, 9, 3, 5].map((v, i) => ({
    measurement: 'tie',
    tags: { k: `t${i}` },
    time: start,
    fields: { v, b: i % 2 === 0, s: `s${i % 4}`, i: BigInt(i % 3) },
  }));
}

function overClockChange(): ReferencePoint[] {
  return Array.from({ length: 12 }, (_, i) => ({
    measurement: 'dst',
    tags: {},
    time: beforeSummer + BigInt(i) * 12n * 3_600n * second,
    fields: { v: i },
  }));
}

export const samplePoints: readonly ReferencePoint[] = [
  ...manyTypes(),
  ...withGaps(),
  ...oddNames(),
  ...largeIntegers,
  ...ties(),
  ...overClockChange(),
];

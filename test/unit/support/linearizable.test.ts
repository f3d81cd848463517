/** The checker of histories must find what is wrong and nothing else, or its silence means nothing. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findViolation, type Operation } from '../../support/linearizable.ts';

const never = Number.POSITIVE_INFINITY;

function write(value: string | undefined, start: number, end: number): Operation {
  return { kind: 'write', value, start, end };
}

function read(value: string | undefined, start: number, end: number): Operation {
  return { kind: 'read', value, start, end };
}

test.each([
  ['a stale read', [write('a', 0, 1), write('b', 2, 3), read('a', 4, 5)]],
  ['an acknowledged write that nobody sees', [write('a', 0, 1), read(undefined, 2, 3)]],
  ['new, then old', [write('a', 0, 1), write('b', 2, 9), read('b', 3, 4), read('a', 5, 6)]],
  ['a value nobody wrote', [write('a', 0, 1), read('x', 2, 3)]],
  ['a deleted value', [write('a', 0, 1), write(undefined, 2, 3), read('a', 4, 5)]],
  ['a value before its write', [read('a', 0, 1), write('a', 2, 3)]],
  [
    'a write twice',
    [write('a', 0, never), read('a', 1, 2), write('b', 3, 4), read('b', 5, 6), read('a', 7, 8)],
  ],
] as const)('%s is a violation', (_name, history) => {
  expect(findViolation(history)).toContain('no order explains');
});

test.each([
  ['nothing', []],
  ['reads of what is being written', [write('a', 0, 9), read(undefined, 1, 2), read('a', 3, 4)]],
  [
    'an unanswered write that shows late',
    [write('a', 0, never), write('b', 1, 2), read('b', 3, 4), read('a', 5, 6)],
  ],
  [
    'an unanswered delete',
    [write('a', 0, 1), write(undefined, 2, never), read('a', 3, 4), read(undefined, 5, 6)],
  ],
  [
    'writes at the same time',
    [write('a', 0, 5), write('b', 0, 5), read('a', 6, 7), read('a', 8, 9)],
  ],
] as const)('%s is fine', (_name, history) => {
  expect(findViolation(history)).toBeUndefined();
});

/** Every order of every choice of the unanswered ones: slow and obvious. */
function isLinearizable(history: readonly Operation[]): boolean {
  const place = (rest: readonly Operation[], value: string | undefined): boolean => {
    if (rest.every(({ end }) => end === never)) return true;
    return rest.some((one) => {
      if (rest.some(({ end }) => end < one.start)) return false;
      if (one.kind === 'read' && one.value !== value) return false;
      return place(
        rest.filter((other) => other !== one),
        one.kind === 'write' ? one.value : value,
      );
    });
  };
  return place(history, undefined);
}

const anyTime = fc.integer({ min: 0, max: 12 });

test('small histories are judged as by trying everything', async () => {
  const writes = fc.array(fc.tuple(anyTime, anyTime, fc.boolean(), fc.boolean()), { maxLength: 4 });
  const reads = fc.array(fc.tuple(anyTime, anyTime, fc.integer({ min: -1, max: 3 })), {
    maxLength: 4,
  });
  await fc.assert(
    fc.property(writes, reads, (written, seen) => {
      const history = [
        ...written.map(([at, length, isLost, isDelete], i) =>
          write(isDelete ? undefined : `v${i}`, at, isLost ? never : at + length),
        ),
        ...seen.map(([at, length, i]) => read(i < 0 ? undefined : `v${i}`, at, at + length)),
      ];
      expect(findViolation(history) === undefined).toBe(isLinearizable(history));
    }),
    { numRuns: 2_000 },
  );
});

// Method: operations take their moment in a register that is right; only then are their answers spread in time.
test('long histories of a register that works pass, and one changed read does not', async () => {
  const step = fc.tuple(fc.constantFrom('read', 'write', 'delete'), fc.nat(30), fc.nat(30));
  await fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 200 }), (steps) => {
      let value: string | undefined;
      const history = steps.map(([what, before, after], i) => {
        if (what !== 'read') value = what === 'write' ? `v${i}` : undefined;
        const at = i * 10;
        const kind = what === 'read' ? ('read' as const) : ('write' as const);
        return { kind, value, start: at - before, end: at + after };
      });
      expect(findViolation(history)).toBeUndefined();
      expect(findViolation([...history, read('never written', 10_000, 10_001)])).toBeDefined();
    }),
    { numRuns: 50 },
  );
});

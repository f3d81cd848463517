/** A learner that is not open while its node answers is unfit after a while, for a while; silence proves nothing. */

import { expect, test } from 'vitest';
import { LearnerWatch } from '../../../../src/metadata/controller/learner-watch.ts';
import type { NodeReport } from '../../../../src/metadata/controller/replica-reports.ts';

const learnerOpenMs = 60_000;
const unfitMs = 600_000;
const learner = { kind: 'tstore', shard: 3, node: 'b' } as const;
const name = 'tstore/3/b';
const load = { heldBytes: 0, writtenBytesPerSecond: 0 };

function answer(isOpen: boolean | undefined): NodeReport[] {
  const { kind, shard } = learner;
  const own = isOpen === undefined ? [] : [{ kind, shard, isOpen, isComplete: false, load }];
  const other = { kind: 'kstore', shard: 3, isOpen: true, isComplete: true, load } as const;
  return [{ node: 'b', replicas: [...own, other] }];
}

test.each([
  undefined,
  false,
])('not open (%s) for its time: unfit, and again fit later', (isOpen) => {
  const watch = new LearnerWatch();
  const closed = answer(isOpen);
  expect(watch.look([learner], closed, 1_000).size).toBe(0);
  expect(watch.look([learner], closed, 999 + learnerOpenMs).size).toBe(0);
  expect([...watch.look([learner], closed, 1_000 + learnerOpenMs)]).toEqual([name]);
  expect([...watch.look([], [], 999 + learnerOpenMs + unfitMs)]).toEqual([name]);
  expect(watch.look([], [], 1_000 + learnerOpenMs + unfitMs).size).toBe(0);
});

test('one that was open in between begins anew, and a node that says nothing is not judged', () => {
  const watch = new LearnerWatch();
  watch.look([learner], answer(false), 0);
  expect(watch.look([learner], answer(true), learnerOpenMs).size).toBe(0);
  watch.look([learner], answer(false), learnerOpenMs + 1);
  expect(watch.look([learner], answer(false), 2 * learnerOpenMs).size).toBe(0);
  expect(watch.look([learner], [], 3 * learnerOpenMs).size).toBe(0);
  expect(watch.look([learner], answer(undefined), 4 * learnerOpenMs).size).toBe(0);
});

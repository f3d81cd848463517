/** The journal of an import: what it keeps over a crash, and whose it is. */

import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Journal } from '../../../../../../cmd/citadel/commands/transfer/journal.ts';
import {
  renderReading,
  renderSpan,
} from '../../../../../../cmd/citadel/commands/transfer/meter.ts';
import { makeTempDir } from '../../../../../support/temp-dir.ts';

test('steps come back; a last line that is not whole is left out and not written on', () => {
  const path = join(makeTempDir('journal'), 'j');
  expect(existsSync(path)).toBe(false);
  const first = Journal.open<{ n: number }>(path, 'task', false);
  first.note({ n: 1 });
  first.note({ n: 2 });
  appendFileSync(path, '{"n":3');
  const second = Journal.open<{ n: number }>(path, 'task', false);
  expect(second.steps).toEqual([{ n: 1 }, { n: 2 }]);
  second.note({ n: 4 });
  expect(Journal.open(path, 'task', false).steps).toEqual([{ n: 1 }, { n: 2 }, { n: 4 }]);
});

test('a journal of another import is not taken, but for a new beginning', () => {
  const path = join(makeTempDir('journal'), 'j');
  Journal.open(path, 'a', false).note({});
  expect(() => Journal.open(path, 'b', false)).toThrow(/belongs to another import.*-restart/);
  const anew = Journal.open(path, 'b', true);
  expect(anew.steps).toEqual([]);
  anew.note({});
  expect(Journal.open(path, 'b', false).steps).toEqual([{}]);
  anew.remove();
  expect(existsSync(path)).toBe(false);
});

test('progress says how many, how fast and how long still', () => {
  const reading = {
    points: 30_000,
    share: 0.5,
    elapsed: 10_000,
    pointsBefore: 10_000,
    shareBefore: 0.25,
    isTerminal: false,
    rest: '',
  };
  expect(renderReading(reading)).toBe('50 %, 30,000 points, 2,000/s, ETA 0:20');
  expect(renderReading({ ...reading, isTerminal: true })).toBe(
    '[############............] 50 %, 30,000 points, 2,000/s, ETA 0:20',
  );
  expect(renderReading({ ...reading, share: undefined, rest: '3 refused' })).toBe(
    '30,000 points, 2,000/s, 3 refused',
  );
  expect(renderSpan(3_723)).toBe('1:02:03');
});

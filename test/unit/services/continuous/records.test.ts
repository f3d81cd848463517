/** Goal: what one node writes another reads, and damage is named. */

import { expect, test } from 'vitest';
import type { MetaRecord } from '../../../../src/metadata/meta-store.ts';
import {
  type LateMark,
  lateKey,
  type ProgressRecord,
  progressKey,
  queryKeyOf,
  queryOfMark,
  readHeeded,
  readLateMark,
  readOwner,
  readProgress,
  renderHeeded,
  renderLateMark,
  renderOwner,
  renderProgress,
} from '../../../../src/services/continuous/records.ts';

function recordOf(value: string): MetaRecord {
  return { key: 'k', value, createRevision: 1, modRevision: 1, version: 1, lease: '' };
}

const progress: ProgressRecord = {
  sinceNs: -5n,
  settledNs: 1_704_067_200_123_456_789n,
  ranNs: 0n,
  announcedNs: 9_000_000_000_000_000_000n,
  windows: { intervalNs: 60n, offsetNs: -1n, zone: 'Europe/Berlin' },
  sources: [
    { database: 'd"b', policy: 'rp', measurement: 'm/1' },
    { database: 'db', policy: 'rp', measurement: undefined },
  ],
  parked: [{ from: 1n, until: 2n }],
};

const mark: LateMark = {
  incarnation: 'a1',
  isOpen: true,
  ranges: [{ from: -1n, until: 7n }],
  marks: [{ shard: 3, origin: 'o', sequence: 9 }],
};

test('records come back as they were', () => {
  expect(readProgress(recordOf(renderProgress(progress)))).toEqual(progress);
  const utc = { ...progress, windows: { ...progress.windows, zone: undefined } };
  expect(readProgress(recordOf(renderProgress(utc)))).toEqual(utc);
  expect(readLateMark(recordOf(renderLateMark(mark)))).toEqual(mark);
  const heeded = { incarnation: 'a1', revision: 12, marks: mark.marks };
  expect(readHeeded(recordOf(renderHeeded(heeded)))).toEqual(heeded);
  expect(readOwner(recordOf(renderOwner({ node: 'n' })))).toEqual({ node: 'n' });
});

test('what is damaged is corrupt, what is newer is refused', () => {
  for (const text of ['', '{', 'null', '{"v":1}', '{"v":1,"sinceNs":"x"}']) {
    expect(() => readProgress(recordOf(text)), text).toThrow('cannot read metadata record');
    expect(() => readLateMark(recordOf(text)), text).toThrow('cannot read metadata record');
    expect(() => readHeeded(recordOf(text)), text).toThrow('cannot read metadata record');
  }
  expect(() => readOwner(recordOf('{"v":2,"node":"n"}'))).toThrow('has format 2');
});

test('names with anything in them make keys of their own', () => {
  const query = queryKeyOf('id1', 'a/b c');
  expect(progressKey(query)).toBe('continuous/progress/id1/a%2Fb%20c');
  const key = lateKey(query, 'node/1', 'x-1');
  expect(key).toBe('continuous/late/id1/a%2Fb%20c/node%2F1/x-1');
  expect(queryOfMark(key.slice('continuous/late/'.length))).toBe(query);
});

/**
 * Goal: requests and blocks of key-value reads cross the wire unchanged, and a malformed one is refused before
 * anything works with it. Method: round trips; lists whose ends do not fit their bytes.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { type ByteList, listOf } from '../../../../src/model/key-list.ts';
import {
  decodeKvGet,
  decodeKvScan,
  kvGetBlockOf,
  kvScanBlockOf,
} from '../../../../src/rpc/wire/kv-requests.ts';
import { decodeMessage, encodeMessage } from '../../../../src/rpc/wire/requests.ts';

const options = { level: 'quorum' as const, mapVersion: 7, marks: [] };
const list = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 }).map(listOf);

function plain({ bytes, ends }: ByteList) {
  return { bytes: [...bytes], ends: [...ends] };
}

test('requests come through as they are', async () => {
  await fc.assert(
    fc.property(fc.string(), list, fc.uint8Array(), (table, keys, from) => {
      const get = decodeKvGet(encodeMessage({ table, parts: [{ shard: 3, keys }], options }));
      expect(get.table).toBe(table);
      expect(get.options).toEqual(options);
      expect(plain(get.parts[0]!.keys)).toEqual(plain(keys));
      const plan = { table, from, until: undefined };
      const scan = decodeKvScan(encodeMessage({ shards: [1, 2], plan, options: undefined }));
      expect(scan.shards).toEqual([1, 2]);
      expect([...scan.plan.from]).toEqual([...from]);
      expect(scan.plan.until).toBeUndefined();
    }),
  );
});

test('blocks come through as they are', async () => {
  await fc.assert(
    fc.property(list, (values) => {
      const present = new Uint8Array(values.ends.length).fill(1);
      const block = { shard: 1, start: 5, present, values, hasTable: true };
      const got = kvGetBlockOf(decodeMessage(encodeMessage(block)));
      expect(plain(got.values)).toEqual(plain(values));
      expect([...got.present]).toEqual([...present]);
      const scanned = { keys: values, values, hasTable: false };
      const row = kvScanBlockOf(decodeMessage(encodeMessage(scanned)));
      expect(plain(row.keys)).toEqual(plain(values));
      expect(row.hasTable).toBe(false);
    }),
  );
});

test.each([
  ['ends beyond the bytes', Uint32Array.of(1, 9)],
  ['ends that go back', Uint32Array.of(3, 1)],
])('%s are refused', (_, ends) => {
  const bad = { bytes: new Uint8Array(4), ends };
  const values = { bytes: new Uint8Array(0), ends: new Uint32Array(2) };
  expect(() => kvScanBlockOf({ keys: bad, values, hasTable: true })).toThrow(CitadelError);
  const request = encodeMessage({ table: 't', parts: [{ shard: 0, keys: bad }] });
  expect(() => decodeKvGet(request)).toThrow(CitadelError);
});

test('a value for each key, no more and no less', () => {
  const values = listOf([Uint8Array.of(1)]);
  const block = { shard: 0, start: 0, present: new Uint8Array(2), values, hasTable: true };
  expect(() => kvGetBlockOf(block)).toThrow(CitadelError);
  expect(() => kvScanBlockOf({ keys: listOf([]), values, hasTable: true })).toThrow(CitadelError);
});

/** Write ids count for a minute and only so many are kept. */

import { expect, test } from 'vitest';
import { WriteIdTable, writeIdLifeMs } from '../../../src/replication/write-id-table.ts';

function write(lsn: number, acceptedMs: number, checksum = 1) {
  return { checksum, origin: 'a', sequence: lsn, hlc: lsn, lsn, acceptedMs };
}

test('an id is found with its content, within its life', () => {
  const table = new WriteIdTable();
  table.add('x', write(1, 0));
  expect(table.find('x', 1, 10)?.lsn).toBe(1);
  expect(table.find('x', 2, 10)).toBeUndefined();
  expect(table.find('x', 1, writeIdLifeMs)).toBeUndefined();
  expect(table.find('y', 1, 10)).toBeUndefined();
});

test('the oldest go first when there are too many or they are too old', () => {
  const table = new WriteIdTable(3);
  for (let i = 0; i < 5; i++) table.add(`id${i}`, write(i, i));
  expect(table.size).toBe(3);
  expect(table.find('id1', 1, 5)).toBeUndefined();
  expect(table.find('id2', 1, 5)?.lsn).toBe(2);
  table.add('new', write(9, writeIdLifeMs + 3));
  expect(table.size).toBe(2);
});

test('ids of entries that never became durable are taken back', () => {
  const table = new WriteIdTable();
  table.add('x', write(1, 0));
  table.add('y', write(2, 0));
  table.removeAbove(1);
  expect([table.find('x', 1, 0)?.lsn, table.find('y', 1, 0)]).toEqual([1, undefined]);
});

/**
 * Goal: memory of bodies is used again only after it was given back, and only once.
 * Method: bodies of several sizes, joined, given back in any order, their bytes compared.
 */

import { expect, test } from 'vitest';
import { BodyRooms } from '../../../../src/http/server/body-room.ts';

const half = (byte: number): Buffer => Buffer.alloc(100_000, byte);

test('a body is its parts, end to end', () => {
  const rooms = new BodyRooms();
  const parts = [half(1), half(2), half(3)];
  expect(rooms.join(parts, 300_000).equals(Buffer.concat(parts))).toBe(true);
  expect(rooms.join([half(4)], 100_000).equals(half(4))).toBe(true);
  expect(rooms.join([Buffer.from('a'), Buffer.from('b')], 2).toString()).toBe('ab');
});

test('memory serves again when given back, once', () => {
  const rooms = new BodyRooms();
  const first = rooms.join([half(1), half(1)], 200_000);
  const second = rooms.join([half(2), half(2)], 200_000);
  expect(second.buffer).not.toBe(first.buffer);
  rooms.giveBack(first);
  rooms.giveBack(first);
  const third = rooms.join([half(3), half(3)], 200_000);
  expect(third.buffer).toBe(first.buffer);
  const fourth = rooms.join([half(4), half(4)], 200_000);
  expect(fourth.buffer).not.toBe(first.buffer);
  expect([second[0], third[0], fourth[0]]).toEqual([2, 3, 4]);
});

test('foreign memory is not taken', () => {
  const rooms = new BodyRooms();
  const foreign = Buffer.alloc(300_000);
  rooms.giveBack(foreign);
  expect(rooms.join([half(1), half(2)], 200_000).buffer).not.toBe(foreign.buffer);
});

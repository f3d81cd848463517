/**
 * Goal: memory of bodies is used again only after it was given back, and only once; stalled uploads take no
 * more than a few rooms.
 * Method: rooms taken and given back in any order, their memory compared.
 */

import { expect, test } from 'vitest';
import { BodyRooms } from '../../../../src/http/server/body-room.ts';

/** A room whose body is there at once. */
function take(rooms: BodyRooms, size = 200_000): Buffer {
  const room = rooms.take(size);
  if (room === undefined) throw new Error('no room');
  rooms.arrived();
  return room;
}

test('a room has the size that was asked for; small and huge bodies get none', () => {
  const rooms = new BodyRooms();
  expect(take(rooms, 300_000).length).toBe(300_000);
  expect(rooms.take(0)).toBeUndefined();
  expect(rooms.take(1_000)).toBeUndefined();
  expect(rooms.take(5 * 1024 * 1024)).toBeUndefined();
});

test('memory serves again when given back, once', () => {
  const rooms = new BodyRooms();
  const first = take(rooms);
  const second = take(rooms);
  expect(second.buffer).not.toBe(first.buffer);
  rooms.giveBack(first);
  rooms.giveBack(first);
  const third = take(rooms);
  expect(third.buffer).toBe(first.buffer);
  expect(take(rooms).buffer).not.toBe(first.buffer);
});

test('foreign memory is not taken', () => {
  const rooms = new BodyRooms();
  const foreign = Buffer.alloc(300_000);
  rooms.giveBack(foreign);
  expect(take(rooms).buffer).not.toBe(foreign.buffer);
});

test('only so many bodies arrive in rooms at a time', () => {
  const rooms = new BodyRooms();
  let taken = 0;
  while (rooms.take(200_000) !== undefined) taken++;
  expect(taken).toBe(8);
  rooms.arrived();
  expect(rooms.take(200_000)).toBeDefined();
  expect(rooms.take(200_000)).toBeUndefined();
});

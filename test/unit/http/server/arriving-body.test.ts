/**
 * Goal: a body is the bytes that came, in their order, however they were cut and whatever was announced.
 * Method: random cuts of random bodies, with and without a promise of their size, through rooms that are
 * used again and hold the bytes of earlier bodies.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ArrivingBody } from '../../../../src/http/server/arriving-body.ts';
import { BodyRooms } from '../../../../src/http/server/body-room.ts';

const partSize = fc.integer({ min: 1, max: 90_000 });
const upload = fc.record({
  sizes: fc.array(partSize, { maxLength: 8 }),
  announces: fc.boolean(),
  fill: fc.integer({ min: 0, max: 255 }),
});

test('what comes out is what came in', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(upload, { minLength: 1, maxLength: 6 }), async (uploads) => {
      const rooms = new BodyRooms();
      for (const { sizes, announces, fill } of uploads) {
        const parts = sizes.map((size, i) => Buffer.alloc(size, fill + i));
        const whole = Buffer.concat(parts);
        const body = new ArrivingBody(rooms, announces ? whole.length : 0);
        for (const part of parts) body.add(part);
        expect(body.size).toBe(whole.length);
        const result = body.finish();
        expect(result.equals(whole)).toBe(true);
        rooms.giveBack(result);
      }
    }),
    { numRuns: 50 },
  );
});

test('bodies that break off leave their rooms to others', () => {
  const rooms = new BodyRooms();
  for (let i = 0; i < 50; i++) {
    const body = new ArrivingBody(rooms, 300_000);
    body.add(Buffer.alloc(1_000));
    body.abandon();
  }
  expect(rooms.take(300_000)).toBeDefined();
});

test('a promise alone takes no room', () => {
  const rooms = new BodyRooms();
  for (let i = 0; i < 50; i++) expect(new ArrivingBody(rooms, 300_000).size).toBe(0);
  expect(rooms.take(300_000)).toBeDefined();
});

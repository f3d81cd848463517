/** Errors over gRPC: ours come back whole, those of connections become what their status says. */

import { Metadata, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import {
  decodeErrorFacts,
  errorTrailer,
  fromGrpcError,
  isRefused,
  toGrpcError,
} from '../../../src/rpc/status.ts';

const code = fc.constantFrom('redirect', 'overloaded', 'internal', 'too-large', 'locked' as const);
const detail = fc.oneof(
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }),
);

test('code, message and details survive', async () => {
  await fc.assert(
    fc.property(
      code,
      fc.string({ maxLength: 200 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), detail, { noNullPrototype: true }),
      (of, message, details) => {
        const sent = toGrpcError(new CitadelError(of as 'redirect', message, { details }));
        const got = fromGrpcError(sent, 'n');
        expect([got.code, got.message]).toEqual([of, message]);
        // JSON has no negative zero.
        expect(Object.entries(got.details).map(([key, value]) => [key, String(value)])).toEqual(
          Object.entries(details).map(([key, value]) => [key, String(value)]),
        );
      },
    ),
  );
});

test('a long message is cut and long details are dropped, so that trailers stay small', () => {
  const long = 'x'.repeat(100_000);
  const sent = toGrpcError(new CitadelError('corrupt', long, { details: { long } }));
  const got = fromGrpcError(sent, 'n');
  expect([got.code, got.message.length, got.details]).toEqual(['corrupt', 4_096, {}]);
});

test('names that are no UTF-8 do not break the message', () => {
  const sent = toGrpcError(new CitadelError('not-found', 'no "\udc80"'));
  expect(() => encodeURI(sent.details)).not.toThrow();
});

test.each([
  [status.UNAVAILABLE, 'unavailable'],
  [status.CANCELLED, 'cancelled'],
  [status.DEADLINE_EXCEEDED, 'timeout'],
  [status.UNIMPLEMENTED, 'unsupported'],
  [status.INTERNAL, 'unavailable'],
  [status.UNKNOWN, 'unavailable'],
  [status.RESOURCE_EXHAUSTED, 'unavailable'],
])('status %i without our trailer is %s, and names the node', (of, expected) => {
  const got = fromGrpcError({ code: of, details: 'why', metadata: new Metadata() }, 'n7');
  expect([got.code, got.message]).toEqual([expected, 'cannot talk to node n7: why']);
});

test('a message that is too large is told apart', () => {
  const details = 'Received message larger than max (9 vs 5)';
  expect(fromGrpcError({ code: status.RESOURCE_EXHAUSTED, details }, 'n').code).toBe('too-large');
});

test.each([
  '',
  'x',
  '{}',
  '{"code":"new-code","details":{}}',
  'null',
  '{"code":"corrupt"}',
])('a trailer of another kind is not believed: %s', (text) => {
  expect(decodeErrorFacts(text)).toBeUndefined();
  const metadata = new Metadata();
  metadata.set(errorTrailer, Buffer.from(text));
  expect(fromGrpcError({ code: status.ABORTED, details: '', metadata }, 'n').code).toBe(
    'unavailable',
  );
});

test('only a refused connection is refused', () => {
  const details = 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1';
  expect(isRefused({ code: status.UNAVAILABLE, details })).toBe(true);
  expect(isRefused({ code: status.UNAVAILABLE, details: 'read ECONNRESET' })).toBe(false);
  expect(isRefused({ code: status.ABORTED, details })).toBe(false);
});

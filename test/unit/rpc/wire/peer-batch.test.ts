/** Batches of peer messages: whole or refused. */

import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import type { PeerMessage } from '../../../../src/rpc/peer-api.ts';
import { decodeExchange, encodeExchange } from '../../../../src/rpc/wire/exchange.ts';
import { decodeBatch, encodeBatch } from '../../../../src/rpc/wire/peer-batch.ts';

const anyMessage: fc.Arbitrary<PeerMessage> = fc.record(
  {
    kind: fc.constantFrom('tstore' as const, 'kstore' as const),
    shard: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    bytes: fc.uint8Array({ maxLength: 300 }),
  },
  { noNullPrototype: true },
);
const anyBatch = fc.array(anyMessage, { maxLength: 8 });

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CitadelError) return error.code;
    throw error;
  }
  return 'none';
}

test('a batch comes back as it was, its messages as views of it', async () => {
  await fc.assert(
    fc.property(anyBatch, (messages) => {
      const batch = encodeBatch(messages);
      const read = decodeBatch(batch);
      expect(read).toStrictEqual(messages);
      expect(read.every(({ bytes }) => bytes.buffer === batch.buffer)).toBe(true);
    }),
  );
});

test('an exchange comes back with its ping and map version', async () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  await fc.assert(
    fc.property(anyBatch, number, number, (messages, ping, mapVersion) => {
      const request = { messages, ping, mapVersion };
      expect(decodeExchange(encodeExchange(request))).toStrictEqual(request);
    }),
  );
});

test('no changed byte and no cut goes unnoticed', async () => {
  await fc.assert(
    fc.property(anyBatch, fc.nat(), fc.integer({ min: 1, max: 255 }), (messages, at, change) => {
      const batch = encodeBatch(messages);
      const damaged = Uint8Array.from(batch);
      damaged[at % damaged.length]! ^= change;
      expect(['corrupt', 'unsupported-version']).toContain(codeOf(() => decodeBatch(damaged)));
      expect(codeOf(() => decodeBatch(batch.subarray(0, at % batch.length)))).toBe('corrupt');
    }),
  );
});

test('counts and sizes that make no sense are refused, with a right checksum too', async () => {
  await fc.assert(
    fc.property(anyBatch, fc.nat(), fc.nat(), (messages, at, word) => {
      const batch = Buffer.from(encodeBatch(messages));
      const words = Math.floor((batch.length - 12) / 4);
      batch.writeUInt32LE(word, 12 + 4 * (at % words));
      batch.writeUInt32LE(crc32(batch.subarray(12)), 8);
      expect(['corrupt', 'none']).toContain(codeOf(() => decodeBatch(batch)));
    }),
  );
});

test('the kept sample of version 1 is still read and written', () => {
  const path = new URL('../../../fixtures/formats/rpc-batch-v1.bin', import.meta.url);
  const kept = readFileSync(path);
  const messages: PeerMessage[] = [
    { kind: 'tstore', shard: 7, bytes: Uint8Array.of(1, 2, 3) },
    { kind: 'kstore', shard: 4294967295, bytes: new Uint8Array() },
  ];
  expect(decodeBatch(kept)).toStrictEqual(messages);
  expect(encodeBatch(messages).equals(kept)).toBe(true);
});

/**
 * Goal: what one replica says another one understands, byte for byte, and damage is noticed.
 * Method: random messages there and back; every kept sample still reads; every flipped byte of a head is refused.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import type { ShardRecord } from '../../../src/model/cluster.ts';
import { decodeMessage, encodeMessage } from '../../../src/replication/message-codec.ts';
import type {
  PeerBody,
  PeerEntry,
  ReplicaMessage,
  StabilityReport,
  Standing,
} from '../../../src/replication/peer-message.ts';
import type { Versions } from '../../../src/replication/version-vector.ts';

const fixture = fileURLToPath(
  new URL('../../fixtures/formats/peer-message-v1.bin', import.meta.url),
);

const whole = fc.maxSafeNat();
const origin: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 16, maxLength: 16 })
  .map((digits) => digits.join(''));
const versions: fc.Arbitrary<Versions> = fc
  .array(fc.tuple(origin, whole), { maxLength: 5 })
  .map((pairs) => Object.fromEntries(pairs));
const node = fc.string({ maxLength: 40 });
const standing: fc.Arbitrary<Standing> = fc.record({
  versions,
  isPartial: fc.boolean(),
  promised: whole,
  isLeaving: fc.boolean(),
  phase: fc.constantFrom('empty', 'catching-up', 'active', 'rebuilding'),
  canAccept: fc.boolean(),
  primarySilentMs: fc.nat(),
});
const report: fc.Arbitrary<StabilityReport> = fc.record({
  node,
  origin,
  count: whole,
  versions,
  floor: whole,
  recordVersion: whole,
  seen: fc.dictionary(node, whole, { maxKeys: 3, noNullPrototype: true }),
  isWaiting: fc.boolean(),
});
const reports = fc.array(report, { maxLength: 3 });
const entry: fc.Arbitrary<PeerEntry> = fc.record({
  origin,
  sequence: whole,
  hlc: whole,
  epoch: whole,
  writeId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  frame: fc.uint8Array({ maxLength: 100 }),
});
const record: fc.Arbitrary<ShardRecord> = fc.record({
  shard: whole,
  epoch: whole,
  primary: node,
  replicas: fc.array(node, { maxLength: 4 }),
  learner: fc.option(node, { nil: undefined }),
  leaving: fc.option(node, { nil: undefined }),
  degraded: fc.boolean(),
  isNew: fc.boolean(),
  preferred: fc.option(node, { nil: undefined }),
  version: whole,
  revision: whole,
});
const body: fc.Arbitrary<PeerBody> = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), entry }),
  fc.record({ kind: fc.constant('standing' as const), standing }),
  fc.record({
    kind: fc.constant('pull' as const),
    standing,
    received: versions,
    isUrgent: fc.boolean(),
    prepare: whole,
    id: whole,
    reports,
  }),
  fc.record({ kind: fc.constant('entries' as const), entries: fc.array(entry, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('pull-end' as const), standing, id: whole, reports }),
  fc.record({ kind: fc.constant('snapshot-offer' as const), standing }),
  fc.record({ kind: fc.constant('rebuild' as const), standing, gcVersions: versions }),
);
const message: fc.Arbitrary<ReplicaMessage> = fc.record({
  head: fc.record({
    hlc: whole,
    wallMs: fc.double({ noNaN: true }),
    recordVersion: whole,
    record: fc.option(record, { nil: undefined }),
  }),
  body,
});

const sample: ReplicaMessage = {
  head: {
    hlc: 454_990_255_364_103,
    wallMs: 1_800_000_000_000,
    recordVersion: 7,
    record: {
      shard: 3,
      epoch: 4,
      primary: 'node-a',
      replicas: ['node-a', 'node-b'],
      learner: 'node-c',
      leaving: undefined,
      degraded: true,
      isNew: false,
      version: 7,
      revision: 99,
    },
  },
  body: {
    kind: 'entries',
    entries: [
      {
        origin: '00112233445566ff',
        sequence: 12,
        hlc: 454_990_255_364_101,
        epoch: 4,
        writeId: Uint8Array.from({ length: 16 }, (_, i) => i),
        frame: Uint8Array.from({ length: 13 }, (_, i) => 100 + i),
      },
      {
        origin: 'ffeeddccbbaa9988',
        sequence: 1,
        hlc: 454_990_255_364_102,
        epoch: 3,
        writeId: new Uint8Array(16),
        frame: Uint8Array.from({ length: 8 }, (_, i) => i),
      },
    ],
  },
};

function framesOf({ body: sent }: ReplicaMessage): readonly Uint8Array[] {
  if (sent.kind === 'push') return [sent.entry.frame];
  return sent.kind === 'entries' ? sent.entries.map(({ frame }) => frame) : [];
}

function codeOf(bytes: Uint8Array): string {
  try {
    decodeMessage(bytes);
    return 'none';
  } catch (error) {
    if (!(error instanceof CitadelError)) throw error;
    return error.code;
  }
}

test('a message comes out as it went in, whatever the place of its bytes; frames are 8-aligned', async () => {
  await fc.assert(
    fc.property(message, fc.nat(9), (sent, shift) => {
      const bytes = encodeMessage(sent);
      expect(bytes.length % 8).toBe(0);
      const elsewhere = new Uint8Array(bytes.length + shift).subarray(shift);
      elsewhere.set(bytes);
      const got = decodeMessage(elsewhere);
      expect(got).toEqual(sent);
      for (const frame of framesOf(got)) expect(frame.byteOffset % 8).toBe(0);
    }),
  );
});

test('a kept sample of version 1 still reads, and is still written so', () => {
  const kept = new Uint8Array(readFileSync(fixture));
  expect(decodeMessage(kept)).toEqual(sample);
  expect(encodeMessage(sample)).toEqual(kept);
});

test('every changed byte of a head, and every cut, is refused as corrupt or unknown', () => {
  const bytes = encodeMessage(sample);
  const headSize = new DataView(bytes.buffer).getUint32(8, true);
  for (let at = 0; at < headSize; at++) {
    const damaged = bytes.slice();
    damaged[at] = damaged[at]! ^ 0x41;
    expect(codeOf(damaged), `byte ${at}`).toBe(at === 4 ? 'unsupported-version' : 'corrupt');
  }
  for (let size = 0; size < bytes.length; size++) {
    expect(codeOf(bytes.subarray(0, size)), `size ${size}`).toBe('corrupt');
  }
  expect(codeOf(Uint8Array.from([...bytes, ...new Uint8Array(8)]))).toBe('corrupt');
});

test('random bytes with a sound checksum end in an error or a message, never in anything else', async () => {
  await fc.assert(
    fc.property(message, fc.nat(), fc.nat(255), (sent, place, value) => {
      const bytes = encodeMessage(sent);
      const at = 16 + (place % (bytes.length - 16));
      bytes[at] = value;
      const code = codeOf(bytes);
      expect(['none', 'corrupt', 'unsupported-version']).toContain(code);
    }),
  );
});

/** Entries read back from a real log and sent to a peer: all of a range, in pieces, or up to what is damaged. */

import { describe, expect, test } from 'vitest';
import { CommitLog } from '../../../../src/datanode/log/commit-log.ts';
import { EntryIndex, type OriginEnd } from '../../../../src/datanode/log/entry-index.ts';
import { type LogRecord, recordSize } from '../../../../src/datanode/log/log-layout.ts';
import { SegmentReader } from '../../../../src/datanode/log/segment-reader.ts';
import { EntrySender } from '../../../../src/datanode/worker/entry-sender.ts';
import { createSimEnv, type SimEnv } from '../../../../src/env/sim/sim-env.ts';
import type { PeerEntry, ReplicaMessage } from '../../../../src/replication/peer-message.ts';

const directory = 'log/0';
const origins = ['00000000000000aa', '00000000000000bb'] as const;

interface Rig {
  readonly env: SimEnv;
  readonly log: CommitLog;
  readonly index: EntryIndex;
  readonly sender: EntrySender;
  readonly sent: { readonly to: string; readonly message: ReplicaMessage }[];
  readonly missing: OriginEnd[];
}

async function makeRig(segmentBytes: number): Promise<Rig> {
  const env = createSimEnv(1);
  await env.scheduler.run(env.disk.makeDirectory(directory));
  const index = new EntryIndex();
  const options = {
    env,
    disk: env.disk,
    directory,
    logId: 0,
    fsync: 'always' as const,
    fsyncIntervalMs: 100,
    segmentBytes,
  };
  const summary = { segments: [], damage: [], torn: [], endPosition: 0, numberMax: 0 };
  const log = new CommitLog(options, summary, {
    logged: (records, segment, offset) => {
      let at = offset;
      for (const record of records) {
        const { origin, sequence, frame } = record;
        index.add(origin, sequence, { segment, offset: at, size: frame.length });
        at += recordSize(record);
      }
    },
    failed: () => undefined,
  });
  const sent: Rig['sent'] = [];
  const missing: OriginEnd[] = [];
  const reader = new SegmentReader(env.disk, directory, env.log);
  const sender = new EntrySender({
    index,
    reader,
    send: (to, message) => sent.push({ to, message }),
    onMissing: (end) => missing.push(end),
  });
  return { env, log, index, sender, sent, missing };
}

function makeRecord(origin: string, sequence: number, size: number): LogRecord {
  return {
    shard: 0,
    replicaId: '00000000000000cc',
    origin,
    sequence,
    hlc: 1_000 + sequence,
    epoch: 3,
    writeId: new Uint8Array(16).fill(sequence),
    lsn: sequence,
    scope: new Uint8Array(32),
    frame: new Uint8Array(size).fill(sequence),
  };
}

const last: ReplicaMessage = {
  head: { hlc: 1, wallMs: 2, recordVersion: 3, record: undefined },
  body: { kind: 'entries', entries: [] },
};

async function fill(rig: Rig, count: number, size: number): Promise<void> {
  for (let sequence = 1; sequence <= count; sequence++) {
    for (const origin of origins) rig.log.append(makeRecord(origin, sequence, size));
    if (sequence % 3 === 0) await rig.env.scheduler.run(rig.log.sync());
  }
  await rig.env.scheduler.run(rig.log.sync());
  await rig.env.scheduler.advance(20);
}

function entriesOf(rig: Rig): PeerEntry[] {
  return rig.sent.flatMap(({ message: { body } }) => (body.kind === 'entries' ? body.entries : []));
}

async function ask(rig: Rig, from: number, to: number): Promise<void> {
  rig.sender.answer({ to: 'peer', ranges: [{ origin: origins[0], from, to }], last });
  await rig.env.scheduler.advance(500);
}

describe('a range', () => {
  test('comes whole, over the bounds of segments, and then the last message', async () => {
    const rig = await makeRig(2_000);
    await fill(rig, 40, 100);
    expect(rig.log.lastSegment).toBeGreaterThan(3);
    await ask(rig, 5, 33);
    const entries = entriesOf(rig);
    expect(entries.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 29 }, (_, i) => i + 5),
    );
    for (const { origin, sequence, hlc, epoch, writeId, frame } of entries) {
      const record = makeRecord(origins[0], sequence, 100);
      expect({ origin, hlc, epoch, writeId, frame: Uint8Array.from(frame) }).toEqual({
        origin: record.origin,
        hlc: record.hlc,
        epoch: record.epoch,
        writeId: record.writeId,
        frame: record.frame,
      });
    }
    expect(rig.sent.at(-1)?.message).toBe(last);
    expect(rig.missing).toEqual([]);
  });

  test('of large entries comes in pieces of at most a mebibyte, and a few of them at a time', async () => {
    const rig = await makeRig(64 * 1024 * 1024);
    await fill(rig, 20, 400_000);
    await ask(rig, 1, 20);
    const pieces = rig.sent
      .slice(0, -1)
      .map(({ message: { body } }) =>
        body.kind === 'entries'
          ? body.entries.reduce((sum, { frame }) => sum + frame.length, 0)
          : 0,
      );
    expect(Math.max(...pieces)).toBeLessThanOrEqual(1024 * 1024);
    const total = pieces.reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBeGreaterThan(3 * 1024 * 1024);
    expect(total).toBeLessThan(6 * 1024 * 1024);
    expect(rig.sent.at(-1)?.message).toBe(last);
  });

  test('that was damaged comes up to there, and the rest is told', async () => {
    const rig = await makeRig(1024 * 1024);
    await fill(rig, 12, 100);
    const { segment, offset } = rig.index.find(origins[0], 7)!;
    rig.env.disk.flip(`log/0/${String(segment).padStart(8, '0')}.log`, offset + 150);
    await ask(rig, 1, 12);
    expect(entriesOf(rig).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rig.missing).toEqual([{ origin: origins[0], sequence: 7 }]);
    expect(rig.sent.at(-1)?.message).toBe(last);
  });

  test('that was trimmed meanwhile is told, and the last message comes all the same', async () => {
    const rig = await makeRig(2_000);
    await fill(rig, 40, 100);
    await rig.env.scheduler.run(rig.log.trim(() => 1_000));
    await ask(rig, 1, 40);
    expect(entriesOf(rig)).toEqual([]);
    expect(rig.missing).toEqual([{ origin: origins[0], sequence: 1 }]);
    expect(rig.sent).toHaveLength(1);
  });
});

test('more questions than may wait are answered without entries', async () => {
  const rig = await makeRig(1024 * 1024);
  await fill(rig, 3, 100);
  const ranges = [{ origin: origins[0], from: 1, to: 3 }];
  for (let i = 0; i < 100; i++) rig.sender.answer({ to: `peer-${i}`, ranges, last });
  await rig.env.scheduler.advance(2_000);
  expect(rig.sent.filter(({ message }) => message === last)).toHaveLength(100);
  expect(entriesOf(rig).length).toBeLessThanOrEqual(20 * 3);
  expect(entriesOf(rig).length).toBeGreaterThanOrEqual(10 * 3);
});

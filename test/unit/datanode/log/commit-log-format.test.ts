/** The format of the commit log never changes by accident: a kept file is read, and written again alike. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeSegmentHead, encodeSegmentHead } from '../../../../src/datanode/log/log-layout.ts';
import { LogRig, logDirectory } from './log-rig.ts';

const fixture = fileURLToPath(
  new URL('../../../fixtures/formats/commit-log-v1.bin', import.meta.url),
);

/** Three groups of four records and the closing mark, from a fixed seed. */
async function writeSample(): Promise<Uint8Array> {
  const rig = new LogRig(2020, { segmentBytes: 1_000_000 });
  await rig.open();
  for (let i = 0; i < 12; i++) {
    rig.append(i % 3, new Uint8Array(8 + i * 5).fill(i));
    if (i % 4 === 3) await rig.env.scheduler.advance(20);
  }
  await rig.env.scheduler.run(rig.log!.close());
  return rig.env.scheduler.run(rig.env.disk.readAll(`${logDirectory}/00000001.log`));
}

test('this release writes the kept file byte for byte', async () => {
  const bytes = await writeSample();
  expect(Buffer.from(bytes).equals(readFileSync(fixture))).toBe(true);
});

test('this release reads the kept file', async () => {
  const rig = new LogRig(1);
  const { disk, scheduler } = rig.env;
  await scheduler.run(disk.makeDirectory(logDirectory));
  const file = await scheduler.run(disk.open(`${logDirectory}/00000001.log`, 'create'));
  await scheduler.run(file.append([readFileSync(fixture)]));

  const { records, damage, summary } = await rig.read();

  expect([damage, summary.torn]).toEqual([[], []]);
  expect(records.map(({ shard, lsn, frame }) => [shard, lsn, frame.length, frame[0]])).toEqual(
    Array.from({ length: 12 }, (_, i) => [i % 3, 1 + Math.floor(i / 3), 8 + i * 5, i]),
  );
  expect(records[4]).toMatchObject({
    replicaId: '0000000000000001',
    origin: 'a0b1c2d3e4f50617',
    sequence: 2,
    hlc: 1_000_002,
    epoch: 1,
    writeId: new Uint8Array(16).fill(2),
    scope: new Uint8Array(32).fill(2),
  });
});

test('a version or flag of a later release is refused, not guessed', () => {
  const head = { logId: 1, number: 2, startPosition: 3, previousSyncedTo: 4, salt: 5 };
  const bytes = encodeSegmentHead(head);
  expect(decodeSegmentHead(bytes)).toEqual({ header: head, damagedAt: undefined });
  for (const [at, value] of [
    [4, 2],
    [6, 1],
  ] as const) {
    const later = bytes.slice();
    const view = new DataView(later.buffer);
    view.setUint16(at, value, true);
    view.setUint32(60, crc32(later.subarray(0, 60)), true);
    expect(() => decodeSegmentHead(later)).toThrow('needs a newer release');
  }
});

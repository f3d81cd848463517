/** Records of tstore's snapshots, beside those of every snapshot (model/snapshot-records.ts). Layout: docs/formats/snapshot.md. */

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { corruptSnapshot } from '../../model/snapshot-pieces.ts';
import { maxTime, minTime } from '../../model/time.ts';
import { type Bounds, partitionDurationMax } from '../partition/partition-bounds.ts';
import { decodeField, encodeField, type PartitionField } from '../partition/partition-fields.ts';

/** Never given again. A reader refuses kinds that it does not know. */
export const recordKind = {
  start: 1,
  tombstone: 2,
  frame: 3,
  partition: 4,
  series: 5,
  chunk: 6,
  end: 7,
} as const;

/** One partition file of the sender. Field numbers and offsets of the chunks that follow are its. */
export interface PartitionRecord {
  readonly dbId: string;
  readonly rpId: string;
  readonly bounds: Bounds;
  readonly fields: readonly PartitionField[];
}

/** Points that were still in memory, with the stamp of all their cells. */
export interface FrameRecord {
  readonly hlc: number;
  /** 16 hex digits. */
  readonly origin: string;
  readonly frame: Uint8Array;
}

function toHex(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

export function encodePartition({ dbId, rpId, bounds, fields }: PartitionRecord): Uint8Array {
  const out = new ByteWriter(1024);
  out.u64(BigInt(`0x${dbId}`));
  out.u64(BigInt(`0x${rpId}`));
  out.i64(bounds.start);
  out.i64(bounds.end);
  out.varint(fields.length);
  for (const field of fields) {
    const body = encodeField(field);
    out.varint(field.no);
    out.varint(body.length);
    out.put(body);
  }
  return out.finish();
}

/** Errors: `corrupt`. */
export function decodePartition(body: Uint8Array): PartitionRecord {
  const input = new ByteReader(body);
  const dbId = toHex(input.u64());
  const rpId = toHex(input.u64());
  const bounds = { start: input.i64(), end: input.i64() };
  const length = bounds.end - bounds.start;
  const isInRange = bounds.start >= minTime && bounds.end <= maxTime + 1n;
  if (!isInRange || length <= 0n || length > partitionDurationMax) {
    throw corruptSnapshot('a partition has bounds out of range');
  }
  const fields: PartitionField[] = [];
  for (let count = input.varint(); count > 0; count--) {
    const no = input.varint();
    const field = decodeField(no, input.span(input.varint()));
    if (field === undefined) throw corruptSnapshot(`field ${no} of a partition is none`);
    fields.push(field);
  }
  return { dbId, rpId, bounds, fields };
}

export function encodeFrameHead(hlc: number, origin: string): Uint8Array {
  const out = new ByteWriter(16);
  out.u64(BigInt(hlc));
  out.u64(BigInt(`0x${origin}`));
  return out.finish();
}

/** The frame is a copy at an address that its views need. Errors: `corrupt`. */
export function decodeFrame(body: Uint8Array): FrameRecord {
  const input = new ByteReader(body);
  const hlc = Number(input.u64());
  if (!Number.isSafeInteger(hlc)) throw corruptSnapshot('a stamp is out of range');
  const origin = toHex(input.u64());
  return { hlc, origin, frame: input.span(input.remaining).slice() };
}

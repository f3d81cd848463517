/** Records of a snapshot stream: what lies end to end in its pieces. Layout: docs/formats/snapshot.md. */

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import type { SnapshotFacts } from '../../model/store-snapshot.ts';
import { maxTime, minTime } from '../../model/time.ts';
import { type Bounds, partitionDurationMax } from '../partition/partition-bounds.ts';
import { decodeField, encodeField, type PartitionField } from '../partition/partition-fields.ts';
import { corruptSnapshot } from './pieces.ts';

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

/** A chunk of long strings may be large, but not without bound. */
const recordSizeMax = 1024 * 1024 * 1024;

export interface StartRecord extends SnapshotFacts {
  readonly shard: number;
  readonly shardCount: number;
  readonly namespace: number;
}

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

/** How many records there were of each kind, the end not counted. */
export type RecordCounts = readonly number[];

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

function toHex(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

function parseObject(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(decoder.decode(body));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw corruptSnapshot('a record is no object');
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readVersions(value: unknown): Record<string, number> {
  if (typeof value !== 'object' || value === null) throw corruptSnapshot('no versions');
  const versions: Record<string, number> = {};
  for (const [origin, sequence] of Object.entries(value)) {
    if (!/^[0-9a-f]{16}$/.test(origin) || !isNumber(sequence)) {
      throw corruptSnapshot('a version is no number');
    }
    versions[origin] = sequence;
  }
  return versions;
}

export function encodeStart(start: StartRecord): Uint8Array {
  const { shard, shardCount, namespace, versions, gcVersions, hlcMax } = start;
  const text = { shard, shardCount, namespace, versions, gcVersions, hlcMax };
  return encoder.encode(JSON.stringify(text));
}

export function decodeStart(body: Uint8Array): StartRecord {
  const { shard, shardCount, namespace, versions, gcVersions, hlcMax } = parseObject(body);
  if (![shard, shardCount, namespace, hlcMax].every(isNumber)) {
    throw corruptSnapshot('its first record has no numbers');
  }
  return {
    shard: shard as number,
    shardCount: shardCount as number,
    namespace: namespace as number,
    versions: readVersions(versions),
    gcVersions: readVersions(gcVersions),
    hlcMax: hlcMax as number,
  };
}

export function encodeEnd(counts: RecordCounts): Uint8Array {
  return encoder.encode(JSON.stringify({ counts }));
}

export function decodeEnd(body: Uint8Array): RecordCounts {
  const { counts } = parseObject(body);
  if (!Array.isArray(counts) || !counts.every(isNumber)) {
    throw corruptSnapshot('its last record has no counts');
  }
  return counts as number[];
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

/** Bytes before a record's body. */
export function recordHead(kind: number, size: number): Uint8Array {
  const out = new ByteWriter(16);
  out.u8(kind);
  out.varint(size);
  return out.written();
}

export interface SnapshotRecord {
  readonly kind: number;
  /** A view that the next `add` may overwrite. */
  readonly body: Uint8Array;
}

/** Puts records together again that lie across pieces. */
export class RecordReader {
  private buffer = new Uint8Array(2 * 1024 * 1024);
  private from = 0;
  private until = 0;

  add(payload: Uint8Array): void {
    const rest = this.until - this.from;
    if (this.until + payload.length > this.buffer.length) {
      const needed = rest + payload.length;
      const size = needed > this.buffer.length ? needed * 2 : this.buffer.length;
      const target = size === this.buffer.length ? this.buffer : new Uint8Array(size);
      target.set(this.buffer.subarray(this.from, this.until));
      this.buffer = target;
      this.from = 0;
      this.until = rest;
    }
    this.buffer.set(payload, this.until);
    this.until += payload.length;
  }

  get isEmpty(): boolean {
    return this.from === this.until;
  }

  /** Undefined = the next record is not here in full yet. Errors: `corrupt`. */
  next(): SnapshotRecord | undefined {
    const { buffer, from, until } = this;
    if (from === until) return undefined;
    let at = from + 1;
    let size = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= until) return undefined;
      const byte = buffer[at++]!;
      size += (byte & 0x7f) * scale;
      if (size > recordSizeMax) throw corruptSnapshot('a record is too large');
      if (byte < 0x80) break;
    }
    if (at + size > until) return undefined;
    this.from = at + size;
    return { kind: buffer[from]!, body: buffer.subarray(at, at + size) };
  }
}

export function unknownRecord(kind: number): CitadelError {
  return new CitadelError('unsupported-version', 'cannot read a snapshot of a later release', {
    details: { record: kind },
  });
}

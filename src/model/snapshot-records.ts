/**
 * Records of a snapshot stream: what lies end to end in its pieces, and the first and the last record of
 * every snapshot. Layout: docs/formats/snapshot.md.
 */

import { ByteWriter } from '../base/bytes.ts';
import { CitadelError } from '../base/errors.ts';
import { corruptSnapshot, PieceWriter } from './snapshot-pieces.ts';
import type { SnapshotFacts } from './store-snapshot.ts';

/** A chunk of long strings may be large, but not without bound. */
const recordSizeMax = 1024 * 1024 * 1024;

export interface StartRecord extends SnapshotFacts {
  readonly shard: number;
  readonly shardCount: number;
  readonly namespace: number;
}

/** How many records there were of each kind, the end not counted. */
export type RecordCounts = readonly number[];

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

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

function encodeEnd(counts: RecordCounts): Uint8Array {
  return encoder.encode(JSON.stringify({ counts }));
}

export function decodeEnd(body: Uint8Array): RecordCounts {
  const { counts } = parseObject(body);
  if (!Array.isArray(counts) || !counts.every(isNumber)) {
    throw corruptSnapshot('its last record has no counts');
  }
  return counts as number[];
}

/** Bytes before a record's body. */
function recordHead(kind: number, size: number): Uint8Array {
  const out = new ByteWriter(16);
  out.u8(kind);
  out.varint(size);
  return out.written();
}

/** The stream of records, cut into pieces. */
export class RecordWriter {
  private readonly pieces = new PieceWriter();
  private readonly counts: number[];
  private readonly endKind: number;

  /** `kindLimit`: every kind but the end's is below it. */
  constructor(endKind: number, kindLimit: number) {
    this.endKind = endKind;
    this.counts = new Array<number>(kindLimit).fill(0);
  }

  put(kind: number, ...parts: readonly Uint8Array[]): void {
    let size = 0;
    for (const part of parts) size += part.length;
    this.pieces.put(recordHead(kind, size));
    for (const part of parts) this.pieces.put(part);
    if (kind !== this.endKind) this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  take(): Uint8Array[] {
    return this.pieces.take();
  }

  finish(): Uint8Array[] {
    this.put(this.endKind, encodeEnd(this.counts));
    return this.pieces.finish();
  }
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

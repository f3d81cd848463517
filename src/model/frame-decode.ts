/**
 * Reads WriteFrames in place (frame-layout.ts, docs/formats/frame.md).
 *
 * `openFrame` checks everything once: magic, version, flags, size, checksum, every offset and count,
 * the order of times, string ends and validity bytes. What it returns can be trusted by the memtable and
 * costs nothing to walk: offsets into four whole-frame views, no object per series or column.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../base/errors.ts';
import { decodeText } from '../base/text.ts';
import { decodeDeletePredicate } from './delete-predicate.ts';
import { type FieldType, fieldTypeOf } from './field-type.ts';
import { checkPointsFrame } from './frame-check.ts';
import {
  columnEntrySize,
  columnKeySize,
  frameHeaderSize,
  frameKind,
  frameMagic,
  frameVersion,
  integerSizes,
  narrowVersion,
  seriesEntrySize,
} from './frame-layout.ts';
import type { DeletePredicate } from './plan.ts';

/** A field name with its type, as columns refer to it. */
export interface FrameColumnKey {
  readonly name: string;
  readonly nameBytes: Uint8Array;
  readonly type: FieldType;
  /** field-type.ts */
  readonly typeCode: number;
}

export interface FrameHeader {
  readonly size: number;
  /** 16 hex digits. */
  readonly dbId: string;
  /** 16 hex digits; '0000000000000000' = every policy (deletes only). */
  readonly rpId: string;
  readonly namespace: number;
  readonly shardCount: number;
  readonly shard: number;
  readonly kind: keyof typeof frameKind;
  readonly seriesCount: number;
  readonly rowCount: number;
  readonly cellCount: number;
  /** ns; of a delete the bounds of its range. */
  readonly minTime: bigint;
  readonly maxTime: bigint;
}

/** Rows without a value hold zeros; `valid` undefined = every row has one. */
export type FrameColumnData =
  | {
      readonly type: 'float';
      readonly values: Float64Array;
      readonly valid: Uint8Array | undefined;
    }
  | {
      readonly type: 'integer';
      readonly values: BigInt64Array;
      readonly valid: Uint8Array | undefined;
    }
  | {
      readonly type: 'unsigned';
      readonly values: BigUint64Array;
      readonly valid: Uint8Array | undefined;
    }
  | {
      readonly type: 'boolean';
      readonly values: Uint8Array;
      readonly valid: Uint8Array | undefined;
    }
  | {
      readonly type: 'string';
      /** Value of row i: `bytes[starts[i], starts[i + 1])`. */
      readonly starts: Uint32Array;
      readonly bytes: Uint8Array;
      readonly valid: Uint8Array | undefined;
    };

/**
 * Views of the whole frame, by element size. Offsets from the accessors are in bytes from the start of
 * the frame: a time is `frame.int64[timesOffset / 8 + row]`.
 */
export class PointsFrame {
  readonly header: FrameHeader;
  readonly bytes: Uint8Array;
  readonly uint32: Uint32Array;
  readonly float64: Float64Array;
  readonly int64: BigInt64Array;
  readonly columnKeys: readonly FrameColumnKey[];
  private readonly seriesTable: number;

  constructor(header: FrameHeader, bytes: Uint8Array, seriesTable: number) {
    this.header = header;
    this.bytes = bytes;
    this.uint32 = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.float64 = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    this.int64 = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    this.seriesTable = seriesTable / 4;
    this.columnKeys = readColumnKeys(this.uint32, bytes);
  }

  get seriesCount(): number {
    return this.header.seriesCount;
  }

  private entry(series: number): number {
    return this.seriesTable + (series * seriesEntrySize) / 4;
  }

  keyOffset(series: number): number {
    return this.uint32[this.entry(series)]!;
  }

  keySize(series: number): number {
    return this.uint32[this.entry(series) + 1]!;
  }

  /** Canonical series key, a view. */
  key(series: number): Uint8Array {
    const start = this.keyOffset(series);
    return this.bytes.subarray(start, start + this.keySize(series));
  }

  rowCount(series: number): number {
    return this.uint32[this.entry(series) + 3]!;
  }

  columnCount(series: number): number {
    return this.uint32[this.entry(series) + 4]!;
  }

  /** Byte offset of the times, 8-aligned. */
  timesOffset(series: number): number {
    return this.uint32[this.entry(series) + 2]!;
  }

  times(series: number): BigInt64Array {
    const start = this.timesOffset(series) / 8;
    return this.int64.subarray(start, start + this.rowCount(series));
  }

  private columnEntry(series: number, column: number): number {
    const directory = this.timesOffset(series) + this.rowCount(series) * 8;
    return (directory + column * columnEntrySize) / 4;
  }

  /** Index into `columnKeys`. */
  columnKeyIndex(series: number, column: number): number {
    return this.uint32[this.columnEntry(series, column)]!;
  }

  /** Byte offset of the values, 8-aligned. */
  dataOffset(series: number, column: number): number {
    return this.uint32[this.columnEntry(series, column) + 2]!;
  }

  /** Byte offset of the validity bytes; 0 = every row has a value. */
  validityOffset(series: number, column: number): number {
    const at = this.columnEntry(series, column);
    return (this.uint32[at + 1]! & 1) === 0 ? 0 : this.uint32[at + 3]!;
  }

  /** Of an integer column whose values are kept in 1, 2 or 4 bytes each: these; else undefined. */
  narrowIntegers(series: number, column: number): Int8Array | Int16Array | Int32Array | undefined {
    const code = this.uint32[this.columnEntry(series, column) + 1]! >>> 1;
    if (code === 0) return undefined;
    const rowCount = this.rowCount(series);
    const start = this.bytes.byteOffset + this.dataOffset(series, column);
    const size = integerSizes[code]!;
    if (size === 1) return new Int8Array(this.bytes.buffer, start, rowCount);
    if (size === 2) return new Int16Array(this.bytes.buffer, start, rowCount);
    return new Int32Array(this.bytes.buffer, start, rowCount);
  }

  /** 1 = the row has a value; undefined = every row has one. */
  validity(series: number, column: number): Uint8Array | undefined {
    const start = this.validityOffset(series, column);
    return start === 0 ? undefined : this.bytes.subarray(start, start + this.rowCount(series));
  }

  /** The column as typed-array views, narrow integers as a copy. Four small objects a call: loops over many tiny series use the offsets. */
  column(series: number, column: number): FrameColumnData {
    const rowCount = this.rowCount(series);
    const data = this.dataOffset(series, column);
    const valid = this.validity(series, column);
    const { type } = this.columnKeys[this.columnKeyIndex(series, column)]!;
    switch (type) {
      case 'float':
        return { type, values: this.float64.subarray(data / 8, data / 8 + rowCount), valid };
      case 'integer': {
        const narrow = this.narrowIntegers(series, column);
        const values =
          narrow === undefined
            ? this.int64.subarray(data / 8, data / 8 + rowCount)
            : BigInt64Array.from(narrow, BigInt);
        return { type, values, valid };
      }
      case 'unsigned': {
        const start = this.bytes.byteOffset + data;
        return { type, values: new BigUint64Array(this.bytes.buffer, start, rowCount), valid };
      }
      case 'boolean':
        return { type, values: this.bytes.subarray(data, data + rowCount), valid };
      case 'string': {
        const starts = this.uint32.subarray(data / 4, data / 4 + rowCount + 1);
        const first = data + (rowCount + 1) * 4;
        return {
          type,
          starts,
          bytes: this.bytes.subarray(first, first + starts[rowCount]!),
          valid,
        };
      }
    }
  }
}

export interface DeleteFrame {
  readonly header: FrameHeader;
  readonly bytes: Uint8Array;
  readonly predicate: DeletePredicate;
}

export type Frame =
  | { readonly kind: 'points'; readonly points: PointsFrame }
  | { readonly kind: 'delete'; readonly delete: DeleteFrame };

function readColumnKeys(words: Uint32Array, bytes: Uint8Array): FrameColumnKey[] {
  const count = words[15]!;
  const table = words[16]!;
  const keys: FrameColumnKey[] = [];
  for (let i = 0; i < count; i++) {
    const at = table + i * columnKeySize;
    const start = words[at / 4]!;
    const size = bytes[at + 4]! | (bytes[at + 5]! << 8);
    const typeCode = bytes[at + 6]!;
    const type = fieldTypeOf(typeCode);
    if (type === undefined) throw corrupt('unknown column type', { column: i, typeCode });
    const nameBytes = bytes.subarray(start, start + size);
    keys.push({ name: decodeText(nameBytes), nameBytes, type, typeCode });
  }
  return keys;
}

function corrupt(claim: string, details: Record<string, number> = {}): CitadelError {
  return new CitadelError('corrupt', `cannot read frame: ${claim}`, { details });
}

function hexId(view: DataView, at: number): string {
  return view.getBigUint64(at, true).toString(16).padStart(16, '0');
}

function checkVersion(view: DataView): void {
  if (view.getUint32(0, true) !== frameMagic) throw corrupt('bad magic');
  const version = view.getUint16(4, true);
  const flags = view.getUint16(6, true);
  const isPoints = view.getUint32(44, true) === frameKind.points;
  const versionMax = isPoints ? narrowVersion : frameVersion;
  if (version < frameVersion || version > versionMax) {
    throw new CitadelError(
      'unsupported-version',
      `cannot read frame version ${version}: this release reads up to version ${versionMax}, a later release is needed`,
      { details: { version } },
    );
  }
  if (flags !== 0) {
    const features = [
      ...((flags & 1) !== 0 ? ['compressed frames'] : []),
      ...((flags & 2) !== 0 ? ['encrypted frames'] : []),
      ...((flags & ~3) !== 0 ? ['unknown frame flags'] : []),
    ];
    throw new CitadelError(
      'unsupported-version',
      `cannot read frame flags ${flags}: a later release that knows ${features.join(' and ')} is needed`,
      { details: { flags } },
    );
  }
}

function readKind(code: number): keyof typeof frameKind {
  if (code === frameKind.points) return 'points';
  if (code === frameKind.delete) return 'delete';
  if (code === frameKind.kv) return 'kv';
  throw new CitadelError(
    'unsupported-version',
    `cannot read frame kind ${code}: a later release is needed`,
    { details: { kind: code } },
  );
}

/** Checks magic, version, flags and size, and the checksum unless told not to; no bounds inside. */
export function readFrameHeader(bytes: Uint8Array, options: { checksum: boolean }): FrameHeader {
  if (bytes.length < frameHeaderSize) throw corrupt('too short', { size: bytes.length });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkVersion(view);
  const size = view.getUint32(12, true);
  if (size !== bytes.length || size % 8 !== 0) {
    throw corrupt('size differs', { stated: size, actual: bytes.length });
  }
  if (options.checksum && crc32(bytes.subarray(12)) !== view.getUint32(8, true)) {
    throw corrupt('checksum differs', { size });
  }
  return {
    size,
    dbId: hexId(view, 16),
    rpId: hexId(view, 24),
    namespace: view.getUint32(32, true),
    shardCount: view.getUint32(36, true),
    shard: view.getUint32(40, true),
    kind: readKind(view.getUint32(44, true)),
    seriesCount: view.getUint32(48, true),
    rowCount: view.getUint32(52, true),
    cellCount: view.getUint32(56, true),
    minTime: view.getBigInt64(72, true),
    maxTime: view.getBigInt64(80, true),
  };
}

/** Bytes that start at a multiple of 8 in their buffer: the same ones if they do, else a copy. */
function alignFrame(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}

/**
 * Errors: `corrupt` when anything is out of bounds or the checksum differs, `unsupported-version` for a
 * version, flag or kind of a later release. `trusted` skips the checks for bytes this process encoded.
 */
export function openFrame(source: Uint8Array, options: { trusted?: boolean } = {}): Frame {
  const trusted = options.trusted === true;
  const bytes = alignFrame(source);
  const header = readFrameHeader(bytes, { checksum: !trusted });
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  if (header.kind === 'delete') {
    const start = words[22]!;
    const size = words[23]!;
    if (start < frameHeaderSize || start + size > header.size) throw corrupt('payload outside');
    const predicate = decodeDeletePredicate(bytes.subarray(start, start + size));
    return { kind: 'delete', delete: { header, bytes, predicate } };
  }
  if (header.kind === 'kv') throw corrupt('it holds keys, neither points nor a delete');
  if (!trusted) checkPointsFrame(words, bytes);
  return { kind: 'points', points: new PointsFrame(header, bytes, words[17]!) };
}

/** As `openFrame`, for a frame that must hold points. */
export function openPointsFrame(
  bytes: Uint8Array,
  options: { trusted?: boolean } = {},
): PointsFrame {
  const frame = openFrame(bytes, options);
  if (frame.kind !== 'points') throw corrupt('not a frame of points');
  return frame.points;
}

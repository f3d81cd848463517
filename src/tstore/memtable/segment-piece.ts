/** Rows of a memtable segment as a piece: views of the frame where possible, integers as plain numbers. */

import { decodeText } from '../../base/text.ts';
import type { Column } from '../../model/column.ts';
import type { FrameColumnData, PointsFrame } from '../../model/frame-decode.ts';
import { type Hiding, memtableAge, type Piece } from '../merge/piece.ts';
import type { MemFrame } from './memtable.ts';

/** First row of the block whose time is at least `bound`. */
function firstRowAt(times: BigInt64Array, bound: bigint): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `[time - start]` of rows [from, until); all must be within 2^53 of `start`. No BigInt per row. */
function readOffsets(
  points: PointsFrame,
  timesOffset: number,
  from: number,
  until: number,
  start: bigint,
): Float64Array {
  const words = points.uint32;
  const startLow = Number(BigInt.asUintN(32, start));
  const startHigh = Number(start >> 32n);
  const out = new Float64Array(until - from);
  let at = timesOffset / 4 + from * 2;
  for (let i = 0; i < out.length; i++) {
    out[i] = ((words[at + 1]! | 0) - startHigh) * 4294967296 + (words[at]! - startLow);
    at += 2;
  }
  return out;
}

/** Signed or unsigned 64-bit values as numbers; undefined when one is beyond 2^53 - 1. */
function readPlain(
  words: Uint32Array,
  at: number,
  count: number,
  signed: boolean,
): Float64Array | undefined {
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const low = words[at + i * 2]!;
    const high = signed ? words[at + i * 2 + 1]! | 0 : words[at + i * 2 + 1]!;
    // -2^53 itself is not a safe number.
    if (high >= 0x200000 || high < -0x200000 || (high === -0x200000 && low === 0)) return undefined;
    out[i] = high * 4294967296 + low;
  }
  return out;
}

function readStrings(
  data: Extract<FrameColumnData, { type: 'string' }>,
  from: number,
  until: number,
  valid: Uint8Array | undefined,
): Column {
  const words: string[] = [];
  const known = new Map<string, number>();
  const codes = new Uint32Array(until - from);
  for (let row = from; row < until; row++) {
    const text = decodeText(data.bytes.subarray(data.starts[row]!, data.starts[row + 1]!));
    let code = known.get(text);
    if (code === undefined) {
      code = words.length;
      known.set(text, code);
      words.push(text);
    }
    codes[row - from] = code;
  }
  return { type: 'string', codes, dictionary: words, valid };
}

function readColumn(
  points: PointsFrame,
  series: number,
  index: number,
  from: number,
  until: number,
): Column {
  const narrow = points.narrowIntegers(series, index);
  if (narrow !== undefined) {
    const values = new Float64Array(narrow.subarray(from, until));
    return {
      type: 'integer',
      values,
      valid: points.validity(series, index)?.subarray(from, until),
    };
  }
  const data = points.column(series, index);
  const valid = data.valid?.subarray(from, until);
  switch (data.type) {
    case 'float':
      return { type: data.type, values: data.values.subarray(from, until), valid };
    case 'boolean':
      return { type: data.type, values: data.values.subarray(from, until), valid };
    case 'string':
      return readStrings(data, from, until, valid);
    case 'integer': {
      const at = points.dataOffset(series, index) / 4 + from * 2;
      const plain = readPlain(points.uint32, at, until - from, true);
      return { type: data.type, values: plain ?? data.values.subarray(from, until), valid };
    }
    case 'unsigned': {
      const at = points.dataOffset(series, index) / 4 + from * 2;
      const plain = readPlain(points.uint32, at, until - from, false);
      return { type: data.type, values: plain ?? data.values.subarray(from, until), valid };
    }
  }
}

function hasValue(column: Column): boolean {
  return column.valid === undefined || column.valid.includes(1);
}

/** Where rows are asked for: offsets [min, max] from `start`, ns. */
export interface Span {
  readonly start: bigint;
  readonly min: number;
  readonly max: number;
}

/** Rows of the segment inside a span: [from, until). */
export function rowsWithin(points: PointsFrame, series: number, span: Span): [number, number] {
  const times = points.times(series);
  const from = firstRowAt(times, span.start + BigInt(span.min));
  const until = firstRowAt(times, span.start + BigInt(span.max) + 1n);
  return [from, until];
}

const knownPlaces = new WeakMap<readonly number[], ReadonlyMap<number, number>>();

/** Number of a field -> its place among those asked for; made once per scan, not per segment. */
function placesOf(fields: readonly number[]): ReadonlyMap<number, number> {
  const known = knownPlaces.get(fields);
  if (known) return known;
  const places = new Map<number, number>();
  fields.forEach((number, place) => {
    if (number >= 0 && !places.has(number)) places.set(number, place);
  });
  knownPlaces.set(fields, places);
  return places;
}

/** Undefined = no row of it in the span. `fields`: numbers of the store's `FieldNames`, -1 = unknown. */
export function readSegment(
  frame: MemFrame,
  series: number,
  fields: readonly number[],
  span: Span,
  hidings: readonly Hiding[],
): Piece | undefined {
  const { points } = frame;
  const [from, until] = rowsWithin(points, series, span);
  if (from >= until) return undefined;
  const columns: (Column | undefined)[] = fields.map(() => undefined);
  const places = placesOf(fields);
  const columnCount = points.columnCount(series);
  for (let c = 0; c < columnCount; c++) {
    const wanted = places.get(frame.fields[points.columnKeyIndex(series, c)]!);
    if (wanted === undefined) continue;
    const column = readColumn(points, series, c, from, until);
    if (hasValue(column)) columns[wanted] = column;
  }
  return {
    offsets: readOffsets(points, points.timesOffset(series), from, until, span.start),
    columns,
    hlc: frame.hlc,
    origin: frame.origin,
    stamps: undefined,
    age: memtableAge,
    hidings,
  };
}

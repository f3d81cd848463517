/**
 * Frames of points -> bodies of line protocol with ns timestamps, cut at line ends.
 *
 * The inverse of reading lines: parsed again they are the same points. Series and fields whose names line
 * protocol cannot express are left out and counted.
 */

import { encodeText } from '../../base/text.ts';
import type { FrameColumnData, PointsFrame } from '../../model/frame-decode.ts';
import { openPointsFrame } from '../../model/frame-decode.ts';
import { fieldInLine, measurementInLine, tagInLine } from '../../model/line-names.ts';
import { decodeSeriesKey } from '../../model/series-key.ts';
import { type Lines, LineWriter } from './line-writer.ts';

export interface Body extends Lines {
  /** Points that were left out since the body before. */
  readonly unwritable: number;
}

interface Column {
  /** `,name=` */
  readonly head: Uint8Array;
  readonly data: FrameColumnData;
}

/** `measurement,tag=value `; undefined = it cannot be written. */
function formatSeries(key: Uint8Array): Uint8Array | undefined {
  const { measurement, tags } = decodeSeriesKey(key);
  let text = measurementInLine(measurement);
  for (const [name, value] of tags) {
    const [tagKey, tagValue] = [tagInLine(name), tagInLine(value)];
    if (text === undefined || tagKey === undefined || tagValue === undefined) return undefined;
    text += `,${tagKey}=${tagValue}`;
  }
  return text === undefined ? undefined : encodeText(`${text} `);
}

/** Undefined = one of the names cannot be written. */
function columnsOf(frame: PointsFrame, series: number): Column[] | undefined {
  const columns: Column[] = [];
  for (let i = 0; i < frame.columnCount(series); i++) {
    const name = fieldInLine(frame.columnKeys[frame.columnKeyIndex(series, i)]!.name);
    if (name === undefined) return undefined;
    columns.push({ head: encodeText(`,${name}=`), data: frame.column(series, i) });
  }
  return columns;
}

function putValue(writer: LineWriter, data: FrameColumnData, row: number): void {
  switch (data.type) {
    case 'float': {
      const value = data.values[row]!;
      writer.putText(Object.is(value, -0) ? '-0' : String(value));
      return;
    }
    case 'integer':
      writer.putText(`${data.values[row]!}i`);
      return;
    case 'unsigned':
      writer.putText(`${data.values[row]!}u`);
      return;
    case 'boolean':
      writer.putText(data.values[row] === 1 ? 'true' : 'false');
      return;
    case 'string':
      writer.putQuoted(data.bytes, data.starts[row]!, data.starts[row + 1]!);
  }
}

/** False: the row has no value, and nothing was written. */
function putFields(writer: LineWriter, columns: readonly Column[], row: number): boolean {
  let isFirst = true;
  for (const { head, data } of columns) {
    if (data.valid !== undefined && data.valid[row] !== 1) continue;
    writer.put(isFirst ? head.subarray(1) : head);
    putValue(writer, data, row);
    isFirst = false;
  }
  return !isFirst;
}

/** Ends a piece wherever a line brings the writer to `sizeMax`; gives what could not be written. */
function* putSeries(
  writer: LineWriter,
  frame: PointsFrame,
  series: number,
  sizeMax: () => number,
): Generator<undefined, number> {
  const head = formatSeries(frame.key(series));
  const columns = head && columnsOf(frame, series);
  const rowCount = frame.rowCount(series);
  if (head === undefined || columns === undefined) return rowCount;
  const times = frame.times(series);
  for (let row = 0; row < rowCount; row++) {
    const { size } = writer;
    writer.put(head);
    if (!putFields(writer, columns, row)) {
      writer.size = size;
      continue;
    }
    writer.putText(` ${times[row]!}`);
    writer.endLine();
    if (writer.size >= sizeMax()) yield;
  }
  return 0;
}

/** Bodies of `sizeMax()` bytes and the rest of a line; the last one may be empty but for what was left out. */
export function* formatFrames(
  frames: readonly Uint8Array[],
  sizeMax: () => number,
): Generator<Body> {
  const writer = new LineWriter();
  let unwritable = 0;
  for (const bytes of frames) {
    const frame = openPointsFrame(bytes, { trusted: true });
    for (let series = 0; series < frame.seriesCount; series++) {
      const pieces = putSeries(writer, frame, series, sizeMax);
      for (let piece = pieces.next(); ; piece = pieces.next()) {
        if (piece.done === true) {
          unwritable += piece.value;
          break;
        }
        yield { ...writer.take(), unwritable };
        unwritable = 0;
      }
    }
  }
  if (writer.size > 0 || unwritable > 0) yield { ...writer.take(), unwritable };
}

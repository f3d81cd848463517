/** Answers of citadel.v1.TimeSeries.Query, both ways: pieces of series, warnings, errors of statements. */

import {
  type ApiColumn,
  decodeColumn,
  decodeTag,
  encodeColumn,
  encodeTag,
  type TagPair,
  timesOf,
} from './column-messages.ts';
import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

/** Rows of one series. Consecutive blocks with equal name and tags belong to one series. */
export interface SeriesBlock {
  readonly name: string;
  readonly tags: readonly TagPair[];
  /** The first is `time` where there are times. */
  readonly columns: readonly string[];
  readonly rowCount: number;
  /** ns since the Unix epoch; undefined = the answer has no times. */
  readonly times: BigInt64Array | undefined;
  /** Behind `time`; undefined = all null. */
  readonly values: readonly (ApiColumn | undefined)[];
  /** IANA name of the zone that tz() asked for; '' = UTC. */
  readonly zone: string;
}

export interface QueryAnswer {
  readonly statement: number;
  readonly messages: readonly string[];
  /** '' = no error; the statement has nothing more then. */
  readonly code: string;
  readonly error: string;
  readonly series: SeriesBlock | undefined;
}

const field = { statement: 1, messages: 2, code: 3, error: 4, series: 5 } as const;
const seriesField = {
  name: 1,
  tags: 2,
  columns: 3,
  rowCount: 4,
  times: 5,
  values: 6,
  zone: 7,
} as const;
const noBytes = new Uint8Array(0);

function encodeSeries(block: SeriesBlock): Buffer {
  const writer = new MessageWriter(1024).text(seriesField.name, block.name);
  for (const tag of block.tags) writer.message(seriesField.tags, encodeTag(tag));
  for (const name of block.columns) writer.message(seriesField.columns, Buffer.from(name));
  writer.varint(seriesField.rowCount, block.rowCount);
  if (block.times !== undefined) writer.packed(seriesField.times, block.times);
  for (const column of block.values) writer.message(seriesField.values, encodeColumn(column));
  return writer.text(seriesField.zone, block.zone).finish();
}

function decodeSeries(message: Uint8Array): SeriesBlock {
  const found = { name: '', rowCount: 0, zone: '' };
  const tags: TagPair[] = [];
  const columns: string[] = [];
  let times: Uint8Array = noBytes;
  const values: (ApiColumn | undefined)[] = [];
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === seriesField.name) found.name = reader.text();
    else if (reader.field === seriesField.tags) tags.push(decodeTag(reader.bytes));
    else if (reader.field === seriesField.columns) columns.push(reader.text());
    else if (reader.field === seriesField.rowCount) found.rowCount = reader.number;
    else if (reader.field === seriesField.times) times = reader.fixed64(times);
    else if (reader.field === seriesField.values) values.push(decodeColumn(reader.bytes));
    else if (reader.field === seriesField.zone) found.zone = reader.text();
  }
  const hasTimes = times.length > 0;
  return { ...found, tags, columns, times: hasTimes ? timesOf(times) : undefined, values };
}

export function encodeQueryAnswer(answer: QueryAnswer): Buffer {
  const series = answer.series && encodeSeries(answer.series);
  const writer = new MessageWriter((series?.length ?? 0) + 64);
  writer.varint(field.statement, answer.statement);
  for (const text of answer.messages) writer.message(field.messages, Buffer.from(text));
  writer.text(field.code, answer.code).text(field.error, answer.error);
  if (series !== undefined) writer.message(field.series, series);
  return writer.finish();
}

export function decodeQueryAnswer(message: Uint8Array): QueryAnswer {
  const found = { statement: 0, code: '', error: '' };
  const messages: string[] = [];
  let series: SeriesBlock | undefined;
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === field.statement) found.statement = reader.number;
    else if (reader.field === field.messages) messages.push(reader.text());
    else if (reader.field === field.code) found.code = reader.text();
    else if (reader.field === field.error) found.error = reader.text();
    else if (reader.field === field.series) series = decodeSeries(reader.bytes);
  }
  return { ...found, messages, series };
}

/**
 * Prometheus remote read: a ReadRequest, of which InfluxDB answers one query at a time.
 */

import { CitadelError } from '../../base/errors.ts';
import { decodeText } from '../../base/text.ts';
import { ProtoReader } from './proto-reader.ts';

const queriesField = 1;
const startField = 1;
const endField = 2;
const matchersField = 3;
const typeField = 1;
const nameField = 2;
const valueField = 3;
/** More are no question of a person or a dashboard. */
const matchersMax = 1_000;

const matchTypes = ['equal', 'not-equal', 'regex', 'not-regex'] as const;

export interface LabelMatcher {
  readonly type: (typeof matchTypes)[number];
  readonly name: string;
  readonly value: string;
}

export interface ReadQuery {
  /** Both inclusive, ms since the Unix epoch. */
  readonly startMs: number;
  readonly endMs: number;
  /** One at least. */
  readonly matchers: readonly LabelMatcher[];
}

function refuse(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

function readText(reader: ProtoReader): string {
  reader.span();
  return decodeText(reader.bytes.subarray(reader.start, reader.position));
}

function readMatcher(reader: ProtoReader): LabelMatcher {
  let number = 0;
  let name = '';
  let value = '';
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === typeField) number = reader.int64();
    else if (reader.field === nameField) name = readText(reader);
    else if (reader.field === valueField) value = readText(reader);
    else reader.skip();
  }
  reader.leave(outer);
  const type = matchTypes[number];
  if (type === undefined) throw refuse(`unknown match type ${number}`);
  return { type, name, value };
}

function readQuery(reader: ProtoReader): ReadQuery {
  let startMs = 0;
  let endMs = 0;
  const matchers: LabelMatcher[] = [];
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === startField) startMs = reader.int64();
    else if (reader.field === endField) endMs = reader.int64();
    else if (reader.field === matchersField) matchers.push(readMatcher(reader));
    else reader.skip();
    if (matchers.length > matchersMax) throw refuse('too many matchers');
  }
  reader.leave(outer);
  return { startMs, endMs, matchers };
}

/** @throws CitadelError `invalid-argument` */
export function readReadRequest(bytes: Uint8Array): ReadQuery {
  const reader = new ProtoReader(bytes);
  let query: ReadQuery | undefined;
  let count = 0;
  while (reader.next()) {
    if (reader.field !== queriesField) reader.skip();
    else {
      query = readQuery(reader);
      count++;
    }
  }
  if (query === undefined || count !== 1) {
    throw refuse('Prometheus read endpoint currently only supports one query at a time');
  }
  if (query.matchers.length === 0) throw refuse('expected matcher');
  return query;
}

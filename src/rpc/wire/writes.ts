/**
 * Writes on their way to one node, and what became of each: several frames in one message, answers by the place
 * of their frame (in a call) or its number (in a stream), in groups, as they come.
 *
 * A request has one value per frame (everything but the frame) and the frames beside them, byte for byte.
 */

import { CitadelError } from '../../base/errors.ts';
import type { StoreKind } from '../../model/cluster.ts';
import type { ConsistencyLevel, WriteShardRequest, WriteShardResponse } from '../data-node-api.ts';
import { isErrorCode } from '../status.ts';
import {
  booleanOf,
  bytesOf,
  choiceOf,
  countOf,
  type Fields,
  fieldsOf,
  listOf,
  numberOf,
  optional,
  textOf,
  wrongField,
} from './fields.ts';
import { fieldPrefix, ProtoReader, ProtoWriter } from './proto-wire.ts';
import { takeMessage, valuesOf } from './requests.ts';
import { valueSizeMax } from './value-layout.ts';
import { decodeValues } from './value-reader.ts';
import { ValueWriter } from './value-writer.ts';

const field = { values: 1, frames: 2, first: 3, givenUp: 4 } as const;
const writeIdSize = 16;
const levels: ReadonlySet<ConsistencyLevel> = new Set<ConsistencyLevel>([
  'auto',
  'any',
  'one',
  'quorum',
  'all',
]);
const storeKinds: ReadonlySet<StoreKind> = new Set<StoreKind>(['tstore', 'kstore']);

/** @throws CitadelError `too-large` */
export function checkFrameSize({ frame }: WriteShardRequest): void {
  if (frame.length <= valueSizeMax) return;
  throw new CitadelError('too-large', `cannot send a frame of ${frame.length} bytes`, {
    details: { size: frame.length, sizeMax: valueSizeMax },
  });
}

function partsOf(requests: readonly WriteShardRequest[]): Uint8Array[] {
  const writer = new ValueWriter();
  for (const { frame: _, ...head } of requests) writer.add(head);
  const parts: Uint8Array[] = [takeMessage(writer)];
  for (const { frame } of requests) parts.push(fieldPrefix(field.frames, frame.length), frame);
  return parts;
}

/** As a call. */
export function encodeWrites(requests: readonly WriteShardRequest[]): Buffer {
  return Buffer.concat(partsOf(requests));
}

/** As a message of a stream. `first`: the number of the first one. */
export function encodeStreamWrites(first: number, requests: readonly WriteShardRequest[]): Buffer {
  const number = new ProtoWriter().varint(field.first, first).finish();
  return Buffer.concat([number, ...partsOf(requests)]);
}

/** Nobody waits any more for the write of that number. */
export function encodeGivenUp(number: number): Buffer {
  return new ProtoWriter().varint(field.givenUp, number).finish();
}

function kindOf(value: unknown, name: string): StoreKind {
  return choiceOf(value, storeKinds, name);
}

function ownCopy(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

function requestOf(head: Fields, frame: Uint8Array): WriteShardRequest {
  countOf(head.shard, 'shard');
  countOf(head.epoch, 'epoch');
  countOf(head.mapVersion, 'map version');
  choiceOf(head.level, levels, 'level');
  optional(head.isFallback, booleanOf, 'fallback');
  optional(head.sentMs, numberOf, 'sent');
  optional(head.kind, kindOf, 'kind');
  const writeId = bytesOf(head.writeId, 'write id');
  if (writeId.length !== writeIdSize) throw wrongField('write id');
  const checked = head as unknown as WriteShardRequest;
  return { ...checked, writeId: ownCopy(writeId), frame: ownCopy(frame) };
}

/**
 * Frames and write ids own their buffers, as whoever passes them to a thread needs it.
 *
 * @throws CitadelError `invalid-argument`, `corrupt`, `unsupported-version`
 */
export function decodeWrites(message: Uint8Array): WriteShardRequest[] {
  return readWrites(new ProtoReader(message));
}

function readWrites(reader: ProtoReader): WriteShardRequest[] {
  const values = reader.bytes(field.values);
  const frames = reader.all(field.frames);
  if (values === undefined) throw wrongField('values');
  const heads = [...decodeValues(values)];
  if (heads.length === 0 || heads.length !== frames.length) throw wrongField('frames');
  return heads.map((head, i) => requestOf(fieldsOf(head, 'write'), frames[i]!));
}

/** A message of a stream. */
export interface StreamWrites {
  /** Number of the first write. */
  readonly first: number;
  readonly requests: readonly WriteShardRequest[];
  /** Number of an earlier write whose answer nobody waits for any more; 0 = this message brings writes. */
  readonly givenUp: number;
}

/** As `decodeWrites`. */
export function decodeStreamWrites(message: Uint8Array): StreamWrites {
  const reader = new ProtoReader(message);
  const givenUp = reader.number(field.givenUp);
  if (givenUp > 0) return { first: 0, requests: [], givenUp };
  const first = reader.number(field.first);
  if (first === 0) throw wrongField('first');
  return { first, requests: readWrites(reader), givenUp: 0 };
}

/** What became of one write of a request. */
export interface WriteOutcome {
  /** Of the write in its request; in a stream its number. */
  readonly index: number;
  /** Of the map that the node had when it answered. */
  readonly mapVersion: number;
  /** Exactly one of both. */
  readonly answer: WriteShardResponse | undefined;
  readonly failure: CitadelError | undefined;
}

/** As a value that can travel. */
export function toValue({ failure, ...rest }: WriteOutcome): object {
  if (failure === undefined) return rest;
  const { code, message, details } = failure;
  return { ...rest, failure: { code, message, details } };
}

function answerOf(value: unknown, name: string): WriteShardResponse {
  const answer = fieldsOf(value, name);
  textOf(answer.origin, 'origin');
  countOf(answer.sequence, 'sequence');
  countOf(answer.copies, 'copies');
  choiceOf(answer.levelReached, levels, 'level');
  return value as WriteShardResponse;
}

function failureOf(value: unknown, name: string): CitadelError {
  const { code, message, details } = fieldsOf(value, name);
  if (!isErrorCode(code)) throw wrongField(`${name} code`);
  const known = fieldsOf(details, `${name} details`) as CitadelError['details'];
  return new CitadelError(code, textOf(message, `${name} message`), { details: known });
}

function outcomeOf(value: unknown, name: string): WriteOutcome {
  const { index, mapVersion, answer, failure } = fieldsOf(value, name);
  const place = { index: countOf(index, 'index'), mapVersion: countOf(mapVersion, 'map version') };
  if (failure === undefined) {
    return { ...place, answer: answerOf(answer, 'answer'), failure: undefined };
  }
  return { ...place, answer: undefined, failure: failureOf(failure, 'failure') };
}

/** Of one message; each of its values is a group. @throws CitadelError `invalid-argument`, `corrupt` */
export function decodeOutcomes(message: Uint8Array): WriteOutcome[] {
  const groups = [...decodeValues(valuesOf(message))];
  return groups.flatMap((group) => listOf(group, outcomeOf, 'outcome'));
}

/**
 * Requests and answers of the data node, to and from the messages of proto/. Field 1 is always a message
 * of values; a write carries its frame beside it, in a buffer of its own.
 */

import { CitadelError } from '../../base/errors.ts';
import type { StoreKind } from '../../model/cluster.ts';
import type { Hlc } from '../../model/entry.ts';
import type { SchemaPlan, ShardPlan } from '../../model/plan.ts';
import type {
  ConsistencyLevel,
  EntryMark,
  ReadLevel,
  ReadOptions,
  WriteShardRequest,
  WriteShardResponse,
} from '../data-node-api.ts';
import { checkSchemaPlan, checkShardPlan, idOf } from './check-plan.ts';
import {
  booleanOf,
  bytesOf,
  choiceOf,
  countOf,
  fieldsOf,
  listOf,
  numberOf,
  optional,
  textOf,
  wrongField,
} from './fields.ts';
import { fieldPrefix, ProtoReader } from './proto-wire.ts';
import { valueSizeMax } from './value-layout.ts';
import { decodeValue } from './value-reader.ts';
import { ValueWriter } from './value-writer.ts';

const field = { values: 1, frame: 2 } as const;
const writeIdSize = 16;
const levels: ReadonlySet<ConsistencyLevel> = new Set<ConsistencyLevel>([
  'auto',
  'any',
  'one',
  'quorum',
  'all',
]);
const readLevels: ReadonlySet<ReadLevel> = new Set<ReadLevel>(['one', 'primary', 'quorum']);
const storeKinds: ReadonlySet<StoreKind> = new Set<StoreKind>(['tstore', 'kstore']);

function kindOf(value: unknown, name: string): StoreKind {
  return choiceOf(value, storeKinds, name);
}

export const emptyMessage = Buffer.alloc(0);

/** The values of a writer as field 1. */
export function takeMessage(writer: ValueWriter): Buffer {
  return writer.take((size) => fieldPrefix(field.values, size));
}

export function encodeMessage(value: unknown): Buffer {
  const writer = new ValueWriter();
  writer.add(value);
  return takeMessage(writer);
}

/** Field 1 of a message, a view. @throws CitadelError `invalid-argument` */
export function valuesOf(message: Uint8Array): Uint8Array {
  const values = new ProtoReader(message).bytes(field.values);
  if (values === undefined) throw wrongField('values');
  return values;
}

export function decodeMessage(message: Uint8Array): unknown {
  return decodeValue(valuesOf(message));
}

function ownCopy(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** @throws CitadelError `too-large` */
export function encodeWrite(request: WriteShardRequest): Buffer {
  const { frame, ...head } = request;
  if (frame.length > valueSizeMax) {
    throw new CitadelError('too-large', `cannot send a frame of ${frame.length} bytes`, {
      details: { size: frame.length, sizeMax: valueSizeMax },
    });
  }
  const values = encodeMessage(head);
  const prefix = fieldPrefix(field.frame, frame.length);
  return Buffer.concat([values, prefix, frame]);
}

/** Frame and write id own their buffers, as whoever passes them to a thread needs it. */
export function decodeWrite(message: Uint8Array): WriteShardRequest {
  const reader = new ProtoReader(message);
  const values = reader.bytes(field.values);
  const frame = reader.bytes(field.frame);
  if (values === undefined || frame === undefined) throw wrongField('frame');
  const head = fieldsOf(decodeValue(values), 'write');
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

export function decodeWriteAnswer(message: Uint8Array): WriteShardResponse {
  const answer = fieldsOf(decodeMessage(message), 'answer');
  textOf(answer.origin, 'origin');
  countOf(answer.sequence, 'sequence');
  countOf(answer.copies, 'copies');
  choiceOf(answer.levelReached, levels, 'level');
  return answer as unknown as WriteShardResponse;
}

export interface StreamRequest<Plan> {
  readonly shards: readonly number[];
  readonly plan: Plan;
  readonly options: ReadOptions | undefined;
}

function markOf(value: unknown, name: string): EntryMark {
  const mark = fieldsOf(value, name);
  countOf(mark.shard, `${name} shard`);
  textOf(mark.origin, `${name} origin`);
  countOf(mark.sequence, `${name} sequence`);
  return value as EntryMark;
}

export function readOptionsOf(value: unknown, name: string): ReadOptions {
  const options = fieldsOf(value, name);
  choiceOf(options.level, readLevels, 'read level');
  countOf(options.mapVersion, 'map version');
  listOf(options.marks, markOf, 'mark');
  return value as ReadOptions;
}

function decodeStream<Plan>(
  message: Uint8Array,
  check: (plan: unknown) => Plan,
): StreamRequest<Plan> {
  const request = fieldsOf(decodeMessage(message), 'request');
  return {
    shards: listOf(request.shards, countOf, 'shard'),
    plan: check(request.plan),
    options: optional(request.options, readOptionsOf, 'read options'),
  };
}

export function decodeScan(message: Uint8Array): StreamRequest<ShardPlan> {
  return decodeStream(message, checkShardPlan);
}

export function decodeSchema(message: Uint8Array): StreamRequest<SchemaPlan> {
  return decodeStream(message, checkSchemaPlan);
}

export interface DigestRequest {
  readonly kind: StoreKind;
  readonly shards: readonly number[];
  readonly horizon: Hlc;
}

export function decodeDigest(message: Uint8Array): DigestRequest {
  const request = fieldsOf(decodeMessage(message), 'request');
  return {
    kind: choiceOf(request.kind, storeKinds, 'kind'),
    shards: listOf(request.shards, countOf, 'shard'),
    horizon: numberOf(request.horizon, 'horizon'),
  };
}

export function decodeDrop(message: Uint8Array): { dbId: string; rpId: string | undefined } {
  const request = fieldsOf(decodeMessage(message), 'request');
  return { dbId: idOf(request.dbId, 'database'), rpId: optional(request.rpId, idOf, 'policy') };
}

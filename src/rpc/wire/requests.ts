/** Requests of the data node, to and from the messages of proto/. Field 1 is always a message of values. */

import type { StoreKind } from '../../model/cluster.ts';
import type { Hlc } from '../../model/entry.ts';
import type { SchemaPlan, ShardPlan } from '../../model/plan.ts';
import type { EntryMark, ReadLevel, ReadOptions } from '../data-node-api.ts';
import { checkSchemaPlan, checkShardPlan, idOf } from './check-plan.ts';
import {
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
import { decodeValue } from './value-reader.ts';
import { ValueWriter } from './value-writer.ts';

const field = { values: 1 } as const;
const readLevels: ReadonlySet<ReadLevel> = new Set<ReadLevel>(['one', 'primary', 'quorum']);
const storeKinds: ReadonlySet<StoreKind> = new Set<StoreKind>(['tstore', 'kstore']);

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

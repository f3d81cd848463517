/** Requests and blocks of key-value reads, to and from messages of values (requests.ts). */

import type { ByteList } from '../../model/key-list.ts';
import type { KvGetBlock, KvKeys, KvScanBlock, KvScanPlan, ReadOptions } from '../data-node-api.ts';
import {
  booleanOf,
  bytesOf,
  countOf,
  fieldsOf,
  listOf,
  optional,
  textOf,
  wrongField,
} from './fields.ts';
import { decodeMessage, readOptionsOf } from './requests.ts';

/** Ends ascend and lie inside, so that whoever reads the list needs no checks. */
function byteListOf(value: unknown, name: string): ByteList {
  const list = fieldsOf(value, name);
  const bytes = bytesOf(list.bytes, name);
  const { ends } = list;
  if (!(ends instanceof Uint32Array)) throw wrongField(name);
  let before = 0;
  for (const end of ends) {
    if (end < before) throw wrongField(name);
    before = end;
  }
  if (before > bytes.length) throw wrongField(name);
  return { bytes, ends };
}

function keysOf(value: unknown, name: string): KvKeys {
  const part = fieldsOf(value, name);
  return { shard: countOf(part.shard, `${name} shard`), keys: byteListOf(part.keys, name) };
}

export interface KvGetRequest {
  readonly table: string;
  readonly parts: readonly KvKeys[];
  readonly options: ReadOptions | undefined;
}

/** @throws CitadelError `invalid-argument` */
export function decodeKvGet(message: Uint8Array): KvGetRequest {
  const request = fieldsOf(decodeMessage(message), 'request');
  return {
    table: textOf(request.table, 'table'),
    parts: listOf(request.parts, keysOf, 'keys'),
    options: optional(request.options, readOptionsOf, 'read options'),
  };
}

export interface KvScanRequest {
  readonly shards: readonly number[];
  readonly plan: KvScanPlan;
  readonly options: ReadOptions | undefined;
}

/** @throws CitadelError `invalid-argument` */
export function decodeKvScan(message: Uint8Array): KvScanRequest {
  const request = fieldsOf(decodeMessage(message), 'request');
  const plan = fieldsOf(request.plan, 'plan');
  return {
    shards: listOf(request.shards, countOf, 'shard'),
    plan: {
      table: textOf(plan.table, 'table'),
      from: bytesOf(plan.from, 'start'),
      until: optional(plan.until, bytesOf, 'end'),
    },
    options: optional(request.options, readOptionsOf, 'read options'),
  };
}

/** @throws CitadelError `invalid-argument` */
export function kvGetBlockOf(value: unknown): KvGetBlock {
  const block = fieldsOf(value, 'block');
  const present = bytesOf(block.present, 'presence');
  const values = byteListOf(block.values, 'values');
  if (present.length !== values.ends.length) throw wrongField('values');
  return {
    shard: countOf(block.shard, 'shard'),
    start: countOf(block.start, 'start'),
    present,
    values,
    hasTable: booleanOf(block.hasTable, 'table'),
  };
}

/** @throws CitadelError `invalid-argument` */
export function kvScanBlockOf(value: unknown): KvScanBlock {
  const block = fieldsOf(value, 'block');
  const keys = byteListOf(block.keys, 'keys');
  const values = byteListOf(block.values, 'values');
  if (keys.ends.length !== values.ends.length) throw wrongField('values');
  return { keys, values, hasTable: booleanOf(block.hasTable, 'table') };
}

/**
 * Catalog records as JSON text in the metadata store, and back.
 *
 * Each has a format number `v`; a higher one than this code knows is refused, never guessed at.
 */

import { CitadelError } from '../base/errors.ts';
import { type FieldType, fieldTypes } from '../model/field-type.ts';
import type { Database, RetentionPolicy } from './catalog-view.ts';
import type { MetaRecord } from './meta-store.ts';

const formatVersion = 1;

type Json = Readonly<Record<string, unknown>>;

function corrupt(key: string): CitadelError {
  return new CitadelError('corrupt', `cannot read metadata record '${key}'`);
}

/** @throws CitadelError `corrupt`, `unsupported-version` */
export function parseRecord({ key, value }: MetaRecord): Json {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw corrupt(key);
  }
  if (typeof parsed !== 'object' || parsed === null) throw corrupt(key);
  const json = parsed as Json;
  if (json.v !== formatVersion) {
    const message = `metadata record '${key}' has format ${String(json.v)}, this release reads ${formatVersion}`;
    throw new CitadelError('unsupported-version', message);
  }
  return json;
}

export function renderRecord(fields: Json): string {
  return JSON.stringify({ v: formatVersion, ...fields });
}

export function renderDatabase(db: Database): string {
  return renderRecord({
    id: db.id,
    name: db.name,
    defaultPolicy: db.defaultPolicy,
    policies: db.policies.map((policy) => ({
      id: policy.id,
      name: policy.name,
      durationNs: policy.durationNs.toString(),
      shardGroupDurationNs: policy.shardGroupDurationNs.toString(),
      replication: policy.replication,
    })),
  });
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}

function isCount(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9]+$/.test(value);
}

function readPolicy(key: string, json: Json): RetentionPolicy {
  const { id, name, durationNs, shardGroupDurationNs, replication } = json;
  if (!isId(id) || typeof name !== 'string' || typeof replication !== 'number') throw corrupt(key);
  if (!isCount(durationNs) || !isCount(shardGroupDurationNs)) throw corrupt(key);
  return {
    id,
    name,
    durationNs: BigInt(durationNs),
    shardGroupDurationNs: BigInt(shardGroupDurationNs),
    replication,
  };
}

export function readDatabase(record: MetaRecord): Database {
  const { id, name, defaultPolicy, policies } = parseRecord(record);
  if (!isId(id) || typeof name !== 'string' || typeof defaultPolicy !== 'string') {
    throw corrupt(record.key);
  }
  if (!Array.isArray(policies)) throw corrupt(record.key);
  return {
    id,
    name,
    defaultPolicy,
    policies: policies.map((policy: Json) => readPolicy(record.key, policy)),
  };
}

/** Fields as pairs, so that no name of a field can mean something to an object. */
export function renderFields(measurement: string, fields: ReadonlyMap<string, FieldType>): string {
  return renderRecord({ measurement, fields: [...fields] });
}

export interface MeasurementFields {
  readonly measurement: string;
  readonly fields: ReadonlyMap<string, FieldType>;
}

export function readFields(record: MetaRecord): MeasurementFields {
  const { measurement, fields } = parseRecord(record);
  if (typeof measurement !== 'string' || !Array.isArray(fields)) throw corrupt(record.key);
  const types = new Map<string, FieldType>();
  for (const pair of fields as unknown[]) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string') throw corrupt(record.key);
    if (!fieldTypes.includes(pair[1] as FieldType)) throw corrupt(record.key);
    types.set(pair[0], pair[1] as FieldType);
  }
  return { measurement, fields: types };
}

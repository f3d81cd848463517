/**
 * Fixes the types of fields, first writer wins: one guarded transaction per hundred measurements.
 *
 * Each transaction compares what it read of every measurement it extends, and that the database is
 * still the one it was, so that no field of a dropped database comes back. When a guard fails the
 * batch is looked at again; what somebody else has registered by then counts.
 */

import { CitadelError } from '../base/errors.ts';
import type { FieldType } from '../model/field-type.ts';
import { renderFields } from './catalog-records.ts';
import type { FieldRegistration } from './catalog-view.ts';
import type { LocalCatalog } from './local-catalog.ts';
import { databaseKey, fieldsKey, mapVersionKey } from './meta-keys.ts';
import { isUnchanged, type MetaCompare, type MetaOp } from './meta-store.ts';

const measurementBatch = 100;
export const attemptsMax = 30;

export type FieldConflict = FieldRegistration & { readonly registered: FieldType };

function groupByMeasurement(
  fields: readonly FieldRegistration[],
): [measurement: string, fields: FieldRegistration[]][] {
  const groups = new Map<string, FieldRegistration[]>();
  for (const field of fields) {
    const group = groups.get(field.measurement);
    if (group === undefined) groups.set(field.measurement, [field]);
    else group.push(field);
  }
  return [...groups];
}

/** The types of a measurement with the new ones; undefined = nothing is new. */
function extend(
  known: ReadonlyMap<string, FieldType> | undefined,
  fields: readonly FieldRegistration[],
): Map<string, FieldType> | undefined {
  const types = new Map(known);
  for (const { field, type } of fields) {
    if (!types.has(field)) types.set(field, type);
  }
  return types.size === (known?.size ?? 0) ? undefined : types;
}

/** Holds as long as the database is the one it was. */
function isSameDatabase(local: LocalCatalog, dbId: string): MetaCompare {
  const database = local.view.databases.find(({ id }) => id === dbId);
  if (database === undefined) throw new CitadelError('not-found', 'database was dropped');
  const key = databaseKey(database.name);
  return { key, target: 'create', op: '=', value: local.record(key)?.createRevision ?? 0 };
}

/** Whether it is done; otherwise somebody else changed the same records. */
async function tryRegister(
  local: LocalCatalog,
  dbId: string,
  groups: readonly [string, readonly FieldRegistration[]][],
): Promise<boolean> {
  const compare: MetaCompare[] = [isSameDatabase(local, dbId)];
  const onSuccess: MetaOp[] = [{ kind: 'put', key: mapVersionKey, value: '' }];
  for (const [measurement, fields] of groups) {
    const types = extend(local.view.fields(dbId, measurement), fields);
    if (types === undefined) continue;
    const key = fieldsKey(dbId, measurement);
    compare.push(isUnchanged(key, local.record(key)));
    onSuccess.push({ kind: 'put', key, value: renderFields(measurement, types) });
  }
  return compare.length === 1 || local.tryChange(compare, onSuccess);
}

/** Resolves with those that have another type; for them nothing is changed. */
export async function registerFields(
  local: LocalCatalog,
  dbId: string,
  fields: readonly FieldRegistration[],
): Promise<readonly FieldConflict[]> {
  const groups = groupByMeasurement(fields);
  for (let i = 0; i < groups.length; i += measurementBatch) {
    const batch = groups.slice(i, i + measurementBatch);
    let done = false;
    for (let attempt = 0; attempt < attemptsMax && !done; attempt++) {
      done = await tryRegister(local, dbId, batch);
    }
    if (!done) throw new CitadelError('unavailable', 'cannot register fields: too many changes');
  }
  return fields.flatMap((field) => {
    const registered = local.view.fieldType(dbId, field.measurement, field.field);
    if (registered === undefined) throw new CitadelError('not-found', 'measurement was dropped');
    return registered === field.type ? [] : [{ ...field, registered }];
  });
}

/**
 * Field types of a batch against the catalog: which fields are new, which rows must be refused.
 *
 * Known fields cost one look-up per field and batch, and no wait. The first line of a request that
 * uses a new field fixes its type.
 */

import type { ParsedBatch, ParsedField } from '../../lineprotocol/parsed-batch.ts';
import { fieldConflict } from '../../lineprotocol/write-outcome.ts';
import type { CatalogView, FieldRegistration } from '../../metadata/catalog-view.ts';
import type { FieldType } from '../../model/field-type.ts';

/** Types by index into the batch's fields; undefined = not registered. */
function lookUp(batch: ParsedBatch, view: CatalogView, dbId: string): (FieldType | undefined)[] {
  return batch.fields.map(({ measurement, name }) =>
    view.fieldType(dbId, batch.measurements[measurement]!, name),
  );
}

/** Fields nobody has registered, the first use of each first. */
export function findNewFields(
  batch: ParsedBatch,
  view: CatalogView,
  dbId: string,
): readonly FieldRegistration[] {
  const types = lookUp(batch, view, dbId);
  const unknown = batch.fields.filter((_, i) => types[i] === undefined);
  return [...unknown]
    .sort((a, b) => a.firstRow - b.firstRow)
    .map(({ measurement, name, type }) => ({
      measurement: batch.measurements[measurement]!,
      field: name,
      type,
    }));
}

/** Per field of the batch: 1 = its type is the registered one. */
export function acceptFields(batch: ParsedBatch, view: CatalogView, dbId: string): Uint8Array {
  const types = lookUp(batch, view, dbId);
  return Uint8Array.from(batch.fields, ({ type }, i) => (types[i] === type ? 1 : 0));
}

export function describeConflict(
  batch: ParsedBatch,
  field: ParsedField,
  view: CatalogView,
  dbId: string,
): string {
  const measurement = batch.measurements[field.measurement]!;
  const registered = view.fieldType(dbId, measurement, field.name);
  return fieldConflict(measurement, field.name, field.type, registered ?? field.type);
}

export interface ExpiredRows {
  /** Per row: 1 = still kept. */
  readonly accepts: Uint8Array;
  readonly count: number;
}

/** Rows older than the policy keeps; undefined = none. */
export function findExpired(batch: ParsedBatch, oldestNs: bigint): ExpiredRows | undefined {
  const { rowTimes, rowCount } = batch;
  let accepts: Uint8Array | undefined;
  let count = 0;
  for (let row = 0; row < rowCount; row++) {
    if (rowTimes[row]! >= oldestNs) continue;
    accepts ??= new Uint8Array(rowCount).fill(1);
    accepts[row] = 0;
    count++;
  }
  return accepts && { accepts, count };
}

/**
 * Field types of a batch against the catalog: which fields are new, which rows must be refused.
 *
 * Known fields cost one look-up per field and batch, and no wait. The first line of a request that
 * uses a new field fixes its type.
 */

import type { ParsedBatch, ParsedField } from '../../lineprotocol/parsed-batch.ts';
import type { CatalogView, FieldRegistration } from '../../metadata/catalog-view.ts';
import type { FieldType } from '../../model/field-type.ts';

/** Rows that are not to be stored, and why the first of them is not. */
export interface Refusal {
  /** Per row: 1 = refused. */
  readonly rows: Uint8Array;
  readonly count: number;
  readonly reason: string;
}

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

/** As Go's %q shows a name. */
function quote(name: string): string {
  return JSON.stringify(name);
}

function describeConflict(batch: ParsedBatch, field: ParsedField, registered: FieldType): string {
  const measurement = quote(batch.measurements[field.measurement]!);
  return (
    `field type conflict: input field ${quote(field.name)} on measurement ${measurement} ` +
    `is type ${field.type}, already exists as type ${registered}`
  );
}

/** Marks the rows that use a bad field; the index of the field that spoiled the first one. */
function markRows(batch: ParsedBatch, isBad: Uint8Array, rows: Uint8Array) {
  const { cellStart, cellField, rowCount } = batch;
  let count = 0;
  let firstField = -1;
  for (let row = 0; row < rowCount; row++) {
    const until = cellStart[row + 1]!;
    for (let cell = cellStart[row]!; cell < until; cell++) {
      const field = cellField[cell]!;
      if (isBad[field] === 0) continue;
      rows[row] = 1;
      count++;
      if (firstField === -1) firstField = field;
      break;
    }
  }
  return { count, firstField };
}

/** Rows with a field of another type than is registered. Undefined = none. */
export function refuseConflicts(
  batch: ParsedBatch,
  view: CatalogView,
  dbId: string,
): Refusal | undefined {
  const types = lookUp(batch, view, dbId);
  const isBad = Uint8Array.from(batch.fields, ({ type }, i) => (types[i] === type ? 0 : 1));
  if (!isBad.includes(1)) return undefined;
  const rows = new Uint8Array(batch.rowCount);
  const { count, firstField } = markRows(batch, isBad, rows);
  if (firstField === -1) return undefined;
  const registered = types[firstField];
  const reason =
    registered === undefined
      ? 'field type conflict'
      : describeConflict(batch, batch.fields[firstField]!, registered);
  return { rows, count, reason };
}

/** Rows older than the policy keeps, added to those refused already. Undefined = none at all. */
export function refuseExpired(
  batch: ParsedBatch,
  oldestNs: bigint,
  before: Refusal | undefined,
): Refusal | undefined {
  const { rowTimes, rowCount } = batch;
  let rows = before?.rows;
  let count = 0;
  for (let row = 0; row < rowCount; row++) {
    if (rowTimes[row]! >= oldestNs) continue;
    rows ??= new Uint8Array(rowCount);
    if (rows[row] === 1) continue;
    rows[row] = 1;
    count++;
  }
  if (rows === undefined || count === 0) return before;
  const reason = before?.reason ?? 'points beyond retention policy';
  return { rows, count: count + (before?.count ?? 0), reason };
}

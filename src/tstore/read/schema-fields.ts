/** Fields of a measurement that have data in a view: from the field tables of files and from memtables. */

import type { FieldType } from '../../model/field-type.ts';
import { allTime } from '../../model/time.ts';
import type { Tombstone } from '../catalog/catalog-rows.ts';
import type { MeasurementIndex } from '../index/measurement-index.ts';
import { noSlot } from '../index/measurement-index.ts';
import type { Pacer } from '../store/pacer.ts';
import type { PartView, StoreView } from '../store/store-view.ts';

export interface FoundField {
  readonly field: string;
  readonly type: FieldType;
}

/** Greatest stamp of a tombstone that takes the whole measurement; 0 = none. */
export function droppedUpTo(tombstones: readonly Tombstone[], measurement: string): number {
  let hlc = 0;
  for (const { predicate, hlc: own } of tombstones) {
    const { measurements, where, range } = predicate;
    if (where !== undefined || range.min > allTime.min || range.max < allTime.max) continue;
    if (measurements === undefined || measurements.includes(measurement)) hlc = Math.max(hlc, own);
  }
  return hlc;
}

async function fieldsInMemory(
  view: StoreView,
  { part, limit }: PartView,
  measurement: MeasurementIndex,
  droppedHlc: number,
  pacer: Pacer,
): Promise<Set<number>> {
  const found = new Set<number>();
  const { fieldNames } = view.state;
  for (const slot of measurement.slots.view()) {
    if (slot === noSlot || !part.has(slot)) continue;
    for (let s = part.newest(slot, limit); s >= 0; s = part.older(s)) {
      if (pacer.isDue) await pacer.breathe();
      const frame = part.frame(s);
      if (frame.hlc <= droppedHlc) continue;
      const series = part.seriesInFrame(s);
      const count = frame.points.columnCount(series);
      for (let c = 0; c < count; c++) {
        const number = frame.fields[frame.points.columnKeyIndex(series, c)]!;
        if (fieldNames.nameOf(number) !== undefined) found.add(number);
      }
    }
    if (pacer.isDue) await pacer.breathe();
  }
  return found;
}

export async function collectFields(
  view: StoreView,
  measurement: MeasurementIndex,
  pacer: Pacer,
): Promise<FoundField[]> {
  const found: FoundField[] = [];
  const { fieldNames } = view.state;
  let droppedHlc = 0;
  for (const { files, tombstones } of view.partitions) {
    const hlc = droppedUpTo(tombstones, measurement.name);
    droppedHlc = Math.max(droppedHlc, hlc);
    for (const { file } of files) {
      for (const field of file.fields.all()) {
        if (field.measurement !== measurement.name || field.hlcMax <= hlc) continue;
        found.push({ field: field.name, type: field.type });
      }
    }
  }
  for (const part of view.parts) {
    for (const number of await fieldsInMemory(view, part, measurement, droppedHlc, pacer)) {
      found.push({ field: fieldNames.nameOf(number), type: fieldNames.typeOf(number) });
    }
  }
  return found;
}

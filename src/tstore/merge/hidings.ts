/** Which tombstones may hide cells of a series in a partition. */

import type { SeriesName } from '../../model/series-key.ts';
import { compileTagCondition } from '../../scan/tag-condition.ts';
import type { Tombstone } from '../catalog/catalog-rows.ts';
import type { Bounds } from '../partition/partition-bounds.ts';
import type { Origins } from './origins.ts';
import type { Hiding } from './piece.ts';

type Matcher = (name: SeriesName) => boolean;

const matchers = new WeakMap<Tombstone, Matcher>();

/** Compiled once per tombstone. */
function matcherOf(tombstone: Tombstone): Matcher {
  let matcher = matchers.get(tombstone);
  if (matcher === undefined) {
    const { measurements, where } = tombstone.predicate;
    const names = measurements === undefined ? undefined : new Set(measurements);
    const passes = where === undefined ? () => true : compileTagCondition(where);
    matcher = (name) => (names === undefined || names.has(name.measurement)) && passes(name);
    matchers.set(tombstone, matcher);
  }
  return matcher;
}

export function matchesSeries(tombstone: Tombstone, name: SeriesName): boolean {
  return matcherOf(tombstone)(name);
}

/** Those of a policy that touch a time range. */
export function tombstonesWithin(
  tombstones: readonly Tombstone[],
  rpId: string,
  bounds: Bounds,
): readonly Tombstone[] {
  if (tombstones.length === 0) return tombstones;
  return tombstones.filter(({ predicate }) => {
    if (predicate.rpId !== undefined && predicate.rpId !== rpId) return false;
    return predicate.range.min < bounds.end && predicate.range.max >= bounds.start;
  });
}

function clampOffset(time: bigint, { start, end }: Bounds): number {
  if (time < start) return 0;
  return Number((time < end ? time : end - 1n) - start);
}

/** A tombstone in the terms of one partition, with its number. */
export interface NumberedHiding extends Hiding {
  readonly no: number;
}

/** Of tombstones that touch the partition: those that match the series. */
export function hidingsOf(
  tombstones: readonly Tombstone[],
  name: SeriesName,
  bounds: Bounds,
  origins: Origins,
): NumberedHiding[] {
  const found: NumberedHiding[] = [];
  for (const tombstone of tombstones) {
    if (!matchesSeries(tombstone, name)) continue;
    const { min, max } = tombstone.predicate.range;
    found.push({
      no: tombstone.no,
      hlc: tombstone.hlc,
      origin: origins.numberOf(tombstone.origin),
      minOffset: clampOffset(min, bounds),
      maxOffset: clampOffset(max, bounds),
    });
  }
  return found;
}

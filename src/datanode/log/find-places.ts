/** Which entries are read from the log in one piece. */

import type { EntryRange } from '../../replication/replica-events.ts';
import type { EntryIndex, EntryPlace } from './entry-index.ts';

/**
 * Consecutive entries from the first of the range on that lie within `spanBytes` of each other in one segment,
 * or the first alone; none: it is not in the log.
 */
export function findPlaces(
  index: EntryIndex,
  { origin, from, to }: EntryRange,
  spanBytes: number,
): EntryPlace[] {
  const first = index.find(origin, from);
  if (first === undefined) return [];
  const places = [first];
  for (let sequence = from + 1; sequence <= to; sequence++) {
    const place = index.find(origin, sequence);
    if (place === undefined || place.segment !== first.segment) break;
    if (place.offset + place.size - first.offset > spanBytes) break;
    places.push(place);
  }
  return places;
}

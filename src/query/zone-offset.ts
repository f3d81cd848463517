/**
 * How far a time zone is from UTC at a moment, from the platform's zone database.
 *
 * Asking the platform costs microseconds, so answers are kept per quarter of an hour: no zone has ever
 * changed its clocks within one since 1970.
 */

import { CitadelError } from '../base/errors.ts';

/** Seconds east of UTC in force at a time (seconds since the epoch). */
export type ZoneOffset = (unixSeconds: number) => number;

const quarterSeconds = 900;
const quartersKeptMax = 4_096;
const zonesKeptMax = 64;

const zones = new Map<string, ZoneOffset>();

function parseOffset(text: string): number {
  const match = /^GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (match === null) throw new CitadelError('internal', `cannot read the zone offset ${text}`);
  if (match[1] === undefined) return 0;
  const seconds = Number(match[2]) * 3_600 + Number(match[3]) * 60 + Number(match[4] ?? 0);
  return match[1] === '-' ? -seconds : seconds;
}

function makeZoneOffset(zone: string): ZoneOffset {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch (cause) {
    throw new CitadelError('invalid-argument', `unable to find time zone ${zone}`, { cause });
  }
  const kept = new Map<number, number>();
  let lastQuarter = Number.NaN;
  let lastOffset = 0;
  return (unixSeconds) => {
    const quarter = Math.floor(unixSeconds / quarterSeconds);
    if (quarter === lastQuarter) return lastOffset;
    let offset = kept.get(quarter);
    if (offset === undefined) {
      const parts = format.formatToParts(quarter * quarterSeconds * 1_000);
      offset = parseOffset(parts.find((part) => part.type === 'timeZoneName')?.value ?? '');
      if (kept.size >= quartersKeptMax) kept.clear();
      kept.set(quarter, offset);
    }
    lastQuarter = quarter;
    lastOffset = offset;
    return offset;
  };
}

/** @throws CitadelError `invalid-argument`: `unable to find time zone x`. */
export function zoneOffset(zone: string): ZoneOffset {
  let known = zones.get(zone);
  if (known === undefined) {
    known = makeZoneOffset(zone);
    if (zones.size >= zonesKeptMax) zones.clear();
    zones.set(zone, known);
  }
  return known;
}

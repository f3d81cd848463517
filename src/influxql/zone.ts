/**
 * Time zones by IANA name: is there one, and how far is it from UTC at a given second.
 *
 * The rules come from Intl; what it answers is kept per week, with the exact second of a change of
 * offset found by bisection, so that asking again costs a map lookup. Weeks are short enough that no
 * zone changes twice in one.
 */

import { daysFromCivil, secondsPerDay } from './calendar.ts';

const weekSeconds = 7 * secondsPerDay;

/** A week of weeks for 80 years; beyond it the oldest go. */
const weekCountMax = 4096;

interface Week {
  readonly offset: number;
  /** Second from which `offsetAfter` holds; the week's end when nothing changes. */
  readonly changeAt: number;
  readonly offsetAfter: number;
}

interface Zone {
  readonly format: Intl.DateTimeFormat;
  readonly weeks: Map<number, Week>;
}

const zones = new Map<string, Zone>();

/**
 * How names are written. Intl ignores case and replaces some names by others, so the case of a
 * replaced one is judged by its looks.
 */
const usualCase =
  /^(([A-Z]{1,4}|[A-Z][a-z]+|of|es|au|ComodRivadavia|EST5EDT|CST6CDT|MST7MDT|PST8PDT)(?![A-Za-z])[^A-Za-z]*)+$/;

/** Zones that do not exist are not remembered; those that do are a few hundred. */
const namePattern = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

/** The name to keep, undefined when there is no such zone. Names are case sensitive, '' is UTC. */
export function findZone(name: string): string | undefined {
  if (name === '' || name === 'UTC') return 'UTC';
  if (!namePattern.test(name)) return undefined;
  return openZone(name) === undefined ? undefined : name;
}

function openZone(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const format = openFormat(name);
  if (format === undefined) return undefined;
  const canonical = format.resolvedOptions().timeZone;
  const isReplaced = canonical.toLowerCase() !== name.toLowerCase();
  if (isReplaced ? !usualCase.test(name) : canonical !== name) return undefined;
  const zone = { format, weeks: new Map<number, Week>() };
  zones.set(name, zone);
  return zone;
}

function openFormat(name: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    // Intl's way to say that it has no such zone.
    return undefined;
  }
}

/** Seconds east of UTC at a second since the epoch. Unknown zones count as UTC. */
export function zoneOffset(name: string | undefined, second: number): number {
  if (name === undefined || name === 'UTC') return 0;
  const zone = openZone(name);
  if (zone === undefined) return 0;
  const index = Math.floor(second / weekSeconds);
  const week = zone.weeks.get(index) ?? addWeek(zone, index);
  return second < week.changeAt ? week.offset : week.offsetAfter;
}

/**
 * The second since the epoch at which a local clock shows `local` (seconds as if it were UTC). In the
 * gap or overlap of a change of offset, the choice is Go's.
 */
export function localToUtc(name: string | undefined, local: number): number {
  const guess = zoneOffset(name, local);
  return guess === 0 ? local : local - zoneOffset(name, local - guess);
}

function addWeek(zone: Zone, index: number): Week {
  const from = index * weekSeconds;
  const until = from + weekSeconds;
  const offset = readOffset(zone.format, from);
  const offsetAfter = readOffset(zone.format, until - 1);
  let low = from;
  let changeAt = until;
  if (offset !== offsetAfter) {
    changeAt = until - 1;
    while (changeAt - low > 1) {
      const middle = Math.floor((low + changeAt) / 2);
      if (readOffset(zone.format, middle) === offset) low = middle;
      else changeAt = middle;
    }
  }
  const week = { offset, changeAt, offsetAfter };
  if (zone.weeks.size >= weekCountMax) zone.weeks.delete(zone.weeks.keys().next().value!);
  zone.weeks.set(index, week);
  return week;
}

function readOffset(format: Intl.DateTimeFormat, second: number): number {
  const part = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  let beforeChrist = false;
  for (const { type, value } of format.formatToParts(second * 1000)) {
    if (type === 'era') beforeChrist = value.startsWith('B');
    else if (type in part) part[type as keyof typeof part] = Number(value);
  }
  const year = beforeChrist ? 1 - part.year : part.year;
  const days = daysFromCivil({ year, month: part.month, day: part.day });
  const local = days * secondsPerDay + part.hour * 3600 + part.minute * 60 + part.second;
  return local - second;
}

/**
 * Times as text: RFC 3339 with up to nine digits of fraction, and the forms that a query may compare
 * `time` with. Nanoseconds since the epoch as bigint, not bounded to 64 bits.
 */

import { civilFromDays, daysFromCivil, daysInMonth, secondsPerDay } from './calendar.ts';
import { localToUtc, zoneOffset } from './zone.ts';

const nsPerSecond = 1_000_000_000n;

/** `2006-01-02T15:04:05.9Z`, or with the zone's offset: `...+01:00`. */
export function formatTime(ns: bigint, zone?: string): string {
  const fraction = BigInt.asUintN(64, ((ns % nsPerSecond) + nsPerSecond) % nsPerSecond);
  const second = Number((ns - fraction) / nsPerSecond);
  return formatSecond(second, formatFraction(Number(fraction)), zone);
}

/** The same from whole seconds and the text of the fraction. */
function formatSecond(second: number, fraction: string, zone: string | undefined): string {
  const offset = zoneOffset(zone, second);
  const local = second + offset;
  const days = Math.floor(local / secondsPerDay);
  const { year, month, day } = civilFromDays(days);
  const clock = local - days * secondsPerDay;
  const date = `${String(year).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}`;
  const hour = Math.floor(clock / 3600);
  const minute = Math.floor(clock / 60) % 60;
  const time = `${twoDigits(hour)}:${twoDigits(minute)}:${twoDigits(clock % 60)}`;
  return `${date}T${time}${fraction}${formatOffset(offset)}`;
}

function formatFraction(ns: number): string {
  return ns === 0 ? '' : `.${String(ns).padStart(9, '0').replace(/0+$/, '')}`;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function formatOffset(offset: number): string {
  if (offset === 0) return 'Z';
  const minutes = Math.floor(Math.abs(offset) / 60);
  return `${offset < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

const dateOnly = /^(\d{4})-(\d{2})-(\d{2})$/;
const dateThenMore = /^\d{4}-\d{2}-\d{2}./;
const clockPattern = '(\\d{1,2}):(\\d{2}):(\\d{2})(?:[.,](\\d{1,9}))?';
const dateTime = new RegExp(`^(\\d{4})-(\\d{2})-(\\d{2}) +${clockPattern}$`);
const rfc3339 = new RegExp(
  `^(\\d{4})-(\\d{2})-(\\d{2})T${clockPattern}(Z|([+-])(\\d{2}):(\\d{2}))$`,
);

/** Does a string claim to be a time? Whether it is one, `parseTimeText` tells. */
export function looksLikeTime(text: string): boolean {
  return dateOnly.test(text) || (dateThenMore.test(text) && !/^.{10}.*[\n]/.test(text));
}

/**
 * `2006-01-02`, `2006-01-02 15:04:05.999`, or RFC 3339. Without an offset of its own it is local to
 * the zone. Undefined = no such time.
 */
export function parseTimeText(text: string, zone: string | undefined): bigint | undefined {
  const date = dateOnly.exec(text);
  if (date !== null) return readLocal(date, zone);
  const local = dateTime.exec(text);
  if (local !== null) return readLocal(local, zone);
  const absolute = rfc3339.exec(text);
  if (absolute === null) return undefined;
  const ns = readLocal(absolute, undefined);
  if (ns === undefined || absolute[8] === 'Z') return ns;
  const seconds = Number(absolute[10]) * 3600 + Number(absolute[11]) * 60;
  return ns - BigInt(absolute[9] === '-' ? -seconds : seconds) * nsPerSecond;
}

/** From groups year, month, day, and maybe hour, minute, second, fraction. */
function readLocal(match: RegExpExecArray, zone: string | undefined): bigint | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((group) => (group === undefined ? 0 : Number(group)));
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const clock = hour * 3600 + minute * 60 + second;
  const local = daysFromCivil({ year, month, day }) * secondsPerDay + clock;
  const fraction = BigInt((match[7] ?? '').padEnd(9, '0'));
  return BigInt(localToUtc(zone, local)) * nsPerSecond + fraction;
}

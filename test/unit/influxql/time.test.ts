/** Dates, times as text, durations and time zones. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { civilFromDays, daysFromCivil, daysInMonth } from '../../../src/influxql/calendar.ts';
import { formatDuration, formatGoDuration, parseDuration } from '../../../src/influxql/duration.ts';
import { formatTime, looksLikeTime, parseTimeText } from '../../../src/influxql/time-text.ts';
import { findZone, localToUtc, zoneOffset } from '../../../src/influxql/zone.ts';

const minTime = -9223372036854775806n;
const maxTime = 9223372036854775806n;

test('dates and days since the epoch map to each other', async () => {
  await fc.assert(
    fc.property(fc.integer({ min: -800_000, max: 3_000_000 }), (days) => {
      const date = civilFromDays(days);
      expect(daysFromCivil(date)).toBe(days);
      const real = new Date(days * 86_400_000);
      expect([date.year, date.month, date.day]).toEqual([
        real.getUTCFullYear(),
        real.getUTCMonth() + 1,
        real.getUTCDate(),
      ]);
    }),
  );
  expect([2000, 1900, 2020, 2021].map((year) => daysInMonth(year, 2))).toEqual([29, 28, 29, 28]);
});

test('times print so that they read back', async () => {
  await fc.assert(
    fc.property(fc.bigInt({ min: minTime, max: maxTime }), (ns) => {
      const text = formatTime(ns);
      expect(looksLikeTime(text)).toBe(true);
      expect(parseTimeText(text, 'Asia/Kolkata')).toBe(ns);
    }),
  );
});

test('times print with the offset of their zone', () => {
  expect(formatTime(0n)).toBe('1970-01-01T00:00:00Z');
  expect(formatTime(-1n)).toBe('1969-12-31T23:59:59.999999999Z');
  expect(formatTime(100_000_000n)).toBe('1970-01-01T00:00:00.1Z');
  expect(formatTime(1_553_814_000_000_000_000n, 'Europe/Berlin')).toBe('2019-03-29T00:00:00+01:00');
  expect(formatTime(1_553_907_600_000_000_000n, 'America/New_York')).toBe(
    '2019-03-29T21:00:00-04:00',
  );
  expect(formatTime(0n, 'Asia/Kolkata')).toBe('1970-01-01T05:30:00+05:30');
});

test('strings without an offset are local to the zone', () => {
  const berlin = 'Europe/Berlin';
  expect(parseTimeText('2019-03-29', berlin)).toBe(1_553_814_000_000_000_000n);
  expect(parseTimeText('2019-03-29 00:00:00.5', berlin)).toBe(1_553_814_000_500_000_000n);
  expect(parseTimeText('2019-03-29T00:00:00Z', berlin)).toBe(1_553_817_600_000_000_000n);
  expect(parseTimeText('2019-03-29T01:00:00+01:00', undefined)).toBe(1_553_817_600_000_000_000n);
});

// Goal: offsets are right at every second, around changes too. Method: our cached, bisected table
// against what Intl says about that very second.
test('offsets agree with Intl', async () => {
  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca'];
  const second = fc.integer({ min: -2_000_000_000, max: 4_000_000_000 });
  await fc.assert(
    fc.property(fc.constantFrom(...zones), second, (zone, at) => {
      const format = new Intl.DateTimeFormat('sv-SE', {
        timeZone: zone,
        dateStyle: 'short',
        timeStyle: 'medium',
      });
      const local = Date.parse(`${format.format(at * 1000).replace(' ', 'T')}Z`) / 1000;
      expect(zoneOffset(zone, at)).toBe(local - at);
    }),
    { numRuns: 400 },
  );
});

test('clocks that change keep the choice of the reference', () => {
  const berlin = 'Europe/Berlin';
  const springForward = 1_553_994_000; // 2019-03-31T01:00:00Z
  expect([zoneOffset(berlin, springForward - 1), zoneOffset(berlin, springForward)]).toEqual([
    3600, 7200,
  ]);
  expect(localToUtc(berlin, springForward + 5400)).toBe(springForward + 1800);
  expect(localToUtc(berlin, springForward + 2 * 3600)).toBe(springForward);
});

test('zones exist or not', () => {
  expect(['UTC', '', 'Europe/Berlin', 'US/Pacific', 'Etc/GMT+5', 'EST5EDT'].map(findZone)).toEqual([
    'UTC',
    'UTC',
    'Europe/Berlin',
    'US/Pacific',
    'Etc/GMT+5',
    'EST5EDT',
  ]);
  for (const name of ['europe/berlin', 'Mars/Base', '../UTC', '+01:00', 'Local', 'US/pacific']) {
    expect(findZone(name)).toBeUndefined();
  }
});

test('durations print in a unit that divides them and read back', async () => {
  await fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 9223372036854775807n }), (ns) => {
      expect(parseDuration(formatDuration(ns))).toEqual({ ns, error: undefined });
    }),
  );
  expect(formatDuration(604_800_000_000_000n)).toBe('1w');
  expect(formatDuration(5_400_000_000_000n)).toBe('90m');
});

test('durations print as Go does', () => {
  const hour = 3_600_000_000_000n;
  expect(formatGoDuration(0n)).toBe('0s');
  expect(formatGoDuration(168n * hour)).toBe('168h0m0s');
  expect(formatGoDuration(1_500_000_000n)).toBe('1.5s');
  expect(formatGoDuration(1_500_000n)).toBe('1.5ms');
  expect(formatGoDuration(1_500n)).toBe('1.5µs');
  expect(formatGoDuration(-90_000_000_000n)).toBe('-1m30s');
});

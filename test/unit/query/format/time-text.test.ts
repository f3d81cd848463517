/**
 * Goal: times print exactly over the whole range. Method: a slow model with BigInt and Date.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxTime, minTime } from '../../../../src/model/time.ts';
import { ByteWriter } from '../../../../src/query/format/byte-writer.ts';
import { type EpochUnit, parseEpoch } from '../../../../src/query/format/options.ts';
import { TimeText } from '../../../../src/query/format/time-text.ts';

const time = fc.oneof(
  fc.bigInt({ min: minTime, max: maxTime }),
  fc.bigInt({ min: -5_000_000_000n, max: 5_000_000_000n }),
  fc.integer({ min: -3_000, max: 3_000 }).map((seconds) => BigInt(seconds) * 1_000_000_000n),
);

function textOf(ns: bigint, epoch: EpochUnit | undefined, zone?: string): string {
  const out = new ByteWriter(1);
  const text = new TimeText(epoch, zone);
  text.write(out, Number(BigInt.asIntN(32, ns)), Number(ns >> 32n));
  return Buffer.from(out.take()).toString();
}

function modelText(ns: bigint): string {
  const nanos = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = (ns - nanos) / 1_000_000_000n;
  const date = new Date(Number(seconds) * 1_000).toISOString().slice(0, 19);
  const fraction = String(nanos).padStart(9, '0').replace(/0+$/, '');
  return `${date}${fraction === '' ? '' : `.${fraction}`}Z`;
}

test('RFC 3339 with the shortest fraction', async () => {
  await fc.assert(
    fc.property(time, (ns) => {
      expect(textOf(ns, undefined)).toBe(modelText(ns));
    }),
    { numRuns: 3_000 },
  );
});

test('every unit truncates toward zero', async () => {
  const units = {
    ns: 1n,
    u: 1_000n,
    ms: 10n ** 6n,
    s: 10n ** 9n,
    m: 60n * 10n ** 9n,
    h: 3_600n * 10n ** 9n,
  };
  await fc.assert(
    fc.property(time, (ns) => {
      for (const [unit, size] of Object.entries(units)) {
        expect(textOf(ns, unit as EpochUnit)).toBe(String(ns / size));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('one writer gives every day its own date', () => {
  const text = new TimeText(undefined, undefined);
  const out = new ByteWriter(1);
  for (const ns of [0n, 86_400_000_000_000n, -1n, 0n]) {
    text.write(out, Number(BigInt.asIntN(32, ns)), Number(ns >> 32n));
  }
  expect(Buffer.from(out.take()).toString()).toBe(
    '1970-01-01T00:00:00Z1970-01-02T00:00:00Z1969-12-31T23:59:59.999999999Z1970-01-01T00:00:00Z',
  );
});

test('local time carries its offset, none is Z', () => {
  const summer = 1_592_000_000_000_000_000n;
  expect(textOf(summer, undefined, 'Europe/Berlin')).toBe('2020-06-13T00:13:20+02:00');
  expect(textOf(summer, undefined, 'America/St_Johns')).toBe('2020-06-12T19:43:20-02:30');
  expect(textOf(0n, undefined, 'UTC')).toBe('1970-01-01T00:00:00Z');
});

test('an epoch that is no unit means nanoseconds', () => {
  expect(['', 'n', 'ns', 'us', 'bogus', 'u', 'h'].map(parseEpoch)).toEqual([
    undefined,
    'ns',
    'ns',
    'ns',
    'ns',
    'u',
    'h',
  ]);
});

/**
 * Goal: forecasts hold the digits of InfluxDB's. Method: rows that a real influxd 1.6.7 answered, since
 * every bit of a search by comparisons depends on the ones before.
 */

import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { HoltWinters } from '../../../../src/query/transform/holt-winters.ts';

interface Asked {
  readonly horizon: number;
  readonly season: number;
  readonly withFit: boolean;
}

function forecast(rows: readonly (readonly [bigint, number])[], asked: Asked): [bigint, number][] {
  const model = new HoltWinters({ ...asked, intervalNs: 1n });
  for (const [time, value] of rows) model.add(time, value);
  const found: [bigint, number][] = [];
  const steps = model.conclude((time, value) => found.push([time, Number(value)]));
  for (const work of steps) expect(work).toBeGreaterThan(0);
  return found;
}

const rows = [50, 10, 30, 10, 50].map((value, i) => [BigInt(i + 1), value] as const);

test('without a season the digits are those of InfluxDB', () => {
  expect(forecast(rows, { horizon: 2, season: 0, withFit: false })).toEqual([
    [6n, 155.64628787939938],
    [7n, 721.987020514536],
  ]);
});

test('with the fit the first value is the first row, and the forecast is the same', () => {
  const all = forecast(rows, { horizon: 2, season: 0, withFit: true });
  expect(all.map(([time]) => time)).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n]);
  expect(all[0]).toEqual([1n, 50]);
  expect(all.slice(5)).toEqual(forecast(rows, { horizon: 2, season: 0, withFit: false }));
});

test('too few rows have no forecast', () => {
  expect(forecast(rows.slice(0, 1), { horizon: 2, season: 0, withFit: true })).toEqual([]);
  expect(forecast(rows, { horizon: 2, season: 6, withFit: true })).toEqual([]);
  expect(forecast(rows.toReversed(), { horizon: 2, season: 0, withFit: true })).toEqual([]);
});

test('a grid that no memory holds is refused', () => {
  const apart = [[0n, 1] as const, [10n ** 15n, 2] as const];
  expect(() => forecast(apart, { horizon: 1, season: 0, withFit: false })).toThrow(CitadelError);
});

/**
 * Goal: technical analysis follows InfluxDB digit by digit. Method: what influxd 1.6.7 answered to five
 * values, one a nanosecond.
 */

import { expect, test } from 'vitest';
import { ReferenceStore } from '../../../support/reference-store.ts';
import { runQuery } from '../../../support/run-query.ts';

const store = new ReferenceStore({});
store.write(
  ...[50, 10, 30, 10, 50].map((x, index) => ({
    measurement: 'm',
    tags: {},
    fields: { x },
    time: BigInt(index + 1),
  })),
);

const expected: readonly (readonly [call: string, values: readonly number[]])[] = [
  [
    'exponential_moving_average(x, 2)',
    [23.333333333333336, 27.77777777777778, 15.925925925925927, 38.641975308641975],
  ],
  [
    'double_exponential_moving_average(x, 2)',
    [14.444444444444443, 26.296296296296294, 11.481481481481481, 44.73251028806584],
  ],
  [
    'triple_exponential_moving_average(x, 2)',
    [11.481481481481467, 27.777777777777786, 10.987654320987659, 48.079561042524],
  ],
  ['relative_strength_index(x, 2)', [57.89473684210526, 35.48387096774195, 74.68354430379748]],
  [
    'triple_exponential_derivative(x, 2)',
    [-15.533980582524265, -24.521072796934863, 22.560631697687516],
  ],
  ['kaufmans_efficiency_ratio(x, 2)', [0.3333333333333333, 0, 0.3333333333333333]],
  [
    'kaufmans_adaptive_moving_average(x, 2)',
    [11.406970619596358, 11.401114342303552, 14.116489245780457],
  ],
  ['chande_momentum_oscillator(x, 2)', [-100, -33.33333333333333, 0, 33.33333333333333]],
];

for (const [call, values] of expected) {
  test(call, async () => {
    const answer = JSON.parse(await runQuery(store, `select ${call} from m`, { epoch: 'ns' }));
    const rows = answer.results[0].series[0].values as [number, number][];
    expect(rows.map(([time]) => time)).toEqual([1, 2, 3, 4, 5].slice(5 - values.length));
    for (const [index, [, value]] of rows.entries()) expect(value).toBeCloseTo(values[index]!, 10);
  });
}

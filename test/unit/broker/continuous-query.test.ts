/** Goal: what is read out of the text of a continuous query, and the statement that computes a range of windows. */

import { expect, test } from 'vitest';
import { planContinuousQuery } from '../../../src/broker/continuous-query.ts';

function plan(select: string, resample = '') {
  return planContinuousQuery(`CREATE CONTINUOUS QUERY q ON d ${resample}BEGIN ${select} END`);
}

const into = 'INTO d.rp.out FROM d.rp.m';

test('windows, sources, target and resampling are as written', () => {
  const text = `SELECT mean(v) INTO d.long.out FROM d.rp.m, d.rp./^c/ GROUP BY time(1h, 15m), host tz('Europe/Berlin')`;
  const planned = plan(text, 'RESAMPLE EVERY 30m FOR 2h ');
  expect(planned.windows).toEqual({
    intervalNs: 3_600_000_000_000n,
    offsetNs: 900_000_000_000n,
    zone: 'Europe/Berlin',
  });
  expect(planned.everyNs).toBe(1_800_000_000_000n);
  expect(planned.forNs).toBe(7_200_000_000_000n);
  expect(planned.sources).toEqual([
    { database: 'd', policy: 'rp', measurement: 'm' },
    { database: 'd', policy: 'rp', measurement: undefined },
  ]);
  expect(planned.target).toEqual({ database: 'd', policy: 'long', measurement: 'out' });
});

test('the statement asks for one range, whatever WHERE says of time', () => {
  const text = `SELECT mean(v) ${into} WHERE host = 'a' OR time > 5 GROUP BY time(1m)`;
  expect(plan(text).select(60n, 120n)).toBe(
    `SELECT mean(v) INTO d.rp.out FROM d.rp.m WHERE (host = 'a') AND time >= 60 AND time < 120 GROUP BY time(1m)`,
  );
  expect(plan(`SELECT mean(v) ${into} GROUP BY time(1m)`).select(-60n, 0n)).toBe(
    'SELECT mean(v) INTO d.rp.out FROM d.rp.m WHERE time >= -60 AND time < 0 GROUP BY time(1m)',
  );
});

test('an offset of now() is the same in each run', () => {
  const planned = plan(`SELECT mean(v) ${into} GROUP BY time(10s, now())`);
  const { offsetNs } = planned.windows;
  expect(offsetNs).toBeLessThan(10_000_000_000n);
  expect(planned.select(0n, 1n)).not.toContain('now()');
});

test('sources of subqueries count, and their windows are computed one at a time', () => {
  const inner = 'SELECT mean(v) AS v FROM d.rp.m GROUP BY time(1m), host';
  const planned = plan(`SELECT max(v) INTO d.rp.out FROM (${inner}) GROUP BY time(10m)`);
  expect(planned.sources).toEqual([{ database: 'd', policy: 'rp', measurement: 'm' }]);
  expect(planned.isWindowLocal).toBe(false);
});

test('windows are independent unless something carries over from one to the next', () => {
  expect(plan(`SELECT mean(v), count(v) ${into} GROUP BY time(1m), *`).isWindowLocal).toBe(true);
  expect(plan(`SELECT top(v, 2) ${into} GROUP BY time(1m)`).isWindowLocal).toBe(true);
  expect(plan(`SELECT mean(v) ${into} GROUP BY time(1m) fill(none)`).isWindowLocal).toBe(true);
  for (const tail of ['fill(0)', 'fill(previous)', 'fill(linear)', 'LIMIT 1', 'SLIMIT 1']) {
    expect(plan(`SELECT mean(v) ${into} GROUP BY time(1m) ${tail}`).isWindowLocal, tail).toBe(
      false,
    );
  }
});

test('transformations reach into the windows after a changed one', () => {
  expect(plan(`SELECT mean(v) ${into} GROUP BY time(1m)`).reach).toBe(0);
  const difference = plan(`SELECT difference(mean(v)) ${into} GROUP BY time(1m)`);
  expect(difference.reach).toBe(1);
  expect(difference.isWindowLocal).toBe(false);
  expect(plan(`SELECT moving_average(mean(v), 5) ${into} GROUP BY time(1m)`).reach).toBeGreaterThan(
    3,
  );
});

test('a query without an aggregate never runs, and other statements are none', () => {
  expect(() => plan(`SELECT v ${into}`)).toThrow('continuous queries must be aggregate queries');
  expect(() => planContinuousQuery('SHOW DATABASES')).toThrow("isn't a valid continuous query");
});

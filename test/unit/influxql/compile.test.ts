/** Checked SELECTs: ranges of time, constants, column names, windows, what subqueries inherit. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnNames } from '../../../src/influxql/columns.ts';
import { type CompiledSelect, compileSelect } from '../../../src/influxql/compile.ts';
import { splitCondition } from '../../../src/influxql/condition.ts';
import { parseQuery } from '../../../src/influxql/influxql.ts';
import { printExpr } from '../../../src/influxql/print-expr.ts';
import { printStatement } from '../../../src/influxql/print-statement.ts';
import { qualifySelect } from '../../../src/influxql/qualify.ts';
import { reduceExpr } from '../../../src/influxql/reduce.ts';

const nowNs = 1_600_000_000_000_000_000n;
const minute = 60_000_000_000n;

function parseSelect(text: string) {
  const [statement] = parseQuery(text);
  if (statement?.kind !== 'select') throw new Error(`no SELECT: ${text}`);
  return statement;
}

function compile(text: string): CompiledSelect {
  return compileSelect(parseSelect(text), { nowNs });
}

function split(where: string, zone?: string) {
  const { condition } = parseSelect(`SELECT v FROM m WHERE ${where}`);
  const result = splitCondition(condition, { nowNs, zone });
  const rest = result.condition === undefined ? undefined : printExpr(result.condition);
  return { rest, ...result.bounds };
}

test.each([
  ['time > 5', undefined, 6n, undefined],
  ['time >= 5 AND time < 10', undefined, 5n, 9n],
  ['5 < time AND 10 >= time', undefined, 6n, 10n],
  ['time = 1 OR time = 2', undefined, 2n, 1n],
  ["time > 5 AND time < 10 OR host = 'x'", "host = 'x'", 6n, 9n],
  ["(host = 'a' OR (time > 5 AND host = 'b'))", "host = 'a' OR (host = 'b')", 6n, undefined],
  ['time > now() - 1m', undefined, nowNs - minute + 1n, undefined],
  ['time > 1s AND v > 3', 'v > 3', 1_000_000_001n, undefined],
  ['time > 1.9', undefined, 2n, undefined],
  ["time > '1970-01-01T00:00:01Z' + 1s", undefined, 2_000_000_001n, undefined],
  ['TIME > 5', undefined, 6n, undefined],
  ['v > 1 + 2 * 3', 'v > 7', undefined, undefined],
  ['true AND v = 1', 'v = 1', undefined, undefined],
  ['1 = 1', undefined, undefined, undefined],
  ['1 = 2', 'false', undefined, undefined],
])('WHERE %s', (where, rest, min, max) => {
  expect(split(where)).toEqual({ rest, min, max });
});

test('time strings are local to tz()', () => {
  expect(split("time >= '2019-03-29'", 'Europe/Berlin').min).toBe(1_553_814_000_000_000_000n);
});

// Goal: InfluxDB intersects all comparisons with time wherever they stand. Method: random trees of
// AND, OR and parentheses over random bounds, against the plain intersection.
test('ranges of time are intersected wherever they stand', async () => {
  const op = fc.constantFrom('AND', 'OR');
  const bound = fc.record({ low: fc.boolean(), at: fc.integer({ min: -1000, max: 1000 }) });
  await fc.assert(
    fc.property(
      fc.array(fc.tuple(bound, op, fc.boolean()), { minLength: 1, maxLength: 6 }),
      (parts) => {
        const text = parts
          .map(([{ low, at }, join, wrap], i) => {
            const comparison = `time ${low ? '>=' : '<='} ${at}`;
            return `${i === 0 ? '' : ` ${join} `}${wrap ? `(${comparison})` : comparison}`;
          })
          .join('');
        const lows = parts.filter(([{ low }]) => low).map(([{ at }]) => at);
        const highs = parts.filter(([{ low }]) => !low).map(([{ at }]) => at);
        const { min, max } = split(text);
        expect(min).toBe(lows.length === 0 ? undefined : BigInt(Math.max(...lows)));
        expect(max).toBe(highs.length === 0 ? undefined : BigInt(Math.min(...highs)));
      },
    ),
  );
});

test.each([
  ['9223372036854775807 + 1', '-9223372036854775808'],
  ['7 / 2', '3.500'],
  ['7 / 0', '0.000'],
  ['7 % 0', '0'],
  ['-7 % 3', '-1'],
  ['6 & 3 | 8', '10'],
  ['1h * 2', '2h'],
  ['18446744073709551615 + 1', '0'],
  ["'a' + 'b'", "'ab'"],
  ["'2020-01-01' = '2020-01-01T00:00:00Z'", 'true'],
  ['abs(-5) + a', '5 + a'],
  ['(1 + 2) * a', '3 * a'],
  ['pow(2, 10)', '1024.000'],
  ['round(-2.5)', '-3.000'],
])('%s reduces to %s', (text, reduced) => {
  const condition = parseSelect(`SELECT v FROM m WHERE ${text}`).condition!;
  expect(printExpr(reduceExpr(condition, { math: true }))).toBe(reduced);
});

test.each([
  ['SELECT a, b AS c, a FROM m', ['time', 'a', 'c', 'a_1']],
  ['SELECT mean(v), mean(w), mean(x) AS mean FROM m', ['time', 'mean_1', 'mean_2', 'mean']],
  ['SELECT a AS x, b AS x FROM m', ['time', 'x', 'x']],
  ['SELECT max(v) - min(v), -v, v / 3, (v + i) FROM m', ['time', 'max_min', 'v', 'v_1', 'v_i']],
  ['SELECT a, a_1, a FROM m', ['time', 'a', 'a_1', 'a_2']],
  ['SELECT top(v, host, region, 3) FROM m', ['time', 'top', 'host', 'region']],
])('columns of %s', (text, names) => {
  const { fields } = parseSelect(text);
  expect(columnNames(fields, { timeName: 'time', hasTarget: false })).toEqual(names);
});

test('the time column takes its alias and leaves the field list', () => {
  const { fields, timeName } = compile('SELECT time AS t, v FROM m');
  expect(timeName).toBe('t');
  expect(fields).toHaveLength(1);
});

test('windows end now unless told otherwise', () => {
  expect(compile('SELECT mean(v) FROM m GROUP BY time(1m)').range.max).toBe(nowNs);
  expect(compile('SELECT mean(v) FROM m').range.max).toBe(9223372036854775806n);
});

test('offsets of windows', () => {
  const offsetOf = (text: string) => compile(`SELECT mean(v) FROM m GROUP BY ${text}`).interval;
  expect(offsetOf('time(10m, 15m)')).toEqual({ ns: 10n * minute, offsetNs: 5n * minute });
  expect(offsetOf('time(10m, -15m)')).toEqual({ ns: 10n * minute, offsetNs: -5n * minute });
  // 2020-09-13T12:26:40Z: a Sunday; weeks from year one start on Mondays.
  expect(offsetOf('time(1h, now())').offsetNs).toBe(26n * minute + 40n * 1_000_000_000n);
  expect(offsetOf('time(1w, now())').offsetNs).toBe(
    (6n * 24n + 12n) * 60n * minute + 26n * minute + 40n * 1_000_000_000n,
  );
});

test('a subquery inherits range, direction and interval', () => {
  const outer = compile(
    'SELECT mean(a) FROM (SELECT v AS a FROM m WHERE time < 50) WHERE time > 5 GROUP BY time(1m) ORDER BY time DESC',
  );
  const [inner] = outer.sources;
  if (inner?.kind !== 'compiled-select') throw new Error('no subquery');
  expect(inner).toMatchObject({
    ascending: false,
    inheritedInterval: true,
    interval: { ns: minute },
    range: { min: 6n, max: 49n },
  });
});

test('DISTINCT x is a call, selectors are told from aggregates', () => {
  expect(compile('SELECT DISTINCT v FROM m').fields[0]?.expr).toMatchObject({ name: 'distinct' });
  expect(compile('SELECT max(v), host FROM m').onlySelectors).toBe(true);
  expect(compile('SELECT mean(v) FROM m').onlySelectors).toBe(false);
  expect(compile('SELECT moving_average(mean(v), 7) FROM m GROUP BY time(1m)').extraIntervals).toBe(
    7,
  );
});

test('sources get their database and policy', () => {
  const select = parseSelect('SELECT v INTO x FROM a, rp2.b, db2..c, (SELECT w FROM /d/)');
  const qualified = qualifySelect(select, { database: 'db', policy: 'rp' });
  expect(printStatement(qualified)).toBe(
    'SELECT v INTO db.rp.x FROM db.rp.a, db.rp2.b, db2.rp.c, (SELECT w FROM db.rp./d/)',
  );
  expect(() => qualifySelect(select, { database: '', policy: '' })).toThrow(
    'database name required',
  );
  expect(() =>
    qualifySelect(parseSelect('SELECT v FROM ""'), { database: 'db', policy: '' }),
  ).toThrow('invalid measurement');
});

/** Parsing where no recorded answer says it: any text, any depth, exact values, bound parameters. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../src/base/errors.ts';
import type { Expr } from '../../../src/influxql/ast.ts';
import { compileSelect } from '../../../src/influxql/compile.ts';
import { parseQuery } from '../../../src/influxql/influxql.ts';
import { printStatement } from '../../../src/influxql/print-statement.ts';
import { QueryGenerator } from '../../conformance/influxql/generate.ts';

/** Undefined where the text is refused; anything but a refusal escapes. */
function tryPrint(text: string): string[] | undefined {
  try {
    return parseQuery(text).map(printStatement);
  } catch (cause) {
    if (cause instanceof CitadelError && cause.code === 'invalid-argument') return undefined;
    throw cause;
  }
}

function parseOne(text: string) {
  const [statement] = parseQuery(text);
  if (statement === undefined) throw new Error('no statement');
  return statement;
}

function parseCondition(text: string): Expr | undefined {
  const statement = parseOne(`SELECT v FROM m WHERE ${text}`);
  return statement.kind === 'select' ? statement.condition : undefined;
}

// Goal: no text crashes the parser or a check. Method: grammar-grown texts, damaged at random, and
// raw junk; only CitadelError may come out.
test('random texts are parsed or refused, never crash', async () => {
  await fc.assert(
    fc.property(fc.nat(), (seed) => {
      const generator = new QueryGenerator(seed);
      for (let i = 0; i < 20; i++) {
        const text = generator.next();
        if (tryPrint(text) === undefined) continue;
        for (const statement of parseQuery(text)) {
          if (statement.kind !== 'select') continue;
          try {
            compileSelect(statement, { nowNs: 0n });
          } catch (cause) {
            expect(cause).toBeInstanceOf(CitadelError);
          }
        }
      }
    }),
  );
  await fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void tryPrint(text)));
});

// A fill value is printed in Go's shortest form, `1e-05`, which does not parse again; passwords are
// hidden; a bare DISTINCT is printed without quotes. The reference does all three.
test('what is printed parses again to the same print', async () => {
  await fc.assert(
    fc.property(fc.nat(), (seed) => {
      const text = new QueryGenerator(seed).next();
      for (const printed of tryPrint(text) ?? []) {
        if (/\[REDACTED\]|fill\([-\d.]+e|DISTINCT|\/\//.test(printed)) continue;
        const again = tryPrint(printed);
        // Number literals lose digits in print: they may be refused or read as other kinds.
        if (again !== undefined) expect(again).toEqual([printed]);
      }
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['parentheses', (n: number) => `SELECT ${'('.repeat(n)}a`],
  ['calls', (n: number) => `SELECT ${'f('.repeat(n)}a`],
  ['subqueries', (n: number) => `SELECT a FROM ${'(SELECT a FROM '.repeat(n)}m`],
  ['signs', (n: number) => `SELECT ${'-('.repeat(n)}a`],
  ['sums', (n: number) => `SELECT a${' + a'.repeat(n)} FROM m`],
  ['comparisons', (n: number) => `SELECT a FROM m WHERE a${' = a'.repeat(n)}`],
  [
    'sums in parentheses',
    (n: number) => `SELECT ${'('.repeat(150)}a${`${' + a'.repeat(n)})`.repeat(150)} FROM m`,
  ],
])('too many %s are refused, not a stack overflow', (_, build) => {
  expect(() => parseQuery(build(20_000))).toThrow(/nested too deeply|too long/);
});

test('a condition may have any number of alternatives', () => {
  const count = 30_000;
  const text = Array.from({ length: count }, (_, i) => `host = 'h${i}'`).join(' OR ');
  const statement = parseOne(`SELECT v FROM m WHERE ${text}`);
  expect(printStatement(statement)).toBe(`SELECT v FROM m WHERE ${text}`);
});

test('AND binds stronger than OR, and both from left to right', () => {
  expect(parseCondition('a = 1 OR b = 2 AND c = 3 OR d = 4')).toMatchObject({
    op: 'OR',
    left: { op: 'OR', left: { op: '=' }, right: { op: 'AND' } },
    right: { op: '=' },
  });
});

test('literals keep their exact values', () => {
  const statement = parseOne(
    'SELECT 9223372036854775807, 9223372036854775808, -9223372036854775808, 1.5, 1h30m FROM m',
  );
  expect(statement.kind === 'select' && statement.fields.map((field) => field.expr)).toEqual([
    { kind: 'integer', value: 9223372036854775807n },
    { kind: 'unsigned', value: 9223372036854775808n },
    { kind: 'integer', value: -9223372036854775808n },
    { kind: 'number', value: 1.5 },
    { kind: 'duration', ns: 5_400_000_000_000n },
  ]);
});

test('bound parameters become literals and nothing else', () => {
  const values = {
    s: "x' OR 'a' = 'a",
    n: 5,
    f: 1.25,
    big: 9223372036854775807n,
    yes: true,
    re: { regex: 'a|b' },
    id: { identifier: 'a b' },
    d: { duration: '5m' },
    ns: { duration: 60_000_000_000 },
    whole: { float: 2 },
  };
  const print = (text: string) => parseQuery(text, values).map(printStatement).join(';');
  expect(print('SELECT $id FROM m WHERE a = $s AND b = $n LIMIT $n')).toBe(
    `SELECT "a b" FROM m WHERE a = 'x\\' OR \\'a\\' = \\'a' AND b = 5 LIMIT 5`,
  );
  expect(print('SELECT $id FROM $re WHERE a =~ $re AND b = $yes AND c = $f AND d = $big')).toBe(
    'SELECT "a b" FROM /a|b/ WHERE a =~ /a|b/ AND b = true AND c = 1.250 AND d = 9223372036854775807',
  );
  expect(print('SELECT mean(v) FROM m WHERE a = $whole GROUP BY time($d), time($ns)')).toBe(
    'SELECT mean(v) FROM m WHERE a = 2.000 GROUP BY time(5m), time(1m)',
  );
});

test.each([
  ['$', {}, 'empty bound parameter'],
  ['$x', {}, 'missing parameter: x'],
  ['$toString', {}, 'missing parameter: toString'],
  ['$x', { x: null }, 'missing parameter: unable to bind parameter with type <nil>'],
  ['$x', { x: [1] }, 'missing parameter: unable to bind parameter with type []interface {}'],
  ['$x', { x: {} }, 'missing parameter: bound object parameter value must have exactly one entry'],
  ['$x', { x: { foo: 1 } }, 'missing parameter: unknown bind object type: foo'],
  ['$x', { x: { int: 1.5 } }, 'missing parameter: integer literal must be an integer value'],
])('parameter %s of %j is refused', (name, params, message) => {
  expect(() => parseQuery(`SELECT v FROM m WHERE a = ${name}`, params)).toThrow(message);
});

test('a string cannot stand for a name', () => {
  expect(() => parseQuery('SELECT v FROM $m', { m: 'x' })).toThrow(
    'found x, expected identifier at line 1, char 15',
  );
});

test('INF and zero durations differ from none', () => {
  expect(parseOne('CREATE DATABASE d WITH DURATION INF')).toMatchObject({
    policy: { durationNs: 0n, replication: undefined },
  });
  expect(parseOne('CREATE DATABASE d')).toMatchObject({ policy: undefined });
});

/**
 * Goal: a condition lets through exactly the rows InfluxQL's rules let through, whichever kernel,
 * folding or slow path decides.
 * Method: random expressions over fields with gaps, tags and literals of all types, against an
 * interpreter that looks at one row at a time with exact fractions.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Column, ColumnBatch } from '../../../src/model/column.ts';
import type { FieldType } from '../../../src/model/field-type.ts';
import type { BinaryOp, RawBlock, RowExpr, ShardPlan } from '../../../src/model/plan.ts';
import type { SeriesName } from '../../../src/model/series-key.ts';
import { createShardScan } from '../../../src/scan/scan.ts';
import { compileTagCondition, tagConjuncts } from '../../../src/scan/tag-condition.ts';

type Typed = { readonly type: FieldType; readonly value: number | bigint | string | boolean };
type Row = Readonly<Record<string, Typed | undefined>>;

const fields: readonly (readonly [string, FieldType])[] = [
  ['f', 'float'],
  ['g', 'float'],
  ['i', 'integer'],
  ['j', 'integer'],
  ['u', 'unsigned'],
  ['s', 'string'],
  ['b', 'boolean'],
];

const floats = fc.constantFrom(0, -0, 1, -1, 0.5, 2, 3, 1e19, -1e19, 2 ** 53, 2 ** 63, 1e308);
const int64 = fc.constantFrom(
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
);
const smallInt = fc.bigInt({ min: -4n, max: 4n });
const safeInt = fc.oneof(smallInt, fc.constantFrom(2n ** 53n - 1n, 1n - 2n ** 53n));
const uint64 = fc.constantFrom(0n, 1n, 2n, 3n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n);
const texts = fc.constantFrom('', 'a', 'ab', 'b', 'x1');

function typedValue(type: FieldType, small: boolean): fc.Arbitrary<Typed> {
  const value = {
    float: floats,
    integer: small ? safeInt : int64,
    unsigned: uint64,
    string: texts,
    boolean: fc.boolean(),
  }[type] as fc.Arbitrary<Typed['value']>;
  return value.map((v) => ({ type, value: v }));
}

const rows = fc
  .boolean()
  .chain((small) =>
    fc.array(
      fc.tuple(
        ...fields.map(([, type]) =>
          fc.option(typedValue(type, small), { nil: undefined, freq: 4 }),
        ),
      ),
      { minLength: 1, maxLength: 12 },
    ),
  );

const leaf: fc.Arbitrary<RowExpr> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(...fields)
      .map(([name, type]): RowExpr => ({ kind: 'field', name, type })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('host', 'nosuch').map((name): RowExpr => ({ kind: 'tag', name })),
  },
  { weight: 1, arbitrary: floats.map((value): RowExpr => ({ kind: 'float', value })) },
  {
    weight: 1,
    arbitrary: fc.oneof(int64, safeInt).map((value): RowExpr => ({ kind: 'integer', value })),
  },
  { weight: 1, arbitrary: texts.map((value): RowExpr => ({ kind: 'string', value })) },
  { weight: 1, arbitrary: fc.boolean().map((value): RowExpr => ({ kind: 'boolean', value })) },
  { weight: 1, arbitrary: fc.constant<RowExpr>({ kind: 'null' }) },
  { weight: 1, arbitrary: fc.constant<RowExpr>({ kind: 'measurement' }) },
  { weight: 1, arbitrary: uint64.map((value): RowExpr => ({ kind: 'unsigned', value })) },
);

const numberFields = fields.filter(([, type]) => type !== 'string' && type !== 'boolean');

/** Comparisons that have a good chance to hold for some rows. */
const likely: fc.Arbitrary<RowExpr> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...numberFields),
      fc.constantFrom<BinaryOp>('=', '!=', '<', '<=', '>', '>='),
      fc.oneof(
        smallInt.map((value): RowExpr => ({ kind: 'integer', value })),
        floats.map((value): RowExpr => ({ kind: 'float', value })),
        fc
          .constantFrom(...numberFields)
          .map(([name, type]): RowExpr => ({ kind: 'field', name, type })),
      ),
      fc.boolean(),
    )
    .map(([[name, type], op, other, flip]): RowExpr => {
      const field: RowExpr = { kind: 'field', name, type };
      return { kind: 'binary', op, left: flip ? other : field, right: flip ? field : other };
    }),
  fc.tuple(fc.constantFrom<BinaryOp>('=', '!='), texts).map(
    ([op, value]): RowExpr => ({
      kind: 'binary',
      op,
      left: { kind: 'field', name: 's', type: 'string' },
      right: { kind: 'string', value },
    }),
  ),
  fc.tuple(fc.constantFrom<BinaryOp>('=', '!='), fc.boolean()).map(
    ([op, value]): RowExpr => ({
      kind: 'binary',
      op,
      left: { kind: 'field', name: 'b', type: 'boolean' },
      right: { kind: 'boolean', value },
    }),
  ),
  fc.tuple(fc.constantFrom<BinaryOp>('=', '!='), texts).map(
    ([op, value]): RowExpr => ({
      kind: 'binary',
      op,
      left: { kind: 'tag', name: 'host' },
      right: { kind: 'string', value },
    }),
  ),
);

const { expression } = fc.letrec<{ value: RowExpr; condition: RowExpr; expression: RowExpr }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc
        .tuple(
          fc.constantFrom<BinaryOp>('+', '-', '*', '/', '%', '&', '|', '^'),
          tie('value'),
          tie('value'),
        )
        .map(([op, left, right]): RowExpr => ({ kind: 'binary', op, left, right })),
      fc
        .tuple(fc.constantFrom('abs', 'floor', 'round', 'sqrt', 'asin', 'nosuch'), tie('value'))
        .map(([name, arg]): RowExpr => ({ kind: 'call', name, args: [arg] })),
      fc
        .tuple(fc.constantFrom('pow', 'atan2'), tie('value'), tie('value'))
        .map(([name, a, b]): RowExpr => ({ kind: 'call', name, args: [a, b] })),
    ),
    condition: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc
        .tuple(
          fc.constantFrom<BinaryOp>('=', '!=', '<', '<=', '>', '>='),
          tie('value'),
          tie('value'),
        )
        .map(([op, left, right]): RowExpr => ({ kind: 'binary', op, left, right })),
      fc
        .tuple(
          fc.constantFrom<BinaryOp>('=~', '!~'),
          tie('value'),
          fc.constantFrom('a', '^$', '^[ab]+$', '(?i)X'),
        )
        .map(
          ([op, left, pattern]): RowExpr => ({
            kind: 'binary',
            op,
            left,
            right: { kind: 'regex', pattern },
          }),
        ),
      fc
        .tuple(fc.constantFrom<BinaryOp>('and', 'or'), tie('condition'), tie('condition'))
        .map(([op, left, right]): RowExpr => ({ kind: 'binary', op, left, right })),
      fc
        .tuple(fc.constantFrom<BinaryOp>('and', 'or', '='), tie('condition'), tie('value'))
        .map(([op, left, right]): RowExpr => ({ kind: 'binary', op, left, right })),
    ),
    expression: tie('condition'),
  }),
);

const joined = fc
  .tuple(
    likely,
    fc.array(fc.tuple(fc.constantFrom<BinaryOp>('and', 'or'), likely), { maxLength: 3 }),
  )
  .map(([first, more]) =>
    more.reduce<RowExpr>((left, [op, right]) => ({ kind: 'binary', op, left, right }), first),
  );

const isNumber = (v: Typed) => v.type === 'float' || v.type === 'integer' || v.type === 'unsigned';

/** A finite number times 2^1100, exactly. */
function scaled(value: number | bigint): bigint {
  if (typeof value === 'bigint') return value << 1100n;
  let whole = value;
  let shift = 1100n;
  for (; !Number.isInteger(whole); shift--) whole *= 2;
  return BigInt(whole) << shift;
}

function orderOf(a: number | bigint, b: number | bigint): number {
  const [x, y] = [scaled(a), scaled(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function compare(op: string, a: Typed, b: Typed): boolean {
  if (isNumber(a) && isNumber(b)) {
    const [x, y] = [a.value as number | bigint, b.value as number | bigint];
    if (Number.isNaN(x) || Number.isNaN(y)) return op === '!=';
    const finite = [x, y].every((v) => typeof v === 'bigint' || Math.abs(v) < Infinity);
    const order = finite
      ? orderOf(x, y)
      : Number(x) < Number(y)
        ? -1
        : Number(x) > Number(y)
          ? 1
          : 0;
    return {
      '=': order === 0,
      '!=': order !== 0,
      '<': order < 0,
      '<=': order <= 0,
      '>': order > 0,
      '>=': order >= 0,
    }[op]!;
  }
  if (a.type !== b.type) return false;
  if (op === '=') return a.value === b.value;
  return op === '!=' ? a.value !== b.value : false;
}

function integerResult(op: string, a: bigint, b: bigint): bigint {
  if (op === '+') return a + b;
  if (op === '-') return a - b;
  if (op === '*') return a * b;
  if (op === '&') return a & b;
  if (op === '|') return a | b;
  if (op === '^') return a ^ b;
  if (b === 0n) return 0n;
  return op === '/' ? a / b : a % b;
}

function arithmetic(op: string, a: Typed, b: Typed): Typed | undefined {
  if (a.type === 'boolean' && b.type === 'boolean' && '&|^'.includes(op)) {
    const value =
      op === '&' ? a.value && b.value : op === '|' ? a.value || b.value : a.value !== b.value;
    return { type: 'boolean', value };
  }
  if (!isNumber(a) || !isNumber(b)) return undefined;
  const types = [a.type, b.type];
  if (types.includes('float') || (op === '/' && !types.includes('unsigned'))) {
    if ('&|^'.includes(op)) return undefined;
    const [x, y] = [Number(a.value), Number(b.value)];
    const value = { '+': x + y, '-': x - y, '*': x * y, '/': y === 0 ? 0 : x / y, '%': x % y }[op]!;
    return { type: 'float', value };
  }
  const type = types.includes('unsigned') ? 'unsigned' : 'integer';
  const narrow = (v: bigint) =>
    type === 'unsigned' ? BigInt.asUintN(64, v) : BigInt.asIntN(64, v);
  return {
    type,
    value: narrow(integerResult(op, narrow(a.value as bigint), narrow(b.value as bigint))),
  };
}

function call(name: string, args: (Typed | undefined)[]): Typed | undefined {
  const numbers = args.filter((a): a is Typed => a !== undefined && isNumber(a));
  if (numbers.length < args.length) return undefined;
  const [x, y] = numbers.map((a) => Number(a.value));
  const { type, value } = numbers[0]!;
  const whole = typeof value === 'bigint';
  switch (name) {
    case 'abs':
      if (!whole) return { type, value: Math.abs(x!) };
      return { type, value: value < 0n ? BigInt.asIntN(64, -value) : value };
    case 'floor':
      return whole ? { type, value } : { type, value: Math.floor(x!) };
    case 'round': {
      if (whole) return { type, value };
      // Math.round takes halves up; of a magnitude that is away from zero.
      return { type, value: Math.sign(x!) * Math.round(Math.abs(x!)) };
    }
    case 'sqrt':
      return { type: 'float', value: Math.sqrt(x!) };
    case 'asin':
      return whole && Math.abs(x!) > 1 ? undefined : { type: 'float', value: Math.asin(x!) };
    case 'pow':
      return { type: 'float', value: x! ** y! };
    case 'atan2':
      return { type: 'float', value: Math.atan2(x!, y!) };
    default:
      return undefined;
  }
}

function evaluate(expr: RowExpr, row: Row, host: string): Typed | undefined {
  switch (expr.kind) {
    case 'field':
      return row[expr.name];
    case 'tag':
      return { type: 'string', value: expr.name === 'host' ? host : '' };
    case 'measurement':
      return { type: 'string', value: 'm' };
    case 'null':
    case 'regex':
      return undefined;
    case 'call':
      return call(
        expr.name,
        expr.args.map((arg) => evaluate(arg, row, host)),
      );
    case 'binary':
      return evaluateBinary(expr, row, host);
    default:
      return { type: expr.kind, value: expr.value };
  }
}

function evaluateBinary(
  expr: RowExpr & { kind: 'binary' },
  row: Row,
  host: string,
): Typed | undefined {
  const { op } = expr;
  const a = evaluate(expr.left, row, host);
  if (op === '=~' || op === '!~') {
    if (a?.type !== 'string' || expr.right.kind !== 'regex') return undefined;
    const source = expr.right.pattern;
    const pattern = source.startsWith('(?i)')
      ? new RegExp(source.slice(4), 'i')
      : new RegExp(source);
    return { type: 'boolean', value: pattern.test(String(a.value)) === (op === '=~') };
  }
  const b = evaluate(expr.right, row, host);
  if (op === 'and' || op === 'or') {
    const sides = [a, b].filter((side) => side !== undefined);
    if (sides.some((side) => side.type !== 'boolean')) return { type: 'boolean', value: false };
    const truths = [a?.value === true, b?.value === true];
    return {
      type: 'boolean',
      value: op === 'and' ? truths[0]! && truths[1]! : truths[0]! || truths[1]!,
    };
  }
  if (['=', '!=', '<', '<=', '>', '>='].includes(op)) {
    return { type: 'boolean', value: a !== undefined && b !== undefined && compare(op, a, b) };
  }
  return a && b && arithmetic(op, a, b);
}

function columnOf(type: FieldType, cells: readonly (Typed | undefined)[]): Column | undefined {
  if (cells.every((cell) => cell === undefined)) return undefined;
  const valid = cells.includes(undefined) ? Uint8Array.from(cells, (c) => (c ? 1 : 0)) : undefined;
  const whole = cells.map((c) => (typeof c?.value === 'bigint' ? c.value : 0n));
  const safe = whole.every((v) => Number.isSafeInteger(Number(v)));
  switch (type) {
    case 'float':
      return { type, values: Float64Array.from(cells, (c) => Number(c?.value ?? 0)), valid };
    case 'integer':
      return {
        type,
        values: safe ? Float64Array.from(whole, Number) : BigInt64Array.from(whole),
        valid,
      };
    case 'unsigned':
      return {
        type,
        values: safe ? Float64Array.from(whole, Number) : BigUint64Array.from(whole),
        valid,
      };
    case 'boolean':
      return { type, values: Uint8Array.from(cells, (c) => (c?.value ? 1 : 0)), valid };
    case 'string':
      return {
        type,
        codes: Uint32Array.from(cells, (_, i) => i),
        dictionary: cells.map((c) => String(c?.value ?? '')),
        valid,
      };
  }
}

function planFor(where: RowExpr): ShardPlan {
  return {
    dbId: '0',
    rpId: '0',
    measurement: 'm',
    range: { min: 0n, max: 1000n },
    where,
    dimensions: [],
    descending: false,
    output: {
      kind: 'raw',
      columns: [{ source: 'field', name: 'always', type: 'float' }],
      rowLimit: 0,
    },
  };
}

/** Numbers of the rows that the scan lets through. */
function passingRows(where: RowExpr, list: readonly Row[], host: string): number[] {
  const scan = createShardScan(planFor(where));
  const tags: SeriesName['tags'] = host === '' ? [] : [['host', host]];
  const binding = scan.bindSeries({ measurement: 'm', tags }, 'm');
  if (!binding) return [];
  const group = scan.openGroup([]);
  const batch: ColumnBatch = {
    rowCount: list.length,
    base: 0n,
    offsets: Float64Array.from(list, (_, i) => i),
    columns: scan.fields.map(({ name, type }) =>
      name === 'always'
        ? { type: 'float', values: new Float64Array(list.length), valid: undefined }
        : columnOf(
            type,
            list.map((row) => row[name]),
          ),
    ),
  };
  group.addBatch(binding, batch);
  return (group.finish() as RawBlock[]).flatMap((block) => Array.from(block.times, Number));
}

test('a condition lets the right rows through', async () => {
  let some = 0;
  await fc.assert(
    fc.property(
      fc.oneof(expression, joined),
      rows,
      fc.constantFrom('', 'a', 'x1'),
      (where, cells, host) => {
        const list = cells.map(
          (row): Row => Object.fromEntries(fields.map(([name], i) => [name, row[i]])),
        );
        const expected = list.flatMap((row, i) =>
          evaluate(where, row, host)?.value === true ? [i] : [],
        );
        if (expected.length > 0) some++;
        expect(passingRows(where, list, host)).toEqual(expected);
      },
    ),
    { numRuns: 3000 },
  );
  expect(some).toBeGreaterThan(500);
});

const binary = (op: BinaryOp, left: RowExpr, right: RowExpr): RowExpr => ({
  kind: 'binary',
  op,
  left,
  right,
});
const tag = (name: string): RowExpr => ({ kind: 'tag', name });
const text = (value: string): RowExpr => ({ kind: 'string', value });
const regex = (pattern: string): RowExpr => ({ kind: 'regex', pattern });

test('a missing tag is the empty string, for != and !~ too', () => {
  const passes = (where: RowExpr) =>
    compileTagCondition(where)({ measurement: 'm', tags: [['t', 'x']] });
  expect(passes(binary('=', tag('t'), text('x')))).toBe(true);
  expect(passes(binary('=', tag('nosuch'), text('')))).toBe(true);
  expect(passes(binary('!=', tag('nosuch'), text('x')))).toBe(true);
  expect(passes(binary('!~', tag('nosuch'), regex('x')))).toBe(true);
  expect(passes(binary('=', tag('nosuch'), text('x')))).toBe(false);
  expect(passes(binary('=~', { kind: 'measurement' }, regex('^m$')))).toBe(true);
});

test('conjuncts over tags alone are found, others are left', () => {
  const field: RowExpr = { kind: 'field', name: 'f', type: 'float' };
  const a = binary('=', tag('a'), text('x'));
  const b = binary('or', binary('=', tag('b'), text('y')), a);
  const c = binary('>', field, { kind: 'float', value: 1 });
  expect(tagConjuncts(binary('and', binary('and', a, c), b))).toEqual([a, b]);
  expect(tagConjuncts(binary('or', a, c))).toEqual([]);
  expect(tagConjuncts(undefined)).toEqual([]);
});

test('a pattern that RE2 does not know is an invalid argument', () => {
  expect(() =>
    compileTagCondition(binary('=~', tag('a'), regex('(?=x)')))({ measurement: 'm', tags: [] }),
  ).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
});

test('integer arithmetic that leaves the safe range stays exact and wraps in 64 bits', () => {
  const i: RowExpr = { kind: 'field', name: 'i', type: 'integer' };
  const whole = (value: bigint): RowExpr => ({ kind: 'integer', value });
  const most = 2n ** 53n - 1n;
  const list: Row[] = [{ i: { type: 'integer', value: most } }];
  const passes = (op: BinaryOp, by: bigint, result: bigint) =>
    passingRows(binary('=', binary(op, i, whole(by)), whole(result)), list, '').length === 1;
  expect(passes('+', 2n, most + 2n)).toBe(true);
  expect(passes('+', 2n, most + 1n)).toBe(false);
  expect(passes('-', -4n, most + 4n)).toBe(true);
  expect(passes('*', 3n, most * 3n)).toBe(true);
  expect(passes('*', most, BigInt.asIntN(64, most * most))).toBe(true);
});

test('AND and OR make a missing value false, and are not left out where that shows', () => {
  const field = (name: string, type: FieldType): RowExpr => ({ kind: 'field', name, type });
  const literal = (value: boolean): RowExpr => ({ kind: 'boolean', value });
  const list: Row[] = [
    { b: { type: 'boolean', value: false }, f: { type: 'float', value: 1 } },
    { f: { type: 'float', value: 1 } },
  ];
  const match = binary('=~', field('f', 'float'), regex('a'));
  for (const missing of [match, field('nosuch', 'boolean')]) {
    for (const joined of [
      binary('or', missing, literal(false)),
      binary('or', { kind: 'null' }, missing),
      binary('and', literal(true), missing),
    ]) {
      const where = binary('=', joined, field('b', 'boolean'));
      expect(passingRows(where, list, '')).toEqual([0]);
    }
    const where = binary('=', missing, field('b', 'boolean'));
    expect(passingRows(where, list, '')).toEqual([]);
  }
});

/** Random values as they travel between nodes: columns of every kind, blocks, plans, anything nested. */

import fc from 'fast-check';
import type { Column } from '../../../../src/model/column.ts';
import type { AggregateBlock, Partial, RawBlock } from '../../../../src/model/plan.ts';

export const anyInt64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n),
);
export const anyUint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(2n ** 64n - 1n, 2n ** 63n),
);

/** Any bits: NaNs with payloads among them. */
const floats = (size: number) =>
  fc
    .array(anyUint64, { minLength: size, maxLength: size })
    .map((bits) => new Float64Array(BigUint64Array.from(bits).buffer));

/** UTF-16 as it comes, lone surrogates included. */
export const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);

const bits = (size: number) =>
  fc
    .array(fc.integer({ min: 0, max: 1 }), { minLength: size, maxLength: size })
    .map((list) => Uint8Array.from(list));

const validity = (size: number) => fc.option(bits(size), { nil: undefined });

export function anyColumn(size: number): fc.Arbitrary<Column> {
  const signed = fc.array(anyInt64, { minLength: size, maxLength: size });
  const unsigned = fc.array(anyUint64, { minLength: size, maxLength: size });
  const codes = fc.array(fc.nat(), { minLength: size, maxLength: size });
  const valid = validity(size);
  return fc.oneof(
    fc.record({ type: fc.constant('float' as const), values: floats(size), valid }),
    fc.record({
      type: fc.constant('integer' as const),
      values: fc.oneof(
        floats(size),
        signed.map((list) => BigInt64Array.from(list)),
      ),
      valid,
    }),
    fc.record({
      type: fc.constant('unsigned' as const),
      values: fc.oneof(
        floats(size),
        unsigned.map((list) => BigUint64Array.from(list)),
      ),
      valid,
    }),
    fc.record({ type: fc.constant('boolean' as const), values: bits(size), valid }),
    fc.record({
      type: fc.constant('string' as const),
      codes: codes.map((list) => Uint32Array.from(list)),
      dictionary: fc.array(anyText, { maxLength: 5 }),
      valid,
    }),
  );
}

const times = (size: number) =>
  fc.array(anyInt64, { minLength: size, maxLength: size }).map((list) => BigInt64Array.from(list));

const rowCount = fc.integer({ min: 0, max: 20 });

export const anyRawBlock: fc.Arbitrary<RawBlock> = rowCount.chain((size) =>
  fc.record({
    kind: fc.constant('raw' as const),
    group: fc.array(anyText, { maxLength: 3 }),
    times: times(size),
    columns: fc.array(fc.option(anyColumn(size), { nil: undefined }), { maxLength: 4 }),
    series: fc.array(anyText, { maxLength: 3 }),
    seriesOfRow: fc
      .array(fc.nat(), { minLength: size, maxLength: size })
      .map((list) => Uint32Array.from(list)),
  }),
);

function anyPartial(size: number): fc.Arbitrary<Partial> {
  const counts = floats(size);
  const column = anyColumn(size);
  return fc.oneof(
    fc.record({ fn: fc.constant('count' as const), counts }),
    fc.record({ fn: fc.constantFrom('sum' as const, 'mean' as const), counts, sums: column }),
    fc.record({
      fn: fc.constantFrom('min' as const, 'max' as const, 'first' as const, 'last' as const),
      counts,
      values: column,
      times: times(size),
      extras: fc.array(fc.option(column, { nil: undefined }), { maxLength: 2 }),
    }),
    fc.record({ fn: fc.constant('spread' as const), counts, mins: column, maxs: column }),
    fc.record({
      fn: fc.constant('stddev' as const),
      counts,
      means: floats(size),
      m2: floats(size),
    }),
    fc.record({
      fn: fc.constant('distinct' as const),
      counts,
      starts: fc
        .array(fc.nat(), { minLength: size + 1, maxLength: size + 1 })
        .map((list) => Uint32Array.from(list)),
      values: column,
      firstTimes: times(size),
    }),
  );
}

export const anyAggregateBlock: fc.Arbitrary<AggregateBlock> = rowCount.chain((size) =>
  fc.record({
    kind: fc.constant('aggregate' as const),
    group: fc.array(anyText, { maxLength: 3 }),
    windows: times(size),
    partials: fc.array(anyPartial(size), { maxLength: 3 }),
  }),
);

/** Anything that is plain data; keys of objects as programs name them. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(undefined, null, true, false, -0, 0, Infinity, -Infinity, Number.NaN),
    fc.double(),
    fc.integer(),
    fc.nat({ max: 2 ** 32 }),
    anyInt64,
    anyUint64,
    anyText,
  ),
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,8}$/), tie('node'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
    fc.uint8Array(),
  ),
})).node;

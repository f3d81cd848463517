/**
 * Goal: what is written as line protocol is read back the same: names with every kind of odd byte, all
 * types, both ends of every range; whatever the order, the slicing or what the parser saw before.
 * Method: random points of nasty parts; the same body again (everything cached and predicted), in slices,
 * and line by line through the exact reader alone.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes } from '../../../src/base/bytes.ts';
import { encodeText } from '../../../src/base/text.ts';
import {
  formatPoints,
  type Point,
  type PointValue,
} from '../../../src/lineprotocol/format-points.ts';
import { findLineEnd } from '../../../src/lineprotocol/line-splitter.ts';
import { LineParser, type ParsedSlice } from '../../../src/lineprotocol/lineprotocol.ts';
import { type Precision, precisions } from '../../../src/lineprotocol/precision.ts';
import { formatSeriesName } from '../../../src/model/series-key.ts';
import { type PlainRow, plainRows } from './parsed-rows.ts';

const options = { database: 'db', precision: 'ns', nowNs: 42n } as const;

const oddPart = fc.constantFrom(
  'a',
  'b',
  ',',
  '=',
  ' ',
  '"',
  '#',
  '\t',
  '\r',
  'é',
  '日',
  '😀',
  '\udcff',
  '0',
  "'",
  '\\x',
);
const oddText = fc
  .oneof(
    fc.array(oddPart, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('')),
    fc.string({ minLength: 1, unit: 'grapheme' }),
  )
  .filter((text) => !/\n|\\[,= "\\]|\\$|\p{Surrogate}{2}/u.test(text));
const measurement = oddText.filter((text) => !/^[,#\t\0 ]/.test(text));
const fieldName = oddText.filter((text) => !/["\0\t]|^time$/.test(text));
const tagKey = oddText.filter((text) => text !== 'time');

const float = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -100_000, max: 100_000 }).map((n) => n / 100),
  fc.constantFrom(
    0,
    -0,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    2 ** 53 + 2,
    0.1,
    1e21,
    1e22,
    1e23,
  ),
);
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }),
  fc.constantFrom(0n, 2n ** 31n, -(2n ** 31n), 2n ** 32n, 2n ** 53n, -(2n ** 63n), 2n ** 63n - 1n),
);
const time = fc.oneof(
  fc.bigInt({ min: -9223372036854775806n, max: 9223372036854775806n }),
  fc.bigInt({ min: 1_451_606_400_000_000_000n, max: 1_451_606_400_000_000_010n }),
  fc.constantFrom(
    0n,
    -1n,
    9223372036854775806n,
    -9223372036854775806n,
    9223372036000000000n,
    4294967296n,
  ),
);
const value: fc.Arbitrary<PointValue> = fc.oneof(
  float.map((one) => ({ type: 'float', value: one }) as const),
  int64.map((one) => ({ type: 'integer', value: one }) as const),
  fc.boolean().map((one) => ({ type: 'boolean', value: one }) as const),
  fc.string({ unit: 'grapheme' }).map((one) => ({ type: 'string', value: one }) as const),
  fc
    .array(fc.constantFrom('"', '\\', '\n', ',', '=', ' ', 'x'), { maxLength: 6 })
    .map((parts) => ({ type: 'string', value: parts.join('') }) as const),
);

const point: fc.Arbitrary<Point> = fc.record({
  series: fc.record({
    measurement,
    tags: fc
      .uniqueArray(fc.tuple(tagKey, oddText), { maxLength: 4, selector: ([key]) => key })
      .map((tags) => tags.sort((a, b) => compareBytes(encodeText(a[0]), encodeText(b[0])))),
  }),
  fields: fc.uniqueArray(fc.tuple(fieldName, value), {
    minLength: 1,
    maxLength: 5,
    selector: ([name]) => name,
  }),
  time,
});

/** Few series and fields, so that caches and predictions are hit and missed. */
const points = fc.array(point, { minLength: 1, maxLength: 4 }).chain((kinds) =>
  fc
    .array(fc.tuple(fc.nat(kinds.length - 1), time, value), { minLength: 1, maxLength: 20 })
    .map((picks) =>
      picks.map(([kind, at, other]): Point => {
        const { series, fields } = kinds[kind]!;
        return {
          series,
          fields: fields.map(([name, old], i) => [name, i === 0 ? other : old] as const),
          time: at,
        };
      }),
    ),
);

function expected({ series, fields, time: at }: Point): PlainRow {
  return {
    series: formatSeriesName(series),
    time: at,
    cells: fields.map(([name, { type, value: one }]) => [name, type, one]),
  };
}

test('format -> parse gives the same points, also from a warm cache', async () => {
  const parser = new LineParser();
  await fc.assert(
    fc.property(points, (all) => {
      const body = formatPoints(all);
      for (let round = 0; round < 2; round++) {
        const slice = parser.parse(body, options);
        expect(slice.errors).toEqual([]);
        expect(slice.dropped).toEqual([]);
        expect(plainRows(slice)).toEqual(all.map(expected));
      }
    }),
    { numRuns: 300 },
  );
});

interface Reading {
  readonly rows: PlainRow[];
  readonly errors: unknown[];
  readonly dropped: unknown[];
}

function readingOf(slice: ParsedSlice): Reading {
  return {
    rows: plainRows(slice),
    errors: slice.errors.map((error) => ({
      ...error,
      line: Buffer.from(error.line).toString('latin1'),
    })),
    dropped: [...slice.dropped],
  };
}

function join(readings: readonly Reading[]): Reading {
  return {
    rows: readings.flatMap((one) => one.rows),
    errors: readings.flatMap((one) => one.errors),
    dropped: readings.flatMap((one) => one.dropped),
  };
}

function readSlices(
  parser: LineParser,
  body: Uint8Array,
  sizeMax: number,
  precision: Precision = 'ns',
): Reading {
  const readings: Reading[] = [];
  let from = 0;
  let firstLine = 1;
  while (from < body.length) {
    const slice = parser.parse(body, { ...options, precision, from, firstLine, sizeMax });
    expect(slice.next).toBeGreaterThan(from);
    readings.push(readingOf(slice));
    from = slice.next;
    firstLine = slice.nextLine;
  }
  return join(readings);
}

/** A body whose lines each stand at its end, where only the exact reader works. */
function readExactly(body: Uint8Array, precision: Precision = 'ns'): Reading {
  const parser = new LineParser();
  const readings: Reading[] = [];
  let from = 0;
  let firstLine = 1;
  while (from < body.length) {
    const end = findLineEnd(body, from);
    const slice = parser.parse(body.slice(from, end), { ...options, precision, firstLine });
    readings.push(readingOf(slice));
    from = end + 1;
    firstLine++;
  }
  return join(readings);
}

const casesFile = fileURLToPath(
  new URL('../../conformance/cases/line-protocol.json', import.meta.url),
);
const curated = (JSON.parse(readFileSync(casesFile, 'utf8')) as { body: string }[]).map(
  ({ body }) => body,
);
const grammarPiece = fc.constantFrom(
  ...',|=| |"|\\|\n|\\,|\\=|\\ |\\"|\\\\|\t|#|i|-|.|e|1|0|9|t|x|m |v=|v=1| 5|="|,a=b|m,a=b v=1i 5\n'.split(
    '|',
  ),
);
const odd = fc.oneof(
  fc.constantFrom(...curated),
  fc.array(grammarPiece, { maxLength: 12 }).map((parts) => `m,t=u ${parts.join('')}`),
  fc.array(grammarPiece, { maxLength: 12 }).map((parts) => parts.join('')),
);
const plain = fc.constantFrom(
  'cpu,host=a v=1,w=2i 5',
  'cpu,host=b v=1.5,w=3i 6',
  'm v="x" 7',
  'm v=t',
);

// The exact reader looks at one line; the splitter's last two bytes are special, hence the plain last line.
test('the fast reader agrees with the exact one on any lines, sliced anywhere', async () => {
  const parser = new LineParser();
  await fc.assert(
    fc.property(
      fc.array(fc.oneof(odd, plain), { maxLength: 8 }),
      fc.integer({ min: 1, max: 60 }),
      (lines, sizeMax) => {
        const body = encodeText(`${lines.join('\n')}\nlast v=1 1\n`);
        const exact = readExactly(body);
        expect(readSlices(parser, body, sizeMax)).toEqual(exact);
        expect(readSlices(parser, body, body.length)).toEqual(exact);
      },
    ),
    { numRuns: 1500 },
  );
});

test('every curated odd line is read alike by both readers', () => {
  for (const body of curated) {
    const bytes = encodeText(`${body}\nlast v=1 1\n`);
    const parser = new LineParser();
    expect(readSlices(parser, bytes, bytes.length), body.slice(0, 99)).toEqual(readExactly(bytes));
  }
});

const anyTime = fc.oneof(
  fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(String),
  fc.maxSafeNat().map(String),
  fc.integer().map(String),
  fc.constantFrom(
    '9223372036854775806',
    '9223372036854775807',
    '-9223372036854775806',
    '9223372036',
    '9223372035',
    '-9223372036',
    '9223372036854',
    '9223372036855',
    '153722867',
    '153722868',
    '2562047',
    '2562048',
    '0009',
    '-0',
  ),
);

test('both readers agree on times in every precision', async () => {
  const parser = new LineParser();
  await fc.assert(
    fc.property(
      fc.constantFrom(...precisions),
      fc.array(anyTime, { minLength: 1, maxLength: 6 }),
      (precision, times) => {
        const body = encodeText(times.map((one) => `m v=1 ${one}\nn v=1\n`).join(''));
        const exact = readExactly(body, precision);
        expect(readSlices(parser, body, body.length, precision)).toEqual(exact);
      },
    ),
    { numRuns: 1000 },
  );
});

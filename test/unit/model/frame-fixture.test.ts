/**
 * Goal: frames written by earlier releases stay readable, and today's encoder still writes the same bytes.
 * Method: a kept frame of version 1 with every column type, holes, two blocks and odd names; one of version 2 with
 * integers of every size.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { encodeText } from '../../../src/base/text.ts';
import { splitBatch } from '../../../src/broker/split/split.ts';
import { LineParser } from '../../../src/lineprotocol/lineprotocol.ts';
import { openPointsFrame } from '../../../src/model/frame-decode.ts';
import { encodePointsFrame } from '../../../src/model/frame-encode.ts';
import { encodeSeriesKey, formatSeriesKey } from '../../../src/model/series-key.ts';

const file = fileURLToPath(new URL('../../fixtures/formats/frame-v1.bin', import.meta.url));

const target = { dbId: '0011223344556677', rpId: '8899aabbccddeeff', shardCount: 16, shard: 11 };
const series = [
  {
    key: encodeSeriesKey({
      measurement: 'cpu',
      tags: [
        ['host', 'a b'],
        ['\u00e9', '\udcff'],
      ],
    }),
    times: BigInt64Array.of(-9223372036854775806n, 0n, 9223372036854775806n),
    columns: [
      { name: 'usage', type: 'float', values: Float64Array.of(-0, 5e-324, 1.5) },
      {
        name: 'count',
        type: 'integer',
        values: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n),
        valid: Uint8Array.of(1, 0, 1),
      },
      { name: 'total', type: 'unsigned', values: BigUint64Array.of(0n, 1n, 2n ** 64n - 1n) },
      { name: 'ok', type: 'boolean', values: Uint8Array.of(1, 0, 1) },
      {
        name: 'text',
        type: 'string',
        values: ['', 'x\ny', '\u65e5'],
        valid: Uint8Array.of(0, 1, 1),
      },
    ],
  },
  {
    key: encodeSeriesKey({ measurement: 'mem', tags: [] }),
    times: BigInt64Array.of(7n),
    columns: [{ name: 'usage', type: 'float', values: Float64Array.of(64.5) }],
  },
] as const;

test('the kept frame opens with all its values', () => {
  const frame = openPointsFrame(new Uint8Array(readFileSync(file)));
  expect(frame.header).toMatchObject({
    ...target,
    kind: 'points',
    seriesCount: 2,
    rowCount: 4,
    cellCount: 14,
    minTime: -9223372036854775806n,
    maxTime: 9223372036854775806n,
  });
  expect(formatSeriesKey(frame.key(0))).toBe('cpu,host=a\\ b,\u00e9=\udcff');
  expect(frame.column(0, 0)).toMatchObject({ type: 'float', values: series[0].columns[0].values });
  expect(frame.column(0, 1)).toMatchObject({ type: 'integer', valid: Uint8Array.of(1, 0, 1) });
  expect(frame.column(0, 2)).toMatchObject({ values: series[0].columns[2].values });
  expect(frame.column(0, 3)).toMatchObject({ values: Uint8Array.of(1, 0, 1) });
  expect(frame.column(0, 4)).toMatchObject({
    starts: Uint32Array.of(0, 0, 3, 6),
    bytes: new Uint8Array(Buffer.from('x\ny\u65e5')),
  });
  expect(frame.times(1)).toEqual(BigInt64Array.of(7n));
  expect(frame.columnKeys[frame.columnKeyIndex(1, 0)]).toMatchObject({ name: 'usage' });
});

test('the encoder still writes these bytes', () => {
  const written = encodePointsFrame(target, series);
  expect(Buffer.from(written).toString('hex')).toBe(readFileSync(file).toString('hex'));
});

const narrowFile = fileURLToPath(new URL('../../fixtures/formats/frame-v2.bin', import.meta.url));
const narrowLines = [
  'disk,path=/ a=-128i,b=-32768i,c=-2147483648i,d=-9223372036854775808i,e=0.5 1',
  'disk,path=/ a=127i,b=32767i,c=2147483647i,d=9223372036854775807i,e=-1 2',
  'disk,path=/ a=0i,b=128i,c=32768i,d=2147483648i,e=7 3',
];

test('the kept frame with narrow integers opens with all its values', () => {
  const frame = openPointsFrame(new Uint8Array(readFileSync(narrowFile)));
  expect(frame.header).toMatchObject({ ...target, shardCount: 1, shard: 0, rowCount: 3 });
  const values = [0, 1, 2, 3, 4].map((c) => frame.column(0, c));
  expect(values).toMatchObject([
    { values: BigInt64Array.of(-128n, 127n, 0n) },
    { values: BigInt64Array.of(-32768n, 32767n, 128n) },
    { values: BigInt64Array.of(-2147483648n, 2147483647n, 32768n) },
    { values: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2147483648n) },
    { values: Float64Array.of(0.5, -1, 7) },
  ]);
});

test('the splitter still writes these bytes', () => {
  const options = { database: 'db', precision: 'ns', nowNs: 0n } as const;
  const slice = new LineParser().parse(encodeText(`${narrowLines.join('\n')}\n`), options);
  const accepts = new Uint8Array(slice.fields.length).fill(1);
  const { frames } = splitBatch(slice, { ...target, shardCount: 1, accepts });
  expect(Buffer.from(frames[0]!.frame).toString('hex')).toBe(
    readFileSync(narrowFile).toString('hex'),
  );
});

/**
 * Goal: frames written by earlier releases stay readable, and today's encoder still writes the same bytes.
 * Method: a kept frame of version 1 with every column type, holes, two blocks and odd names.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
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

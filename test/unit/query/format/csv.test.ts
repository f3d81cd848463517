/**
 * Goal: CSV as InfluxDB's writer gives it: Go's quoting, escaped tags, no exponents.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvError, plainDecimal } from '../../../../src/query/format/csv.ts';
import { ReferenceStore } from '../../../support/reference-store.ts';
import { runQuery } from '../../../support/run-query.ts';
import { samplePoints } from '../sample-data.ts';

const store = new ReferenceStore();
store.write(...samplePoints);

test('one header per statement, a blank line between, nothing for what is empty or failed', async () => {
  const query =
    'select v, s, b from m where v > 15 limit 2; select i from big; select v from nosuch; select v from dst limit 1; select v from nodb..m';
  expect(await runQuery(store, query, { csv: true })).toBe(
    `name,tags,time,v,s,b
m,,1577836919000000000,15.5,,false
m,,1577836926000000000,17,,true

name,tags,time,i
big,,1577836800000000000,9223372036854775807
big,,1577836801000000000,-9223372036854775807
big,,1577836802000000000,5

name,tags,time,v
dst,,1585180800000000000,0
`,
  );
});

test('tags are escaped and quoted, empty ones left out, units honoured', async () => {
  const query = 'select v from n group by dc, nosuch, host limit 1';
  expect(await runQuery(store, query, { csv: true, epoch: 's' })).toBe(
    `name,tags,time,v
n,"dc=a\\ b\\,c\\=d,host=h0",1577836800,0
n,"dc=a\\ b\\,c\\=d,host=h1",1577836860,1
`,
  );
});

test('a refused request is an error row', () => {
  expect(csvError('say "no", please')).toBe('error\n"say ""no"", please"\n');
});

test('decimals never have an exponent and read back equal', async () => {
  await fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = plainDecimal(value);
      expect(text).not.toContain('e');
      expect(Number(text)).toBe(value);
    }),
    { numRuns: 1_000 },
  );
  expect(['1e21', '1.5e-7', '-2.25e22'].map((text) => plainDecimal(Number(text)))).toEqual([
    '1000000000000000000000',
    '0.00000015',
    '-22500000000000000000000',
  ]);
});

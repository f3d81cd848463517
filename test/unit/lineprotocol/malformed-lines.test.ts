/**
 * Goal: every malformed line gets InfluxDB's exact words; good lines beside it are kept.
 * Method: a table, each line read alone and between good ones. (test/conformance compares with a real server.)
 */

import { expect, test } from 'vitest';
import { encodeText } from '../../../src/base/text.ts';
import { LineParser } from '../../../src/lineprotocol/lineprotocol.ts';
import { WriteOutcome } from '../../../src/lineprotocol/write-outcome.ts';
import { plainRows } from './parsed-rows.ts';

const range = 'time outside range -9223372036854775806 - 9223372036854775806';

const malformed: readonly (readonly [line: string, reason: string])[] = [
  [',a=b v=1', 'missing measurement'],
  ['m', 'missing fields'],
  ['m,a=b', 'missing fields'],
  ['m,a=b\\ v=1', 'invalid tag format'],
  ['m, v=1', 'missing tag key'],
  ['m,=b v=1', 'missing tag key'],
  ['m,,a=b v=1', 'missing tag key'],
  ['m,a v=1', 'missing tag value'],
  ['m,a= v=1', 'missing tag value'],
  ['m,a=b,c v=1', 'missing tag value'],
  ['m,a=b,a=c v=1', 'duplicate tags'],
  ['m,b=1,a=c,b=2 v=1', 'duplicate tags'],
  ['m,a=b=c v=1', 'invalid tag format'],
  ['m v', 'invalid field format'],
  ['m v=1,x', 'invalid field format'],
  ['m v=1,', 'invalid field format'],
  ['m =1', 'missing field key'],
  ['m v=1,=2', 'missing field key'],
  ['m v=', 'missing field value'],
  ['m v=,x=1', 'missing field value'],
  ['m v= 1', 'missing field value'],
  ['m v="abc', 'unbalanced quotes'],
  ['m v=.', 'invalid number'],
  ['m v=-', 'invalid number'],
  ['m v=1x', 'invalid number'],
  ['m v=1_000', 'invalid number'],
  ['m v=0x10', 'invalid number'],
  ['m v=1.5i', 'invalid number'],
  ['m v=1e3i', 'invalid number'],
  ['m v=1i1', 'invalid number'],
  ['m v=1u', 'invalid number'],
  ['m v=NaN', 'invalid number'],
  ['m v=nan', 'invalid number'],
  ['m v=1\r', 'invalid number'],
  ['m v=+1', 'invalid boolean'],
  ['m v=Inf', 'invalid boolean'],
  ['m v=inf', 'invalid boolean'],
  ['m v=foo', 'invalid boolean'],
  ['m v=tr', 'invalid boolean'],
  ['m v=1e400', 'invalid float'],
  ['m v=-1e400', 'invalid float'],
  ['m v=1e', 'invalid float'],
  [
    'm v=9223372036854775808i',
    'unable to parse integer 9223372036854775808: strconv.ParseInt: parsing "9223372036854775808": value out of range',
  ],
  [
    'm v=-9223372036854775809i',
    'unable to parse integer -9223372036854775809: strconv.ParseInt: parsing "-9223372036854775809": value out of range',
  ],
  ['m v=1 abc', 'bad timestamp'],
  ['m v=1 1.5', 'bad timestamp'],
  ['m v=1 1\r', 'bad timestamp'],
  ['m v=1 -', 'strconv.ParseInt: parsing "-": invalid syntax'],
  [
    'm v=1 9223372036854775808',
    'strconv.ParseInt: parsing "9223372036854775808": value out of range',
  ],
  ['m v=1 9223372036854775807', range],
  ['m v=1 -9223372036854775807', range],
  ['m v=1 1 1', 'point is invalid'],
];

function read(body: string) {
  const parser = new LineParser();
  return parser.parse(encodeText(body), { database: 'db', precision: 'ns', nowNs: 5n });
}

test.each(malformed)('%j: %s', (line, reason) => {
  const alone = read(line);
  expect(alone.rowCount).toBe(0);
  expect(alone.errors.map((error) => error.reason)).toEqual([reason]);
  if (reason === 'unbalanced quotes') return;
  const among = read(`good v=1 1\n  ${line}\ngood v=2 2\n`);
  expect(plainRows(among).map(({ time }) => time)).toEqual([1n, 2n]);
  expect(
    among.errors.map((error) => [error.lineNumber, Buffer.from(error.line).toString()]),
  ).toEqual([[2, line]]);
  expect(among.fields.map(({ measurement }) => among.measurements[measurement])).toEqual(['good']);
});

test('the key limit counts the section as in the line, the field name, and 4 bytes', () => {
  const reasons = (line: string): string[] => read(line).errors.map(({ reason }) => reason);
  const key = 'k'.repeat(65_530);
  expect(reasons(`${key} v=1`)).toEqual([]);
  expect(reasons(`${key} v=1,vw=1`)).toEqual(['max key length exceeded: 65536 > 65535']);
  expect(reasons(`${key},a=b v=1`)).toEqual(['max key length exceeded: 65539 > 65535']);
  expect(reasons(`${key},a=bcd v=1`)).toEqual(['max key length exceeded: 65536 > 65535']);
  expect(reasons(`${key},a=bc v=1`)).toEqual(['max key length exceeded: 65540 > 65535']);
  expect(reasons(`${key}12345 v=1`)).toEqual(['max key length exceeded: 65540 > 65535']);
  expect(reasons(`${key}123456 v=1`)).toEqual(['max key length exceeded: 65536 > 65535']);
  expect(reasons(`m ${'f'.repeat(65_530)}=1`)).toEqual([]);
  expect(reasons(`m ${'f'.repeat(65_531)}=1`)).toEqual(['max key length exceeded: 65536 > 65535']);
});

function answer(...bodies: readonly string[]): string {
  const outcome = new WriteOutcome();
  for (const body of bodies) outcome.addSlice(read(body));
  return outcome.compose()?.message ?? '';
}

const tagTime = 'invalid tag key: input tag "time" on measurement "m" is invalid';
const fieldTime = 'invalid field name: input field "time" on measurement "m" is invalid';

test('answers are composed as InfluxDB composes them', () => {
  expect(answer('', '# x\n', 'm v=1')).toBe('');
  expect(answer('m', 'n')).toBe(
    "unable to parse 'm': missing fields\nunable to parse 'n': missing fields",
  );
  expect(answer('m\nn v=1', 'n')).toBe(
    "partial write: unable to parse 'm': missing fields\nunable to parse 'n': missing fields dropped=0",
  );
  expect(answer('m,time=x v=1')).toBe(`partial write: ${tagTime} dropped=1`);
  expect(answer('m time=1')).toBe(`partial write: ${fieldTime} dropped=1`);
  expect(answer('m time=1\nm,time=x v=1\nm v=1\nbad')).toBe(`partial write: ${tagTime} dropped=2`);
  expect(answer('m v="\udcff')).toBe(`unable to parse 'm v="\ufffd': unbalanced quotes`);
});

test('an endless list of bad lines is counted and cut', () => {
  const outcome = new WriteOutcome();
  const slice = read('m\n'.repeat(30_000));
  expect(slice.errorCount).toBe(30_000);
  outcome.addSlice(slice);
  expect(outcome.compose()?.message).toMatch(/missing fields\nand 20000 more lines$/);
});

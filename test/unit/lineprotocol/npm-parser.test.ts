/**
 * Why `influx-line-protocol-parser` (npm, 0.2.0) is only measured in bench/ and never used: it changes
 * data. Each line here is one it gets wrong; ours is beside it. Should a new version pass, this fails, and
 * the choice can be made again.
 */

import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { encodeText } from '../../../src/base/text.ts';
import { LineParser } from '../../../src/lineprotocol/lineprotocol.ts';
import { type PlainRow, plainRows } from './parsed-rows.ts';

const npmParser = createRequire(import.meta.url)('influx-line-protocol-parser') as {
  parse(line: string): unknown;
};

function askNpm(line: string): string {
  try {
    return JSON.stringify(npmParser.parse(line)) ?? 'undefined';
  } catch (error) {
    return `throws ${String(error)}`;
  }
}

function askOurs(lines: string): { rows: PlainRow[]; errors: string[] } {
  const parser = new LineParser();
  const slice = parser.parse(encodeText(lines), { database: 'd', precision: 'ns', nowNs: 0n });
  return { rows: plainRows(slice), errors: slice.errors.map(({ reason }) => reason) };
}

test('it loses the nanoseconds', () => {
  const line = 'm v=1 1465839830100400207';
  expect(askOurs(line).rows[0]?.time).toBe(1465839830100400207n);
  expect(askNpm(line)).not.toContain('1465839830100400207');
});

test('it rounds integers and forgets that they are integers', () => {
  const line = 'm v=9007199254740993i 1';
  expect(askOurs(line).rows[0]?.cells).toEqual([['v', 'integer', 9007199254740993n]]);
  expect(askNpm(line)).not.toContain('9007199254740993');
  expect(askNpm('m v=5i 1')).toBe(askNpm('m v=5 1'));
});

test('it does not know escapes', () => {
  const line = 'my\\ cpu,host=server\\ 01,a=b\\,c v=1 1';
  expect(askOurs(line).rows[0]?.series).toBe('my\\ cpu,a=b\\,c,host=server\\ 01');
  expect(askNpm(line)).not.toContain('server 01');
  expect(askNpm(line)).not.toContain('b,c');
});

test('it does not know strings with spaces or commas', () => {
  expect(askOurs('m s="a,b=c d" 1').rows[0]?.cells).toEqual([['s', 'string', 'a,b=c d']]);
  expect(askNpm('m s="a,b=c d" 1')).not.toContain('a,b=c d');
});

test('it reads one line only, takes comments for data and malformed lines for good ones', () => {
  expect(askOurs('m v=1 1\nm v=2 2').rows).toHaveLength(2);
  expect(askNpm('m v=1 1\nother w=2 2')).not.toContain('other');
  expect(askOurs('# a comment')).toEqual({ rows: [], errors: [] });
  expect(askNpm('# a comment')).toContain('#');
  expect(askOurs('m v=1 abc').errors).toEqual(['bad timestamp']);
  expect(askNpm('m v=1 abc')).not.toContain('throws');
});

/** Parameters as InfluxDB reads them: JSON with exact integers, multipart forms, the Accept header. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseGoJson } from '../../../../src/http/parameters/go-json.ts';
import { findFormPart } from '../../../../src/http/parameters/multipart.ts';
import { negotiateFormat } from '../../../../src/http/parameters/negotiate.ts';
import { readQueryParams } from '../../../../src/http/parameters/query-params.ts';

describe('params', () => {
  test.each([
    ['{"a": 1}', { a: 1n }],
    ['{"a": 9223372036854775807}', { a: 9223372036854775807n }],
    ['{"a": 1.0}', { a: { float: 1 } }],
    ['{"a": "x", "b": true, "c": null}', { a: 'x', b: true, c: null }],
    ['{"a": {"duration": 60}}', { a: { duration: 60n } }],
    ['{"a": {"regex": "^x"}}', { a: { regex: '^x' } }],
    ['{"a": "\\u00e4\\n"} trailing', { a: 'ä\n' }],
    ['', {}],
    ['null', {}],
  ])('%s', (text, params) => {
    expect(readQueryParams(text)).toEqual(params);
  });

  test.each([
    ['x', "invalid character 'x' looking for beginning of value"],
    ['{"a"', 'unexpected EOF'],
    ['{"a":1', 'unexpected EOF'],
    ['   ', 'EOF'],
    ['{1}', "invalid character '1' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 2}', "invalid character '2' after object key:value pair"],
    ['{"a":[1 2]}', "invalid character '2' after array element"],
  ])('%s is refused: %s', (text, message) => {
    expect(() => readQueryParams(text)).toThrow(`error parsing query parameters: ${message}`);
  });

  test('deep nesting is refused, not followed', () => {
    expect(() => parseGoJson('['.repeat(100_000))).toThrow('exceeded max depth');
  });

  test('any JSON of texts and integers is read as it was written', async () => {
    const leaf = fc.oneof(fc.string(), fc.boolean(), fc.constant(null));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.array(tie('tree')),
        fc.dictionary(fc.string(), tie('tree')),
      ),
    }));
    await fc.assert(
      fc.property(tree, (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parseGoJson(text))).toBe(text);
      }),
    );
  });
});

describe('multipart forms', () => {
  const part = (disposition: string, value: string) =>
    `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n`;

  test('fields and files are read by their names', () => {
    const body = `preamble\r\n${part('name="q"', 'SELECT "ä"\r\nFROM m')}${part('name=db; filename="x"', 'd')}--b--\r\nepilogue`;
    const form = findFormPart(Buffer.from(body), 'multipart/form-data; boundary=b');
    expect([...form]).toEqual([
      ['q', 'SELECT "ä"\r\nFROM m'],
      ['db', 'd'],
    ]);
  });

  test('nonsense yields nothing', async () => {
    expect([...findFormPart(Buffer.from('x'), 'multipart/form-data')]).toEqual([]);
    await fc.assert(
      fc.property(fc.string(), (text) => {
        const form = findFormPart(Buffer.from(text), 'multipart/form-data; boundary=b');
        expect([...form].length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

test.each([
  [undefined, 'application/json'],
  ['*/*', 'application/json'],
  ['text/csv', 'text/csv'],
  ['application/csv', 'text/csv'],
  ['application/x-msgpack', 'application/x-msgpack'],
  ['application/x-msgpack, text/csv;q=0.5, application/json', 'application/x-msgpack'],
  ['application/x-msgpack;q=0.3, text/csv;q=0.5, application/json;q=0.4', 'text/csv'],
  ['text/csv;q=0.1, application/json', 'application/json'],
  ['text/html, image/*;q=0.3', 'application/json'],
  ['text/csv;q=0', 'application/json'],
])('Accept %s answers %s', (accept, contentType) => {
  expect(negotiateFormat(accept).contentType).toBe(contentType);
});

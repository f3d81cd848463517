/**
 * Goal: the three forms of a body say the same, carry every byte, and bad ones are refused with their place.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  binaryType,
  type KvEntries,
  readKeys,
  readPuts,
} from '../../../../src/http/routes/kv-bodies.ts';
import { itemOf } from '../../../../src/model/key-list.ts';

const json = 'application/json';
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));

function shown({ keys, values, deleted }: KvEntries): (string | null)[][] {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  return [...deleted].map((one, i) => [
    text(itemOf(keys, i)),
    one === 1 ? null : text(itemOf(values, i)),
  ]);
}

test('text: one pair a line, the first = divides, empty lines count for nothing', () => {
  const body = bytesOf('testKey1=testVal1\n\nk2=a=b,c\r\nk3=\n');
  expect(shown(readPuts(body, 'application/x-www-form-urlencoded'))).toEqual([
    ['testKey1', 'testVal1'],
    ['k2', 'a=b,c'],
    ['k3', ''],
  ]);
});

test('text keys: commas or lines', () => {
  expect(shown(readKeys(bytesOf('a,b\nc,,\n'), ''))).toEqual([
    ['a', null],
    ['b', null],
    ['c', null],
  ]);
});

test('JSON: arrays, objects, base64', () => {
  const items = '[{"Key":"a","Value":"ü"},{"KeyBase64":"/w==","ValueBase64":"AAE"}]';
  const expected = [
    ['a', Buffer.from('ü').toString('latin1')],
    ['\xff', '\0\x01'],
  ];
  expect(shown(readPuts(bytesOf(items), `${json}; charset=utf-8`))).toEqual(expected);
  expect(shown(readPuts(bytesOf(`{"items":${items}}`), json))).toEqual(expected);
  const keys = '["a",{"KeyBase64":"/w=="}]';
  expect(shown(readKeys(bytesOf(`{"keys":${keys}}`), json))).toEqual([
    ['a', null],
    ['\xff', null],
  ]);
});

test.each([
  ['nothing', '', '', 'the body has no entries'],
  ['no =', '', 'a=b\nc', 'bad pair on line 2: no "="; nothing was applied'],
  ['no key', '', '=b', 'bad pair on line 1: key is empty; nothing was applied'],
  ['cut JSON', json, '[{"Key":"a"', 'cannot read JSON body'],
  ['no array', json, '{"a":1}', 'neither an array nor an object with an array "items"'],
  ['no value', json, '[{"Key":"a"}]', 'entry 0 has no "Value"'],
  ['a number', json, '[{"Key":1,"Value":"b"}]', 'entry 0: "Key" is not a string'],
  ['both', json, '[{"Key":"a","KeyBase64":"YQ==","Value":""}]', 'both "Key" and "KeyBase64"'],
  ['not base64', json, '[{"KeyBase64":"a b","Value":""}]', '"KeyBase64" is not base64'],
  ['a condition', json, '[{"Key":"a","Value":"b","IfAbsent":true}]', 'not implemented'],
  ['cut binary', binaryType, '\x01\x05\0\0\0ab', 'the body is cut in entry 0'],
  ['unknown operation', binaryType, '\x09', 'entry 0: unknown operation 9'],
])('%s is refused', (_, type, body, message) => {
  expect(() => readPuts(new Uint8Array(Buffer.from(body, 'latin1')), type)).toThrow(message);
});

test('a key or value that is too long is refused with its place', () => {
  const long = 'k'.repeat(65_537);
  expect(() => readPuts(bytesOf(`a=b\n${long}=c`), '')).toThrow(
    'bad pair on line 2: key is too long: 65537 bytes, at most 65536; nothing was applied',
  );
});

test('binary carries everything', async () => {
  const entry = fc.tuple(
    fc.uint8Array({ minLength: 1, maxLength: 9 }),
    fc.option(fc.uint8Array({ maxLength: 9 }), { nil: undefined }),
  );
  const u32 = (value: number) => Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
  await fc.assert(
    fc.property(fc.array(entry, { minLength: 1 }), (entries) => {
      const body = Buffer.concat(
        entries.flatMap(([key, value]) => [
          Uint8Array.of(value === undefined ? 2 : 1),
          u32(key.length),
          key,
          ...(value === undefined ? [] : [u32(value.length), value]),
        ]),
      );
      const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
      expect(shown(readPuts(body, binaryType))).toEqual(
        entries.map(([key, value]) => [text(key), value === undefined ? null : text(value)]),
      );
    }),
  );
});

/** With a field that the quick way does not know, so that JSON.parse reads it. */
function readSlowly(entries: readonly Readonly<Record<string, string>>[]): string {
  const read = entries.map((entry) => JSON.stringify({ ...entry, more: 1 }));
  return outcomeOf(`[${read.join(',')}]`);
}

function outcomeOf(body: string): string {
  try {
    return JSON.stringify(shown(readPuts(bytesOf(body), json)));
  } catch (error) {
    return String(error);
  }
}

// Goal: JSON that is read byte by byte says what it says to JSON.parse. Method: fields of all kinds, plain and not.
test('JSON in its plain form is read as any other', async () => {
  const digits = [...'ABYZabyz0189+/-_'];
  const base64 = fc.oneof(
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    fc.string({ unit: fc.constantFrom(...digits), maxLength: 7 }),
    fc
      .tuple(fc.string({ unit: fc.constantFrom(...digits), maxLength: 7 }), fc.nat(3))
      .map(([text, pads]) => text + '='.repeat(pads)),
    fc.constantFrom('a=b', 'a b', 'é', 'QQ==Q'),
  );
  const text = fc.oneof(
    fc.string({ maxLength: 5 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom('"', '\\', '\n', 'ü', '\x7f', '', ' ', '}],'),
  );
  const entry = fc.record(
    { Key: text, KeyBase64: base64, Value: text, ValueBase64: base64 },
    { requiredKeys: [] },
  );
  const isUsual = (one: Readonly<Record<string, string>>) =>
    ('Key' in one ? 1 : 0) + ('KeyBase64' in one ? 1 : 0) === 1 &&
    ('Value' in one ? 1 : 0) + ('ValueBase64' in one ? 1 : 0) === 1;
  const entries = fc.array(fc.oneof(entry.filter(isUsual), entry), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.property(entries, fc.constantFrom(0, 1), (list, indent) => {
      expect(outcomeOf(JSON.stringify(list, undefined, indent))).toBe(readSlowly(list));
    }),
    { numRuns: 500 },
  );
});

test('a field that comes twice, in the plain form, counts once', () => {
  const twice = '[{"Key":"a","Key":"b","Value":"c","Value":"d"}]';
  expect(shown(readPuts(bytesOf(twice), json))).toEqual([['b', 'd']]);
  expect(outcomeOf('[{"Key":"a","Value":"b"}] x')).toContain('cannot read JSON body');
  expect(outcomeOf('[{"Key":"a","Value":"b"},]')).toContain('cannot read JSON body');
});

test('keys in the plain form are read as any other', async () => {
  const names = fc.array(fc.oneof(fc.string(), fc.constantFrom('a', 'ü', '"')), { minLength: 1 });
  await fc.assert(
    fc.property(names, (list) => {
      const read = (body: string) => {
        try {
          return shown(readKeys(bytesOf(body), json));
        } catch (error) {
          return String(error);
        }
      };
      expect(read(JSON.stringify(list))).toEqual(read(JSON.stringify({ keys: list })));
    }),
  );
});

/**
 * Goal: answers in JSON carry every byte and are JSON, whatever keys and values hold.
 * Method: random rows of ASCII, UTF-8 and bytes that are neither, read back with JSON.parse.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KvRowsBlock } from '../../../../src/broker/key-values.ts';
import { renderGet, renderList } from '../../../../src/http/routes/kv-answers.ts';
import { listOf } from '../../../../src/model/key-list.ts';

interface Item {
  readonly Key?: string;
  readonly KeyBase64?: string;
  readonly Value?: string | null;
  readonly ValueBase64?: string;
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 70 }),
  fc.string({ maxLength: 70 }).map((text) => new Uint8Array(Buffer.from(text))),
  fc.string({ unit: 'grapheme', maxLength: 9 }).map((text) => new Uint8Array(Buffer.from(text))),
  fc
    .constantFrom('"', '\\', '\n', '\ufeffa', '\x7f', '')
    .map((text) => new Uint8Array(Buffer.from(text))),
);

function hexOf(text: string | undefined, base64: string | undefined): string {
  return Buffer.from(text ?? base64 ?? '', text === undefined ? 'base64' : 'utf8').toString('hex');
}

function shown(items: readonly Item[]): (string | null)[][] {
  return items.map(({ Key, KeyBase64, Value, ValueBase64 }) => [
    hexOf(Key, KeyBase64),
    Value === null ? null : hexOf(Value, ValueBase64),
  ]);
}

const hex = (one: Uint8Array) => Buffer.from(one).toString('hex');

test('what get answers is what the keys hold', async () => {
  const rows = fc.array(fc.tuple(bytes, fc.option(bytes, { nil: undefined })), { minLength: 1 });
  await fc.assert(
    fc.property(rows, fc.boolean(), (list, isBase64) => {
      const keys = listOf(list.map(([key]) => key));
      const answer = { value: (i: number) => list[i]![1], appendTo: () => false };
      const items = JSON.parse(renderGet(keys, answer, isBase64).toString()) as Item[];
      expect(shown(items)).toEqual(
        list.map(([key, value]) => [hex(key), value === undefined ? null : hex(value)]),
      );
      if (isBase64) expect(items.every(({ Key }) => Key === undefined)).toBe(true);
    }),
  );
});

test('text is told as text, whatever stands beside it', () => {
  const keys = listOf([new Uint8Array(Buffer.from('schlüssel "1"'))]);
  const answer = { value: () => Uint8Array.of(0xff), appendTo: () => false };
  expect(renderGet(keys, answer, false).toString()).toBe(
    '[{"Key":"schlüssel \\"1\\"","ValueBase64":"/w=="}]\n',
  );
});

test('a list is one array over all its blocks', async () => {
  const rows = fc.array(fc.array(fc.tuple(bytes, bytes), { maxLength: 5 }), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(rows, fc.boolean(), async (lists, isBase64) => {
      async function* blocks(): AsyncGenerator<KvRowsBlock> {
        for (const list of lists) {
          yield {
            keys: listOf(list.map(([key]) => key)),
            values: listOf(list.map(([, value]) => value)),
          };
        }
      }
      const facts = { isBase64, limit: Number.POSITIVE_INFINITY, hasCursor: false };
      const pieces: Uint8Array[] = [];
      for await (const piece of renderList(blocks(), facts)) pieces.push(piece);
      const items = JSON.parse(Buffer.concat(pieces).toString()) as Item[];
      expect(shown(items)).toEqual(lists.flat().map(([key, value]) => [hex(key), hex(value)]));
    }),
  );
});

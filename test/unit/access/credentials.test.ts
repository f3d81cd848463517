/** The ways to say who one is, and which of them counts. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LoginOffer, readCredentials } from '../../../src/access/credentials.ts';

const nothing: LoginOffer = { urlUser: '', urlPassword: '', authorization: '', address: '' };

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

function read(offer: Partial<LoginOffer>) {
  return readCredentials({ ...nothing, ...offer });
}

const ann = { kind: 'password', name: 'ann', password: 'pw' };

test('each way alone', () => {
  expect(read({ urlUser: 'ann', urlPassword: 'pw' })).toEqual(ann);
  expect(read({ authorization: basic('ann', 'pw') })).toEqual(ann);
  expect(read({ authorization: basic('ann', 'pw').replace('Basic', 'bASIC') })).toEqual(ann);
  expect(read({ authorization: 'Token ann:pw' })).toEqual(ann);
  const spaced = { kind: 'password', name: 'ann', password: 'p w: x' };
  expect(read({ authorization: 'Token ann:p w: x' })).toEqual(spaced);
  expect(read({ authorization: 'Bearer a.b.c' })).toEqual({ kind: 'bearer', token: 'a.b.c' });
});

test('the URL comes before the header, but only with both a name and a password', () => {
  const authorization = basic('bob', 'x');
  expect(read({ urlUser: 'ann', urlPassword: 'pw', authorization })).toEqual(ann);
  expect(read({ urlUser: 'ann', authorization })).toMatchObject({ name: 'bob' });
  expect(read({ urlPassword: 'pw', authorization })).toMatchObject({ name: 'bob' });
  expect(read({ urlUser: 'ann' })).toBeUndefined();
});

test('what cannot be read counts as nothing', () => {
  for (const authorization of [
    'Basic',
    'Basic ',
    'Basic !!!!',
    'Basic YW5u',
    'Basic YW5uOnB3IA',
    'Token',
    'Token ann',
    'Bearer',
    'Bearer  a.b.c',
    'Bearer a.b.c d',
    'bearer a.b.c',
    'Digest username="ann"',
    `Basic ${'QUFB'.repeat(10_000)}`,
    `Basic ${'QUFB'.repeat(250_000)}!`,
    `Bearer ${'a'.repeat(1_000_000)}`,
    ' '.repeat(1_000_000),
  ]) {
    expect(read({ authorization }), authorization.slice(0, 40)).toBeUndefined();
  }
});

test('any name without a colon and any password come through Basic as they are', async () => {
  const name = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes(':'));
  await fc.assert(
    fc.property(name, fc.string({ unit: 'grapheme' }), (user, password) => {
      const authorization = basic(user, password);
      expect(read({ authorization })).toEqual({ kind: 'password', name: user, password });
    }),
  );
});

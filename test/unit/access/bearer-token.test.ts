/** Tokens signed with the shared secret, and everything that must not pass for one. */

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { readBearerToken } from '../../../src/access/bearer-token.ts';

const secret = Buffer.from('0123456789abcdef0123456789abcdef');
const nowMs = 1_700_000_000_000;
const soon = nowMs / 1000 + 60;
const hashes = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const;

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

interface Forged {
  readonly header?: object;
  readonly claims?: object;
  readonly hash?: string;
  readonly key?: Buffer;
}

function makeToken({ header, claims, hash = 'sha256', key = secret }: Forged = {}): string {
  const signed = [
    encode(header ?? { alg: 'HS256', typ: 'JWT' }),
    encode({ username: 'ann', exp: soon, ...claims }),
  ].join('.');
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`;
}

function read(token: string, key: Uint8Array = secret): Promise<string> {
  return readBearerToken(token, key, nowMs);
}

function refusal(token: string, key?: Uint8Array) {
  return read(token, key).then(
    (name) => `let in as ${name}`,
    ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
  );
}

test('HMAC with SHA-256, 384 and 512', async () => {
  for (const [alg, hash] of Object.entries(hashes)) {
    expect(await read(makeToken({ header: { alg }, hash }))).toBe('ann');
  }
});

test('without a secret nothing is let in, least of all what is signed with an empty one', async () => {
  const forged = makeToken({ key: Buffer.alloc(0) });
  expect(await refusal(forged, new Uint8Array(0))).toBe('unauthorized: bearer auth disabled');
  expect(await refusal(forged)).toBe('unauthorized: signature is invalid');
});

test('only the algorithms that are listed, whatever the token says', async () => {
  const unsigned = makeToken({ header: { alg: 'none' } }).replace(/[^.]*$/, '');
  expect(await refusal(unsigned)).toBe('unauthorized: unexpected signing method: none');
  for (const [header, message] of [
    [{ alg: 'RS256' }, 'unexpected signing method: RS256'],
    [{ alg: 'ES384' }, 'unexpected signing method: ES384'],
    [{ alg: 'None' }, 'signing method (alg) is unavailable.'],
    [{ alg: 'hs256' }, 'signing method (alg) is unavailable.'],
    [{ alg: 5 }, 'signing method (alg) is unspecified.'],
    [{}, 'signing method (alg) is unspecified.'],
    [{ alg: 'HS512' }, 'signature is invalid'],
  ] as const) {
    expect(await refusal(makeToken({ header })), message).toBe(`unauthorized: ${message}`);
  }
});

test('a changed byte anywhere ends it', async () => {
  const token = makeToken();
  for (let i = 0; i < token.length - 1; i++) {
    const other = token[i] === 'A' ? 'B' : 'A';
    const changed = token.slice(0, i) + other + token.slice(i + 1);
    expect(await refusal(changed), `byte ${i}`).toMatch(/^unauthorized: /);
  }
});

test('a time to end is required, and keeps', async () => {
  for (const [claims, message] of [
    [{ exp: undefined }, 'token expiration required'],
    [{ exp: '9999999999' }, 'token expiration required'],
    [{ exp: 0 }, 'token expiration required'],
    [{ exp: -1 }, 'Token is expired'],
    [{ exp: nowMs / 1000 - 1 }, 'Token is expired'],
    [{ nbf: soon }, 'Token is not valid yet'],
  ] as const) {
    expect(await refusal(makeToken({ claims })), message).toBe(`unauthorized: ${message}`);
  }
  expect(await read(makeToken({ claims: { exp: nowMs / 1000 } }))).toBe('ann');
});

test('the name is a text', async () => {
  for (const [claims, message] of [
    [{ username: 5 }, 'username in token must be a string'],
    [{ username: undefined }, 'username in token must be a string'],
    [{ username: ['ann'] }, 'username in token must be a string'],
    [{ username: '' }, 'token must contain a username'],
  ] as const) {
    expect(await refusal(makeToken({ claims })), message).toBe(`unauthorized: ${message}`);
  }
});

test('what is no token at all', async () => {
  const [header = '', claims = '', signature = ''] = makeToken().split('.');
  for (const token of ['', 'a', 'a.b', 'a.b.c.d']) {
    expect(await refusal(token)).toBe('unauthorized: token contains an invalid number of segments');
  }
  for (const token of [
    '..',
    `!.${claims}.${signature}`,
    `${encode([])}.${claims}.${signature}`,
    `${encode('HS256')}.${claims}.${signature}`,
    `${header}.${'x'.repeat(20_000)}.${signature}`,
  ]) {
    expect(await refusal(token), token.slice(0, 40)).toBe('unauthorized: token is malformed');
  }
  const listed = [header, encode([1])].join('.');
  const mac = createHmac('sha256', secret).update(listed).digest('base64url');
  expect(await refusal(`${listed}.${mac}`)).toBe('unauthorized: token is malformed');
});

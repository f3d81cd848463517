/** Users of every kind for tests of rights, and the ways they can say who they are. */

import { createHmac } from 'node:crypto';

export const testSecret = 'a shared secret of the tests, long enough';

export interface Person {
  /** '' = brings nothing that says who it is. */
  readonly name: string;
  readonly isAdmin: boolean;
  /** On the database `mine`; nobody has any on another one. */
  readonly rights: readonly ('READ' | 'WRITE')[];
}

export const people: readonly Person[] = [
  { name: '', isAdmin: false, rights: [] },
  { name: 'admin', isAdmin: true, rights: [] },
  { name: 'reader', isAdmin: false, rights: ['READ'] },
  { name: 'writer', isAdmin: false, rights: ['WRITE'] },
  { name: 'owner', isAdmin: false, rights: ['READ', 'WRITE'] },
  { name: 'stranger', isAdmin: false, rights: [] },
];

/** What makes them and their databases, the administrator first. */
export const peopleStatements: readonly string[] = [
  `CREATE USER admin WITH PASSWORD '${passwordOf('admin')}' WITH ALL PRIVILEGES`,
  'CREATE DATABASE mine',
  'CREATE DATABASE other',
  ...people
    .filter(({ name, isAdmin }) => name !== '' && !isAdmin)
    .map(({ name }) => `CREATE USER ${name} WITH PASSWORD '${passwordOf(name)}'`),
  'GRANT READ ON mine TO reader',
  'GRANT WRITE ON mine TO writer',
  'GRANT ALL ON mine TO owner',
];

export function passwordOf(name: string): string {
  return `${name}:pass w%rd`;
}

export interface LoginParts {
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** A token as somebody who knows the secret makes it. */
export function signToken(claims: object, secret = testSecret): string {
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function header(authorization: string): LoginParts {
  return { params: {}, headers: { authorization } };
}

export const loginWays: Readonly<Record<string, (name: string) => LoginParts>> = {
  url: (name) => ({ params: { u: name, p: passwordOf(name) }, headers: {} }),
  basic: (name) => header(`Basic ${Buffer.from(`${name}:${passwordOf(name)}`).toString('base64')}`),
  token: (name) => header(`Token ${name}:${passwordOf(name)}`),
  bearer: (name) => header(`Bearer ${signToken({ username: name, exp: 9_999_999_999 })}`),
};

export const noLogin: LoginParts = { params: {}, headers: {} };

/**
 * Passwords as scrypt hashes: `scrypt$N$r$p$salt$key`, salt and key in base64.
 *
 * The work runs on the thread pool, some 50 ms a hash. The costs stand in the text, so that they can rise
 * later without losing what is stored.
 */

import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { CitadelError } from '../../base/errors.ts';
import { encodeText } from '../../base/text.ts';
import type { Passwords } from '../env.ts';

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const cost: Cost = { N: 16_384, r: 8, p: 1 };
const saltSize = 16;
const keySize = 32;
/** Of fingerprints; made anew at every start. */
const fingerprintKey = randomBytes(32);
const pattern = /^scrypt\$(\d{1,8})\$(\d{1,4})\$(\d{1,4})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/;

function derive(password: string, salt: Buffer, { N, r, p }: Cost, size: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 256 * N * r };
    scrypt(encodeText(password), salt, size, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltSize);
  const key = await derive(password, salt, cost, keySize);
  const { N, r, p } = cost;
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64')}$${key.toString('base64')}`;
}

async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const match = pattern.exec(stored);
  if (match === null) throw new CitadelError('corrupt', 'cannot read a stored password');
  const [, N, r, p, salt = '', key = ''] = match;
  const expected = Buffer.from(key, 'base64');
  const used = { N: Number(N), r: Number(r), p: Number(p) };
  const actual = await derive(password, Buffer.from(salt, 'base64'), used, expected.length);
  return timingSafeEqual(actual, expected);
}

function fingerprint(texts: readonly string[]): string {
  return createHmac('sha256', fingerprintKey).update(JSON.stringify(texts)).digest('base64');
}

export const nodePasswords: Passwords = {
  hash: hashPassword,
  verify: verifyPassword,
  fingerprint,
};

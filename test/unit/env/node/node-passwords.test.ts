/** Passwords: salted, verifiable, never in clear. */

import { expect, test } from 'vitest';
import { nodePasswords } from '../../../../src/env/node/node-passwords.ts';

test('only the same password verifies', async () => {
  const stored = await nodePasswords.hash('secrét');
  expect(stored).not.toContain('secr');
  expect(await nodePasswords.verify('secrét', stored)).toBe(true);
  expect(await nodePasswords.verify('secret', stored)).toBe(false);
  expect(await nodePasswords.verify('', stored)).toBe(false);
});

test('equal passwords have different hashes', async () => {
  expect(await nodePasswords.hash('x')).not.toBe(await nodePasswords.hash('x'));
});

test('the costs of the text are used', async () => {
  const cheap = 'scrypt$1024$1$1$c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';
  expect(await nodePasswords.verify('x', cheap)).toBe(false);
});

test('other text is no password', async () => {
  await expect(nodePasswords.verify('x', 'x')).rejects.toThrow('cannot read a stored password');
});

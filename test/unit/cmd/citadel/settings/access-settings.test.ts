/** Settings of rights: what they mean, and secrets that are none. */

import { expect, test } from 'vitest';
import { readConfig } from '../../../../../cmd/citadel/config.ts';
import { UsageError } from '../../../../../cmd/flags/usage-error.ts';

const good = 'x'.repeat(32);
const files: Readonly<Record<string, string>> = {
  '/good': good,
  '/good-line': `${good}\n`,
  '/empty': '',
  '/blank': ' \n',
  '/short': 'x'.repeat(31),
  '/padded': `${'x'.repeat(31)}          \n`,
};

function read(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const config = readConfig({
    args,
    machine: { env: { HOME: '/home/ann', ...env }, memoryBytes: 8 * 2 ** 30, cores: 4 },
    version: '0.1.0',
    isTerminal: false,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`no such file: ${path}`);
      return text;
    },
  });
  if (typeof config === 'string') throw new Error(`expected a configuration, got ${config}`);
  return config.node.access;
}

test('everybody may do everything unless it is said otherwise, but nothing by GET', () => {
  expect(read([])).toEqual({
    isEnabled: false,
    asksAtPing: false,
    sharedSecret: '',
    allowChangesByGet: false,
  });
});

test('flags and environment', () => {
  const args = ['-auth-enabled', 'true', '-shared-secret-file', '/good-line'];
  const env = { CITADEL_PING_AUTH_ENABLED: 'true', CITADEL_ALLOW_CHANGES_BY_GET: 'true' };
  expect(read(args, env)).toEqual({
    isEnabled: true,
    asksAtPing: true,
    sharedSecret: good,
    allowChangesByGet: true,
  });
  expect(() => read(['-auth-enabled', 'yes'])).toThrow(UsageError);
});

test('a secret that is empty, short or not there stops the start, without being shown', () => {
  for (const path of ['/empty', '/blank', '/short', '/padded', '/missing']) {
    const start = () => read(['-shared-secret-file', path]);
    expect(start, path).toThrow(UsageError);
    expect(start, path).toThrow(/-shared-secret-file/);
    expect(start, path).not.toThrow(/xxx/);
  }
  expect(read(['-shared-secret-file', '/good']).sharedSecret).toBe(good);
});

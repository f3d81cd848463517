/** Which addresses are this machine, and which count as one client. */

import { expect, test } from 'vitest';
import { isLoopback, networkOf } from '../../../src/access/address.ts';

test('loopback in all its forms, and nothing else', () => {
  for (const address of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) {
    expect(isLoopback(address), address).toBe(true);
  }
  for (const address of ['', '10.0.0.1', '::', 'fe80::1%lo', '128.0.0.1', '::ffff:10.0.0.1']) {
    expect(isLoopback(address), address).toBe(false);
  }
});

test('an IPv6 client is its network of 64 bits, an IPv4 client its address', () => {
  expect(networkOf('2001:db8:0:1::1')).toBe('2001:db8:0:1::/64');
  expect(networkOf('2001:0db8:0000:0001:ffff:1:2:3')).toBe('2001:db8:0:1::/64');
  expect(networkOf('2001:db8::1:0:0:1')).toBe('2001:db8:0:0::/64');
  expect(networkOf('::1')).toBe('0:0:0:0::/64');
  expect(networkOf('::ffff:10.0.0.1')).toBe('10.0.0.1');
  expect(networkOf('10.0.0.1')).toBe('10.0.0.1');
});

/** Addresses of nodes. */

import { expect, test } from 'vitest';
import { addressOf } from '../../../../src/rpc/client/address.ts';

test.each([
  ['http://127.0.0.1:7087', '127.0.0.1:7087'],
  ['http://node1:7087/', 'node1:7087'],
  ['https://[::1]:7087', '[::1]:7087'],
  ['http://node1', 'node1:80'],
  ['https://node1', 'node1:443'],
])('%s is %s', (url, address) => {
  expect(addressOf(url)).toBe(address);
});

test.each(['', 'node1:7087', 'ftp://x:1', 'http://', 'unix:///tmp/x'])('%s is none', (url) => {
  expect(() => addressOf(url)).toThrow('cannot use address');
});

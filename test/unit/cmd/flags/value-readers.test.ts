/** Values people type: addresses, sizes, durations, numbers. */

import { expect, test } from 'vitest';
import {
  readDurationMs,
  readInteger,
  readListenAddress,
  readSize,
} from '../../../../cmd/flags/value-readers.ts';

test.each([
  [':7086', '', 7086],
  ['127.0.0.1:80', '127.0.0.1', 80],
  ['localhost:0', 'localhost', 0],
  ['[::1]:7086', '::1', 7086],
  ['[::]:65535', '::', 65535],
])('address %s', (text, host, port) => {
  expect(readListenAddress(text)).toEqual({ host, port });
});

test.each([
  '',
  '7086',
  'localhost',
  '::1:80',
  'http://a:1',
  'a:65536',
  'a:-1',
  '[::1]',
  'a b:1',
])('no address: "%s"', (text) => {
  expect(() => readListenAddress(text)).toThrow('expected HOST:PORT');
});

test.each([
  ['0', 0],
  ['25000000', 25_000_000],
  ['512MiB', 512 * 2 ** 20],
  ['512mb', 512 * 2 ** 20],
  ['1.5g', 1.5 * 2 ** 30],
  ['2k', 2048],
  ['100B', 100],
  ['25%', 250],
])('size %s', (text, bytes) => {
  expect(readSize(text, 1000)).toBe(bytes);
});

test.each(['', '-1', '1x', 'm', '1 2', '101%', '1e9'])('no size: "%s"', (text) => {
  expect(() => readSize(text, 1000)).toThrow('expected a size');
});

test('a share needs a whole', () => {
  expect(() => readSize('25%')).toThrow('expected a size');
});

test.each([
  ['0', 0],
  ['500ms', 500],
  ['10s', 10_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
])('duration %s', (text, ms) => {
  expect(readDurationMs(text)).toBe(ms);
});

test.each(['', '5', 's', '1d', '-1s', '1s 2s', '1000h'])('no duration: "%s"', (text) => {
  expect(() => readDurationMs(text)).toThrow('expected a duration');
});

test('whole numbers keep their range', () => {
  expect(readInteger('64', { min: 1, max: 64 })).toBe(64);
  expect(() => readInteger('65', { min: 1, max: 64 })).toThrow('a whole number, 1 to 64');
  expect(() => readInteger('1.5', { min: 1, max: 64 })).toThrow('a whole number');
});

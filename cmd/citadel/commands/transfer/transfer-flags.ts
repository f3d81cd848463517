/** Flags that export and import have in common: servers, users, times. */

import { readFileSync } from 'node:fs';
import { allTime, maxTime, minTime } from '../../../../src/model/time.ts';
import { describeError } from '../../../client/http.ts';
import type { FlagTexts } from '../../../flags/parse-flags.ts';
import { UsageError } from '../../../flags/usage-error.ts';
import { lastOf, listOf, readFlag, type ToolFlag } from '../tool.ts';
import { allTimes, type Span } from './schema.ts';

export const defaultUrl = 'http://127.0.0.1:7086';
export const chunkRowsDefault = 5_000;

export const accessFlags: readonly ToolFlag[] = [
  { name: 'user', value: 'NAME', help: 'who asks [$INFLUX_USERNAME]' },
  {
    name: 'password-file',
    value: 'FILE',
    help: 'file with the password of -user [the password is $INFLUX_PASSWORD]',
  },
];

export const spanFlags: readonly ToolFlag[] = [
  { name: 'from', value: 'TIME', help: 'first time: 2006-01-02T15:04:05Z, or nanoseconds' },
  { name: 'until', value: 'TIME', help: 'points at this time and later are left out' },
];

function readUrl(text: string): string {
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '');
  throw new UsageError(`expected a URL such as ${defaultUrl}`);
}

/** One or more, repeated or with commas. @throws UsageError */
export function readUrls(flags: FlagTexts, name: string): string[] {
  const given = listOf(flags, name);
  return (given.length === 0 ? [defaultUrl] : given).map((text) => {
    try {
      return readUrl(text);
    } catch (error) {
      throw new UsageError(`bad value "${text}" for -${name}: ${describeError(error)}`);
    }
  });
}

function readPasswordFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`cannot read the password: ${describeError(error)}`);
  }
}

/** The header that says who asks; none without a user. `prefix`: '' or 'from-'. @throws UsageError */
export function readAccess(flags: FlagTexts, prefix: string): Readonly<Record<string, string>> {
  const own = prefix === '' ? process.env : {};
  const user = lastOf(flags, `${prefix}user`) ?? own.INFLUX_USERNAME ?? '';
  const file = lastOf(flags, `${prefix}password-file`);
  const password = file === undefined ? (own.INFLUX_PASSWORD ?? '') : readPasswordFile(file);
  if (user === '') return {};
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

const fullTime = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/;

/** ns since the epoch. @throws UsageError */
export function readTime(text: string): bigint {
  if (/^-?\d{1,19}$/.test(text)) {
    const time = BigInt(text);
    if (time >= minTime && time <= maxTime + 1n) return time;
  }
  const [, day, clock = 'T00:00:00', fraction = '', zone = 'Z'] = fullTime.exec(text) ?? [];
  const wholeMs = Date.parse(`${day}${clock}${zone}`);
  if (Number.isNaN(wholeMs)) {
    throw new UsageError('expected a time such as 2006-01-02T15:04:05Z, or nanoseconds');
  }
  return BigInt(wholeMs) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** @throws UsageError */
export function readSpan(flags: FlagTexts): Span {
  const from = readFlag(flags, 'from', readTime, allTimes.from);
  const until = readFlag(flags, 'until', readTime, allTimes.until);
  if (from >= until) throw new UsageError('-from is not before -until');
  return { from: from < allTime.min ? allTime.min : from, until };
}

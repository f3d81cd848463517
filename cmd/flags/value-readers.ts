/**
 * Readers of flag values: text -> value, or an error that says what was expected.
 *
 * A reader throws `UsageError` with the expected form only; the caller adds which flag it was.
 */

import { UsageError } from './usage-error.ts';

const portMax = 65_535;

export interface ListenAddress {
  /** '' = all addresses. */
  readonly host: string;
  readonly port: number;
}

export function readListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([A-Za-z0-9._-]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > portMax) {
    throw new UsageError('expected HOST:PORT or :PORT, such as 127.0.0.1:7086 or [::1]:7086');
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

/** `range` bounds are included. */
export function readInteger(text: string, range: { min: number; max: number }): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < range.min || value > range.max) {
    const upTo = range.max === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${range.max}`;
    throw new UsageError(`expected a whole number, ${range.min} ${upTo}`);
  }
  return value;
}

export function readChoice<T extends string>(text: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw new UsageError(`expected one of ${choices.join(', ')}`);
  return choice;
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** `500ms`, `1s`, `1m30s`, `2h`, or `0`. The longest timer Node can keep is 2^31-1 ms. */
export function readDurationMs(text: string): number {
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const total = parts.reduce((sum, part) => sum + Number(part[1]) * durationUnits[part[2]!]!, 0);
  const covered = parts.map((part) => part[0]).join('');
  if (covered !== text || text === '' || total > 2 ** 31 - 1) {
    throw new UsageError('expected a duration, such as 500ms, 10s or 1m30s');
  }
  return Math.round(total);
}

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** Bytes: `25000000`, `512MiB`, `2g` (1024-based), or `25%` of `whole` when that is given. */
export function readSize(text: string, whole?: number): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt]?)(?:i?b)?|(%))$/i.exec(text.trim());
  const amount = Number(match?.[1]);
  const isShare = match?.[3] !== undefined;
  if (match === null || (isShare && (whole === undefined || amount > 100))) {
    const share = whole === undefined ? '' : ', or a share of the memory such as 25%';
    throw new UsageError(`expected a size in bytes, such as 25000000, 512MiB or 2GiB${share}`);
  }
  if (isShare) return Math.floor(((whole ?? 0) * amount) / 100);
  return Math.floor(amount * sizeUnits[(match[2] ?? '').toLowerCase()]!);
}

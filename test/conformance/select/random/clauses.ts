/** Conditions, groups, windows and paging at random. */

import type { Dice } from './dice.ts';
import { type Subject, tagKeysOf } from './subjects.ts';

const second = 1_000_000_000n;

function literalOf(dice: Dice, time: bigint): string {
  if (time % second !== 0n) return String(time);
  return dice.weighted([
    [4, () => `${time / second}s`],
    [2, () => String(time)],
    [1, () => `'${new Date(Number(time / 1_000_000n)).toISOString()}'`],
  ]);
}

function below(dice: Dice, limit: bigint): bigint {
  return BigInt(Math.floor(dice.roll() * Number(limit)));
}

/** Whole seconds where the span is long. */
function rounded(time: bigint, length: bigint): bigint {
  return length < 100n * second ? time : time - (time % second);
}

export function timeBounds(dice: Dice, { span }: Subject): string[] {
  if (span === undefined) return [];
  const [from, until] = span;
  const length = until - from;
  const low = rounded(from - length / 10n + below(dice, length), length);
  const high = rounded(low + length / 20n + 1n + below(dice, length), length);
  return [
    `time ${dice.pick(['>=', '>='])} ${literalOf(dice, low)}`,
    `time ${dice.pick(['<', '<='])} ${literalOf(dice, high)}`,
  ];
}

function quote(value: string): string {
  return `'${value}'`;
}

export function tagCondition(dice: Dice, tags: Subject['tags']): string {
  const [key, values] = dice.pick(Object.entries(tags));
  if (dice.chance(0.4)) {
    const pattern = dice.pick([
      '/a/',
      '/^.$/',
      '/[0-5]/',
      '/^$/',
      '/e|u/',
      '/.*/',
      '/(?i)A/',
      '/\\d+/',
    ]);
    return `${key} ${dice.pick(['=~', '!~'])} ${pattern}`;
  }
  return `${key} ${dice.pick(['=', '!=', '<>'])} ${quote(dice.pick(values))}`;
}

function fieldCondition(dice: Dice, subject: Subject): string {
  const { numbers, strings, booleans } = subject;
  return dice.weighted([
    [
      numbers.length * 3,
      () => {
        const value = dice.pick(['-10', '0', '5', '20.5', '50', '100', '1000']);
        const left = dice.pick([dice.pick(numbers), `${dice.pick(numbers)} * 2`]);
        return `${left} ${dice.pick(['>', '<', '>=', '<=', '!=', '='])} ${value}`;
      },
    ],
    [
      strings.length,
      () => {
        const test = dice.pick(["= 's1'", "!= 's2'", '=~ /[0-2]/', "= 'even'", '!~ /d/', "= ''"]);
        return `${dice.pick(strings)} ${test}`;
      },
    ],
    [
      booleans.length,
      () => `${dice.pick(booleans)} ${dice.pick(['=', '!='])} ${dice.pick(['true', 'false'])}`,
    ],
  ]);
}

export function condition(dice: Dice, subject: Subject, depth = 2): string {
  if (depth > 0 && dice.chance(0.35)) {
    const op = dice.pick([' AND ', ' OR ']);
    return `(${condition(dice, subject, depth - 1)}${op}${condition(dice, subject, depth - 1)})`;
  }
  if (tagKeysOf(subject).length > 0 && dice.chance(0.5)) return tagCondition(dice, subject.tags);
  return fieldCondition(dice, subject);
}

export function where(dice: Dice, subject: Subject, timed: boolean): string[] {
  const bounds = timed ? timeBounds(dice, subject) : [];
  return dice.chance(0.45) ? [...bounds, condition(dice, subject)] : bounds;
}

export function groups(dice: Dice, subject: Subject): string[] {
  const tags = tagKeysOf(subject);
  if (tags.length === 0 || dice.chance(0.2)) return ['*'];
  if (dice.chance(0.1)) return ['/./'];
  if (dice.chance(0.1)) return [`/^${dice.pick(['h', 'r', 'k', 'a', 't'])}/`];
  return [...new Set(dice.some([...tags, 'nosuch'], 2))];
}

/** Every series alone. */
export function everySeries(subject: Subject): string[] {
  return tagKeysOf(subject).length === 0 ? [] : ['*'];
}

/** `time(...)`, of as many windows as asked for, about. */
export function windowOf(dice: Dice, { span }: Subject, count: number): string {
  const [from, until] = span ?? [0n, second];
  const length = (until - from) / BigInt(count);
  const interval = length > second ? length / second : 0n;
  const text = interval > 0n ? `${interval}s` : `${length > 0n ? length : 1n}ns`;
  if (dice.chance(0.8)) return `time(${text})`;
  const offset = interval > 0n ? `${below(dice, interval * 2n)}s` : '1ns';
  return `time(${text}, ${dice.pick(['', '-'])}${offset})`;
}

export function fill(dice: Dice): string {
  if (dice.chance(0.4)) return '';
  return `fill(${dice.pick(['null', 'none', 'previous', 'linear', '0', '7', '-1.5'])})`;
}

export interface Page {
  readonly limit: number;
  readonly offset: number;
}

export function page(dice: Dice): Page {
  if (dice.chance(0.65)) return { limit: 0, offset: 0 };
  return { limit: 1 + dice.below(10), offset: dice.chance(0.3) ? dice.below(6) : 0 };
}

/** Flags with one dash or two, values after a space or `=`, and helpful refusals. */

import { expect, test } from 'vitest';
import { type FlagSyntax, parseFlags } from '../../../../cmd/flags/parse-flags.ts';
import { countEdits, suggest } from '../../../../cmd/flags/suggest.ts';
import { UsageError } from '../../../../cmd/flags/usage-error.ts';

const flags: readonly FlagSyntax[] = [
  { name: 'db' },
  { name: 'http' },
  { name: 'max-body-size' },
  { name: 'help', alias: 'h', isSwitch: true },
];

function parse(...args: string[]) {
  return Object.fromEntries(parseFlags(args, flags));
}

test.each([
  ['-db', 'x'],
  ['--db', 'x'],
  ['-db=x'],
  ['--db=x'],
])('all four ways to give a value are the same: %s %s', (...args) => {
  expect(parse(...args)).toEqual({ db: ['x'] });
});

test('repeated flags keep their order, values may contain = and start with a dash', () => {
  expect(parse('-db', 'a=b', '--db=-c', '-db', '-1')).toEqual({ db: ['a=b', '-c', '-1'] });
});

test('switches take no value but understand =false', () => {
  expect(parse('-h', '-db', 'x')).toEqual({ help: ['true'], db: ['x'] });
  expect(parse('--help=false')).toEqual({ help: ['false'] });
  expect(() => parse('-help=7')).toThrow('flag -help takes no value');
});

test.each([
  [['-htpp', ':1'], 'unknown flag -htpp; did you mean -http?'],
  [['--max-body'], 'unknown flag --max-body; did you mean -max-body-size?'],
  [['--max_body_size=1'], 'unknown flag --max_body_size; did you mean -max-body-size?'],
  [['-zzzzzz'], 'unknown flag -zzzzzz'],
  [['-db'], 'flag -db needs a value'],
  [['-db', '-http', ':1'], 'flag -db needs a value'],
  [['data'], 'unexpected argument "data"; flags start with a dash'],
])('%j is refused in one clear line', (args, message) => {
  expect(() => parse(...args)).toThrow(new UsageError(message));
});

test('edits count inserts, deletions, replacements and swaps', () => {
  expect(countEdits('', 'abc')).toBe(3);
  expect(countEdits('http', 'htpp')).toBe(1);
  expect(countEdits('htpt', 'http')).toBe(1);
  expect(countEdits('kitten', 'sitting')).toBe(3);
});

test('nothing close gives no suggestion', () => {
  expect(suggest('completely', ['db', 'http'])).toBeUndefined();
});

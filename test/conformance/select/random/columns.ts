/** Field lists at random: plain columns, arithmetic, mathematics, casts, calls. */

import type { Dice } from './dice.ts';
import { fieldsOf, type Subject, tagKeysOf } from './subjects.ts';

const aggregates = ['count', 'sum', 'mean', 'min', 'max', 'spread', 'stddev', 'median'];
const selectors = ['min', 'max', 'first', 'last'];
/** With what follows the first argument. */
const transformations: readonly (readonly [name: string, rest: string])[] = [
  ['derivative', ''],
  ['derivative', ', 10s'],
  ['non_negative_derivative', ''],
  ['non_negative_derivative', ', 1m'],
  ['difference', ''],
  ['non_negative_difference', ''],
  ['cumulative_sum', ''],
  ['elapsed', ', 1s'],
  ['elapsed', ''],
  ['moving_average', ', 2'],
  ['moving_average', ', 5'],
  ['exponential_moving_average', ', 3'],
  ['exponential_moving_average', ", 4, 1, 'simple'"],
  ['double_exponential_moving_average', ', 3'],
  ['double_exponential_moving_average', ", 2, -1, 'simple'"],
  ['triple_exponential_moving_average', ', 2, 0'],
  ['relative_strength_index', ', 2'],
  ['relative_strength_index', ", 3, 1, 'simple'"],
  ['triple_exponential_derivative', ', 3'],
  ['kaufmans_efficiency_ratio', ', 3'],
  ['kaufmans_efficiency_ratio', ', 2, 0'],
  ['kaufmans_adaptive_moving_average', ', 3'],
  ['chande_momentum_oscillator', ', 3'],
  ['chande_momentum_oscillator', ", 3, -1, 'exponential'"],
];
/** `x` is the number. Their results are finite for all the data there is. */
const mathCalls = [
  'sqrt(x)',
  'floor(x)',
  'ceil(x)',
  'round(x)',
  'sin(x)',
  'cos(x)',
  'atan(x)',
  'exp(x / 1000000.0)',
  'ln(x + 1000000.0)',
  'log2(x + 1000000.0)',
  'log10(x + 1000000.0)',
  'log(x + 1000000.0, 3)',
  'pow(x, 2)',
  'atan2(x, 3)',
  'floor(x * 10) / 10',
  'asin(x / 1000000.0)',
];
const arithmetic = [
  'x + 1',
  'x * 2',
  '-x',
  'x / 3',
  '100 - x',
  'x * 0.5',
  '(x + 1) * (x - 1)',
  'x - x',
  'x / 0',
  '+x',
];
const bitwise = ['x & 7', 'x | 1', 'x ^ 255', 'x % 7', 'x / 2'];

const percents = ['1', '50', '75', '95', '99.9', '100'];

export function arithmeticOf(dice: Dice, { numbers, integers }: Subject): string {
  if (integers.length > 0 && dice.chance(0.2)) {
    return dice.pick(bitwise).replaceAll('x', dice.pick(integers));
  }
  const form = dice.pick(dice.chance(0.5) ? arithmetic : mathCalls);
  return form.replace(/\bx\b/g, () => dice.pick(numbers));
}

function castOf(dice: Dice, subject: Subject): string {
  const field = dice.pick(fieldsOf(subject));
  return `${field}::${dice.pick(['float', 'integer', 'string', 'boolean', 'field'])}`;
}

/** Some columns as they are; at least one field among them. */
export function plainColumns(dice: Dice, subject: Subject): string[] {
  const fields = fieldsOf(subject);
  if (dice.chance(0.15)) return [dice.pick(['*', '*', '*::field', '/./'])];
  const columns = dice.some(fields, 3);
  if (subject.numbers.length > 0 && dice.chance(0.4)) columns.push(arithmeticOf(dice, subject));
  if (dice.chance(0.15)) columns.push(castOf(dice, subject));
  if (dice.chance(0.3)) columns.push(dice.pick([...tagKeysOf(subject), 'nosuch']));
  if (dice.chance(0.1)) columns.push(`${dice.pick(fields)} AS renamed`);
  return columns;
}

function callOf(dice: Dice, subject: Subject): string {
  const { numbers, hasTies = false, isExtreme = false } = subject;
  const fields = fieldsOf(subject);
  if (numbers.length === 0) return `${dice.pick(['count', 'first', 'last'])}(${dice.pick(fields)})`;
  if (isExtreme) return `${dice.pick(['min', 'max', 'first', 'last'])}(${dice.pick(numbers)})`;
  return dice.weighted([
    [6, () => `${dice.pick(aggregates)}(${dice.pick(numbers)})`],
    [
      2,
      () =>
        hasTies ? `max(${dice.pick(numbers)})` : `${dice.pick(selectors)}(${dice.pick(numbers)})`,
    ],
    [1, () => `count(${dice.pick(fields)})`],
    [1, () => `count(distinct(${dice.pick(fields)}))`],
  ]);
}

/** Several aggregates. */
export function calls(dice: Dice, subject: Subject): string[] {
  return Array.from({ length: 1 + dice.below(3) }, () => callOf(dice, subject));
}

function topOf(dice: Dice, subject: Subject): string[] {
  const tags = dice.chance(0.5) ? dice.some(tagKeysOf(subject), 2).filter(Boolean) : [];
  const list = [...new Set(tags)].map((tag) => `, ${tag}`).join('');
  const name = dice.pick(['top', 'bottom']);
  return [`${name}(${dice.pick(subject.numbers)}${list}, ${1 + dice.below(5)})`];
}

/** Field lists with calls, windows or not. */
export function callColumns(dice: Dice, subject: Subject): string[] {
  const { numbers, hasTies = false, isExtreme = false } = subject;
  const fields = fieldsOf(subject);
  if (numbers.length === 0 || isExtreme) return calls(dice, subject);
  return dice.weighted<string[]>([
    [8, () => calls(dice, subject)],
    [1, () => [`distinct(${dice.pick(fields)})`]],
    [2, () => [`${dice.pick(aggregates)}(*)`]],
    [1, () => [`${dice.pick(['mean', 'max', 'count'])}(/./)`]],
    [2, () => [combined(dice, numbers)]],
    ...(hasTies
      ? []
      : ([
          [2, () => [`${dice.pick(selectors)}(${dice.pick(numbers)})`, ...beside(dice, subject)]],
          [1.5, () => topOf(dice, subject)],
          [1, () => [`percentile(${dice.pick(numbers)}, ${dice.pick(percents)})`]],
        ] as const)),
  ]);
}

function beside(dice: Dice, subject: Subject): string[] {
  return dice.some([...fieldsOf(subject), ...tagKeysOf(subject)], 2);
}

function combined(dice: Dice, numbers: readonly string[]): string {
  const call = () => `${dice.pick(['min', 'max', 'mean', 'count', 'sum'])}(${dice.pick(numbers)})`;
  return dice.pick([
    () => `${call()} ${dice.pick(['-', '+', '*', '/'])} ${call()}`,
    () => `floor(${call()})`,
    () => `${call()} * 2 + 1`,
    () => `sqrt(${call()})`,
    () => `(${call()} - ${call()}) / 2`,
  ])();
}

/** A transformation of a field, or of a call where one is given. */
export function transformation(dice: Dice, argument: string): string {
  const [name, rest] = dice.pick(transformations);
  return `${name}(${argument}${rest})`;
}

/** Values that come exact out of the aggregate, so that the search for a forecast goes the same way. */
export function forecast(dice: Dice, numbers: readonly string[]): string {
  const name = dice.pick(['holt_winters', 'holt_winters_with_fit']);
  const call = `${dice.pick(['max', 'min', 'first', 'count'])}(${dice.pick(numbers)})`;
  return `${name}(${call}, ${1 + dice.below(5)}, ${dice.pick(['0', '1', '2', '3', '4'])})`;
}

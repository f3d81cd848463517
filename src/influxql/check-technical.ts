/** Arguments of the technical analysis functions: a field, a period, maybe a hold period and a warm-up. */

import type { Call, Expr } from './ast.ts';
import { checkCount, checkTransformation } from './check-arguments.ts';
import { type FieldState, fail } from './check-state.ts';

interface TechnicalRule {
  readonly argumentCountMax: number;
  /** Legal names of the fourth argument. */
  readonly warmups: readonly string[];
}

const exponential: TechnicalRule = { argumentCountMax: 4, warmups: ['exponential', 'simple'] };
const kaufman: TechnicalRule = { argumentCountMax: 3, warmups: [] };

const rules: ReadonlyMap<string, TechnicalRule> = new Map([
  ['exponential_moving_average', exponential],
  ['double_exponential_moving_average', exponential],
  ['triple_exponential_moving_average', exponential],
  ['relative_strength_index', exponential],
  ['triple_exponential_derivative', exponential],
  ['kaufmans_efficiency_ratio', kaufman],
  ['kaufmans_adaptive_moving_average', kaufman],
  [
    'chande_momentum_oscillator',
    { argumentCountMax: 4, warmups: ['none', 'exponential', 'simple'] },
  ],
]);

export function isTechnical(name: string): boolean {
  return rules.has(name);
}

export function checkTechnical(field: FieldState, call: Call): void {
  const { name, args } = call;
  const rule = rules.get(name);
  if (rule === undefined) return;
  const [, period, hold, warmup] = args;
  const fits = args.length >= 2 && args.length <= rule.argumentCountMax;
  const expected = `at least 2 but no more than ${rule.argumentCountMax}`;
  checkCount(fits, name, expected, args.length);
  if (period?.kind !== 'integer') throw fail(`${name} period must be an integer`);
  if (period.value < 1n) throw fail(`${name} period must be greater than or equal to 1`);
  if (hold !== undefined) checkHold(name, hold);
  if (warmup !== undefined) checkWarmup(name, warmup, rule.warmups);
  checkTransformation(field, call, Number(period.value), field.checkExpr);
}

function checkHold(name: string, hold: Expr): void {
  if (hold.kind !== 'integer') throw fail(`${name} hold period must be an integer`);
  if (hold.value === -1n) return;
  if (name === 'triple_exponential_derivative' && hold.value < 1n) {
    throw fail(`${name} hold period must be greater than or equal to 1`);
  }
  if (hold.value < 0n) throw fail(`${name} hold period must be greater than or equal to 0`);
}

function checkWarmup(name: string, warmup: Expr, legal: readonly string[]): void {
  if (warmup.kind !== 'string') throw fail(`${name} warmup type must be a string`);
  if (legal.includes(warmup.value)) return;
  const list = legal.map((word) => `'${word}'`).join(' ');
  throw fail(`${name} warmup type must be one of: ${list}`);
}

/** The functions of this release: what they take and what they answer. */

import type { FieldType } from '../../model/field-type.ts';
import { invalid } from '../query-context.ts';

interface FunctionRule {
  readonly takes: 'number' | 'ordered' | 'any';
  /** 'same' = the type of the argument. */
  readonly answers: FieldType | 'same';
  /** It picks a row, whose other columns may come along. */
  readonly isSelector: boolean;
  /** It gives several rows a window, never filled. */
  readonly isMany: boolean;
  /** Rows keep the time they were picked at, in windows too. */
  readonly keepsTime?: boolean;
  /** It turns rows into rows, and may be applied to another call. */
  readonly isTransform?: boolean;
  /** Over windows it looks one further back than the query. */
  readonly needsEarlier?: boolean;
}

const one = { isSelector: false, isMany: false } as const;
const selector = { isSelector: true, isMany: false } as const;
const rows = { isSelector: true, isMany: true, keepsTime: true } as const;
const transform = { takes: 'number', isSelector: false, isMany: true, isTransform: true } as const;
const change = { ...transform, needsEarlier: true } as const;
const technical = { ...change, answers: 'float' } as const;

const rules: ReadonlyMap<string, FunctionRule> = new Map<string, FunctionRule>([
  ['count', { takes: 'any', answers: 'integer', ...one }],
  ['count-distinct', { takes: 'any', answers: 'integer', ...one }],
  ['sum', { takes: 'number', answers: 'same', ...one }],
  ['mean', { takes: 'number', answers: 'float', ...one }],
  ['median', { takes: 'number', answers: 'float', ...one }],
  ['mode', { takes: 'any', answers: 'same', ...one }],
  ['spread', { takes: 'number', answers: 'same', ...one }],
  ['stddev', { takes: 'number', answers: 'float', ...one }],
  ['min', { takes: 'ordered', answers: 'same', ...selector }],
  ['max', { takes: 'ordered', answers: 'same', ...selector }],
  ['first', { takes: 'any', answers: 'same', ...selector }],
  ['last', { takes: 'any', answers: 'same', ...selector }],
  ['percentile', { takes: 'number', answers: 'same', ...selector }],
  ['distinct', { takes: 'any', answers: 'same', isSelector: false, isMany: true }],
  ['top', { takes: 'number', answers: 'same', ...rows }],
  ['bottom', { takes: 'number', answers: 'same', ...rows }],
  ['sample', { takes: 'any', answers: 'same', ...rows }],
  ['integral', { ...transform, answers: 'float' }],
  ['cumulative_sum', { ...transform, answers: 'same' }],
  ['derivative', { ...change, answers: 'float' }],
  ['non_negative_derivative', { ...change, answers: 'float' }],
  ['difference', { ...change, answers: 'same' }],
  ['non_negative_difference', { ...change, answers: 'same' }],
  ['elapsed', { ...change, takes: 'any', answers: 'integer' }],
  ['moving_average', { ...change, answers: 'float' }],
  ['holt_winters', { ...transform, answers: 'float' }],
  ['holt_winters_with_fit', { ...transform, answers: 'float' }],
  ['exponential_moving_average', technical],
  ['double_exponential_moving_average', technical],
  ['triple_exponential_moving_average', technical],
  ['triple_exponential_derivative', technical],
  ['relative_strength_index', technical],
  ['kaufmans_efficiency_ratio', technical],
  ['kaufmans_adaptive_moving_average', technical],
  ['chande_momentum_oscillator', technical],
]);

export function functionRule(name: string): FunctionRule | undefined {
  return rules.get(name);
}

const iteratorNames: Readonly<Record<FieldType, string>> = {
  float: 'float',
  integer: 'integer',
  unsigned: 'unsigned',
  string: 'string',
  boolean: 'boolean',
};

/** @throws CitadelError `invalid-argument` when the function does not take the type. */
export function checkArgumentType(name: string, type: FieldType): void {
  const rule = rules.get(name);
  if (rule === undefined || rule.takes === 'any') return;
  if (type !== 'string' && type !== 'boolean') return;
  if (type === 'boolean' && rule.takes === 'ordered') return;
  const iterator = `*query.${iteratorNames[type]}InterruptIterator`;
  // InfluxDB names another function for holt_winters.
  const own = name.startsWith('holt_winters') ? 'elapsed' : name;
  const spoken = own.replace(/^non_negative_/, '').replaceAll('_', ' ');
  throw invalid(`unsupported ${spoken} iterator type: ${iterator}`);
}

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
}

const one = { isSelector: false, isMany: false } as const;
const selector = { isSelector: true, isMany: false } as const;

const rules: ReadonlyMap<string, FunctionRule> = new Map([
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
] satisfies [string, FunctionRule][]);

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
  throw invalid(`unsupported ${name} iterator type: ${iterator}`);
}

/**
 * Bound parameters: `$name` in a query text stands for a token made of the parameter's value, so a
 * value can never become syntax.
 *
 * Integers may come as bigint (any int64) or as a number without a fraction; a JSON number that was
 * written with a `.` has to come as `{ float: 1 }` when its value is whole.
 */

import { formatDuration } from './duration.ts';
import { formatFixed } from './format-number.ts';
import type { Token } from './tokens.ts';

/** `BOUNDPARAM` means that the value cannot be bound; the literal then is the reason. */
export interface BoundToken {
  readonly token: Token;
  readonly literal: string;
}

/** Values by name. */
export type QueryParams = Readonly<Record<string, unknown>>;

function reject(literal: string): BoundToken {
  return { token: 'BOUNDPARAM', literal };
}

function bindNumber(value: number): BoundToken {
  return { token: 'NUMBER', literal: formatFixed(value) };
}

function bindInteger(value: bigint): BoundToken {
  return { token: 'INTEGER', literal: value.toString() };
}

/** What Go calls the type in its message. */
function describeType(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  return Array.isArray(value) ? '[]interface {}' : typeof value;
}

export function bindValue(value: unknown): BoundToken {
  switch (typeof value) {
    case 'string':
      return { token: 'STRING', literal: value };
    case 'boolean':
      return { token: value ? 'TRUE' : 'FALSE', literal: '' };
    case 'bigint':
      return bindInteger(value);
    case 'number':
      return Number.isSafeInteger(value) ? bindInteger(BigInt(value)) : bindNumber(value);
    default:
      return isPlainObject(value)
        ? bindObject(value)
        : reject(`unable to bind parameter with type ${describeType(value)}`);
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bindObject(object: object): BoundToken {
  const entries = Object.entries(object);
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) {
    return reject('bound object parameter value must have exactly one entry');
  }
  const [kind, value] = entry;
  switch (kind) {
    case 'ident':
    case 'identifier':
      return bindText('IDENT', value, 'identifier must be a string value');
    case 'regex':
      return bindText('REGEX', value, 'regex literal must be a string value');
    case 'string':
      return bindText('STRING', value, 'string literal must be a string value');
    case 'float':
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint'
        ? bindNumber(Number(value))
        : reject('number literal must be a float value');
    case 'int':
    case 'integer':
      return bindWhole(value) ?? reject('integer literal must be an integer value');
    case 'duration':
      return bindDuration(value);
    default:
      return reject(`unknown bind object type: ${kind}`);
  }
}

function bindText(token: Token, value: unknown, otherwise: string): BoundToken {
  return typeof value === 'string' ? { token, literal: value } : reject(otherwise);
}

function bindWhole(value: unknown): BoundToken | undefined {
  if (typeof value === 'bigint') return bindInteger(value);
  return Number.isSafeInteger(value) ? bindInteger(BigInt(value as number)) : undefined;
}

function bindDuration(value: unknown): BoundToken {
  if (typeof value === 'string') return { token: 'DURATIONVAL', literal: value };
  const whole = bindWhole(value);
  if (whole === undefined) return reject('duration literal must be a string or integer value');
  return { token: 'DURATIONVAL', literal: formatDuration(BigInt(whole.literal)) };
}

/** What is learnt about a SELECT while its fields are checked one by one. */

import { CitadelError } from '../base/errors.ts';
import type { Call, Expr } from './ast.ts';

export interface CheckState {
  /** Width of time(), ns; 0n = none. */
  intervalNs: bigint;
  /** The interval is the outer query's. */
  inheritedInterval: boolean;
  readonly limit: number;
  readonly hasTarget: boolean;
  /** Every call but the mathematical ones, outermost first. */
  readonly calls: Call[];
  /** No aggregate, transformation or expanding wildcard so far. */
  onlySelectors: boolean;
  hasDistinct: boolean;
  /** Some column is not inside a call. */
  hasAuxiliary: boolean;
  /** `top` or `bottom` once one was seen. */
  topBottom: string;
  /** Windows before the range that a transformation has to see. */
  extraIntervals: number;
  fieldCount: number;
}

/** One field of the list; a wildcard is allowed until an operator was seen. */
export interface FieldState {
  readonly select: CheckState;
  allowWildcard: boolean;
  /** Checks an expression inside this field (check-expr.ts; here so that rules can recurse). */
  readonly checkExpr: (field: FieldState, expr: Expr) => void;
}

export function fail(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

/** GROUP BY taken apart: the time windows, the tags, the wildcards. */

import type { Expr } from './ast.ts';

export type TimeDimension =
  | {
      /** 0n = no time(), or time(0s). */
      readonly intervalNs: bigint;
      /** The second argument as written. */
      readonly offset: Expr | undefined;
      readonly error: undefined;
    }
  | { readonly intervalNs: undefined; readonly offset: undefined; readonly error: string };

function fail(error: string): TimeDimension {
  return { intervalNs: undefined, offset: undefined, error };
}

/** The first `time(interval, offset)` of GROUP BY. */
export function findTimeDimension(dimensions: readonly Expr[]): TimeDimension {
  for (const dimension of dimensions) {
    if (dimension.kind !== 'call' || dimension.name !== 'time') continue;
    const [interval, offset, extra] = dimension.args;
    if (interval === undefined || extra !== undefined) {
      return fail('time dimension expected 1 or 2 arguments');
    }
    if (interval.kind !== 'duration') {
      return fail('time dimension must have duration argument');
    }
    return { intervalNs: interval.ns, offset, error: undefined };
  }
  return { intervalNs: 0n, offset: undefined, error: undefined };
}

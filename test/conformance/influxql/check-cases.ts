/** The recorded cases of checking a SELECT, and our answer to one. */

import { CitadelError } from '../../../src/base/errors.ts';
import { compileSelect } from '../../../src/influxql/compile.ts';
import { parseQuery } from '../../../src/influxql/influxql.ts';

export const checkedFile = 'checked/select.json';

/** `error` absent = legal; `ours` where we differ on purpose. */
export interface CheckCase {
  readonly query: string;
  readonly error?: string;
  readonly ours?: string;
}

/** The message a query earns, undefined when it is legal. */
export function checkAnswer(query: string, nowNs: bigint): string | undefined {
  try {
    for (const statement of parseQuery(query)) {
      if (statement.kind === 'select') compileSelect(statement, { nowNs });
    }
    return undefined;
  } catch (cause) {
    if (cause instanceof CitadelError && cause.code === 'invalid-argument') return cause.message;
    throw cause;
  }
}

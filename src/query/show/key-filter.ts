/** WITH KEY. */

import type { TagKeyFilter } from '../../influxql/statement.ts';
import { matcherOf } from '../compile/tables.ts';

/** Which keys a filter asks for by name, and which of the answer it accepts. */
export function keyFilter(filter: TagKeyFilter | undefined): {
  readonly keys: readonly string[] | undefined;
  readonly accepts: (key: string) => boolean;
} {
  if (filter === undefined) return { keys: undefined, accepts: () => true };
  switch (filter.op) {
    case '=':
      return { keys: [filter.key], accepts: (key) => key === filter.key };
    case '!=':
      return { keys: undefined, accepts: (key) => key !== filter.key };
    case 'IN': {
      const wanted = new Set(filter.keys);
      return { keys: [...wanted], accepts: (key) => wanted.has(key) };
    }
    default: {
      const matches = matcherOf(filter.pattern);
      const isMatch = filter.op === '=~';
      return { keys: undefined, accepts: (key) => matches(key) === isMatch };
    }
  }
}

/**
 * InfluxQL's door: text in, syntax trees out. Pure: no schema, no clock, no I/O.
 *
 * What else is asked of a tree: `compileSelect` (is this SELECT legal, and what does it ask for),
 * `splitCondition` (WHERE into range and rest), `reduceExpr`, `columnNames`, `printStatement`,
 * `qualifySources`; of times: `zoneOffset`, `formatTime`; of patterns: `compileRegex`.
 */

import type { QueryParams } from './bind.ts';
import { parseStatements } from './parse-statement.ts';
import type { Statement } from './statement.ts';
import { TokenStream } from './token-stream.ts';

/**
 * Parses a whole query text; `params` are the values of `$name` (see bind.ts).
 *
 * @throws CitadelError `invalid-argument` with influxd's message (what follows `error parsing query: `).
 */
export function parseQuery(text: string, params: QueryParams = {}): readonly Statement[] {
  return parseStatements(new TokenStream(text, params));
}

/**
 * InfluxQL's door: text in, checked syntax trees out. Pure: no schema, no clock, no I/O.
 */

import { CitadelError } from '../base/errors.ts';
import type { Statement } from './statement.ts';

/** A JSON object's values; numbers with a `.` are float, without are integers (send those as bigint). */
export type QueryParams = Readonly<Record<string, unknown>>;

/**
 * Parses a whole query text.
 *
 * @throws CitadelError `invalid-argument` with influxd's message (what follows `error parsing query: `).
 */
export function parseQuery(text: string, params: QueryParams = {}): readonly Statement[] {
  throw new CitadelError('unsupported', `cannot parse ${text} ${Object.keys(params).length} yet`);
}

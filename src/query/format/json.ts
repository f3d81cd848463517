/**
 * JSON answers of /query, byte for byte as InfluxDB writes them.
 *
 * A result whose `series` throws a CitadelError carries the error; the `series` of later results are
 * never iterated, they answer `not executed`. So a result must do its work only inside `series`.
 */

import type { StatementResult } from '../result.ts';
import type { FormatOptions } from './options.ts';

export async function* formatJson(
  results: AsyncIterable<StatementResult>,
  options: FormatOptions,
): AsyncGenerator<Uint8Array> {
  for await (const result of results) {
    yield new TextEncoder().encode(`${result.statementId}${String(options.pretty)}\n`);
  }
}

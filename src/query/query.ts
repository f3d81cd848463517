/**
 * The query engine's door: a checked statement in, a stream of series pieces out.
 *
 * Pure: data and schema come in through `QueryPorts`, time through `nowNs`. Nothing runs before the
 * answer is iterated; leaving the iteration early stops the scans. Errors are CitadelErrors with
 * InfluxDB's text: `not-found`, `invalid-argument`, `limit-exceeded`, `cancelled`, `unsupported`.
 */

import type { SelectStatement } from '../influxql/ast.ts';
import { compileSelect } from '../influxql/compile.ts';
import { planSelect } from './compile/plan-select.ts';
import type { QueryContext } from './query-context.ts';

import type { SeriesPiece } from './result.ts';
import { runPlan } from './select/run-select.ts';
import { answerShow, type ShowStatement } from './show/show.ts';

export async function* runSelect(
  statement: SelectStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const compiled = compileSelect(statement, { nowNs: context.nowNs });
  yield* runPlan(await planSelect(compiled, context), context);
}

export async function* runShow(
  statement: ShowStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  yield* answerShow(statement, context);
}

/**
 * The query engine's door: a checked statement in, a stream of series pieces out.
 *
 * Pure: data and schema come in through `QueryPorts`, time through `nowNs`. Nothing runs before the
 * answer is iterated; leaving the iteration early stops the scans. Errors are CitadelErrors with
 * InfluxDB's text: `not-found`, `invalid-argument`, `limit-exceeded`, `cancelled`, `unsupported`.
 */

import type { SelectStatement } from '../influxql/ast.ts';
import { compileSelect } from '../influxql/compile.ts';
import type { ExplainStatement } from '../influxql/statement.ts';
import { planSelect } from './compile/plan-select.ts';
import { explainAnalyze, type ReadClock } from './explain/explain-analyze.ts';
import { explainPlan } from './explain/explain-plan.ts';
import { runInto } from './into/run-into.ts';
import type { RowSink } from './ports.ts';
import type { QueryContext } from './query-context.ts';
import type { SeriesPiece } from './result.ts';
import { runPlan } from './select/run-select.ts';
import { answerShow, type ShowStatement } from './show/show.ts';

/** `sink` takes the rows of INTO. */
export async function* runSelect(
  statement: SelectStatement,
  context: QueryContext,
  sink: RowSink,
): AsyncGenerator<SeriesPiece> {
  const { target } = statement;
  const compiled = compileSelect(statement, { nowNs: context.nowNs });
  if (target === undefined) yield* runPlan(await planSelect(compiled, context), context);
  else yield* runInto(compiled, target, sink, context);
}

/** What a SELECT would do, or, with ANALYZE, did. Nothing is written. */
export async function* runExplain(
  { statement, analyze }: ExplainStatement,
  context: QueryContext,
  readClock: ReadClock,
): AsyncGenerator<SeriesPiece> {
  if (analyze) yield* explainAnalyze(statement, context, readClock);
  else yield* explainPlan(compileSelect(statement, { nowNs: context.nowNs }), context);
}

export async function* runShow(
  statement: ShowStatement,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  yield* answerShow(statement, context);
}

/**
 * EXPLAIN: what the shards would be asked, one part per read, in the words of InfluxDB. Nothing is read
 * but the index.
 */

import type { Measurement } from '../../influxql/ast.ts';
import type { CompiledSelect } from '../../influxql/compile.ts';
import { quoteIdent } from '../../influxql/quote.ts';
import type { SchemaPlan } from '../../model/plan.ts';
import { compareText } from '../../scan/text-order.ts';
import { planSelect } from '../compile/plan-select.ts';
import type { CallPlan, SelectPlan, TablePlan } from '../compile/select-plan.ts';
import { resolveTables } from '../compile/tables.ts';
import type { Variable } from '../compile/variables.ts';
import { checkSignal, type QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { tagPart } from '../select/limits.ts';
import { cellPiece } from '../show/show-pieces.ts';

/** Calls that the shards answer; of the others they give the rows. */
const pushedDown: ReadonlySet<string> = new Set([
  'count',
  'min',
  'max',
  'sum',
  'first',
  'last',
  'mean',
]);

/** One read: of a call, or of plain columns. */
interface Read {
  readonly expression: string;
  readonly columns: readonly string[];
}

interface Cost {
  readonly shardCount: number;
  readonly seriesCount: number;
}

function printVariable({ name, source, type }: Variable): string {
  const kind = source === 'tag' ? 'tag' : type;
  return kind === undefined ? quoteIdent(name) : `${quoteIdent(name)}::${kind}`;
}

function printCall({ fn, variable, inner, keys }: CallPlan): string {
  if (inner !== undefined) return printCall(inner);
  const name = printVariable(variable);
  if (keys !== undefined) return `${fn === 'top' ? 'max' : 'min'}(${name})`;
  return pushedDown.has(fn) ? `${fn}(${name})` : name;
}

function readsOf({ calls, variables }: SelectPlan): readonly Read[] {
  const columns = variables.map(printVariable).sort(compareText);
  if (calls.length > 0) {
    const answered = calls.filter(({ type }) => type !== undefined);
    return answered.map((call) => ({ expression: printCall(call), columns }));
  }
  const isRead = variables.some(({ source }) => source === 'field');
  return isRead ? [{ expression: '<nil>', columns }] : [];
}

/** A shard counts when it has a series of the read. */
async function countStreams(plan: Omit<SchemaPlan, 'ask'>, context: QueryContext): Promise<Cost> {
  const ask = { kind: 'series-count' } as const;
  const counts = await Promise.all(
    context.ports.schemaScan({ ...plan, ask }, context.signal).map(async (stream) => {
      let sum = 0;
      for await (const { count } of stream) {
        checkSignal(context.signal);
        sum += count;
      }
      return sum;
    }),
  );
  return {
    shardCount: counts.filter((count) => count > 0).length,
    seriesCount: counts.reduce((sum, count) => sum + count, 0),
  };
}

async function costOf(
  source: Measurement,
  { measurements, range }: SelectPlan,
  context: QueryContext,
): Promise<Cost> {
  const planned = measurements.flatMap(({ tables }) => tables);
  let shardCount = 0;
  let seriesCount = 0;
  for (const { dbId, rpId, measurement } of await resolveTables([source], range, context)) {
    const isSame = ({ table }: TablePlan) =>
      table.dbId === dbId && table.rpId === rpId && table.measurement === measurement;
    const where = tagPart(planned.find(isSame)?.where);
    const cost = await countStreams(
      { dbId, rpId, measurements: [measurement], where, range },
      context,
    );
    shardCount = Math.max(shardCount, cost.shardCount);
    seriesCount += cost.seriesCount;
  }
  return { shardCount, seriesCount };
}

function linesOf({ expression, columns }: Read, { shardCount, seriesCount }: Cost): string[] {
  return [
    `EXPRESSION: ${expression}`,
    ...(columns.length > 0 ? [`AUXILIARY FIELDS: ${columns.join(', ')}`] : []),
    `NUMBER OF SHARDS: ${shardCount}`,
    `NUMBER OF SERIES: ${seriesCount}`,
  ];
}

async function explain(
  compiled: CompiledSelect,
  plan: SelectPlan,
  context: QueryContext,
): Promise<string[][]> {
  const parts: string[][] = [];
  for (const read of readsOf(plan)) {
    let inner = 0;
    for (const source of compiled.sources) {
      if (source.kind === 'measurement') {
        parts.push(linesOf(read, await costOf(source, plan, context)));
      } else {
        parts.push(...(await explain(source, plan.inner[inner++]!, context)));
      }
    }
  }
  return parts;
}

export async function* explainPlan(
  compiled: CompiledSelect,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const parts = await explain(compiled, await planSelect(compiled, context), context);
  const lines = parts.flatMap((part, index) => (index === 0 ? part : ['', ...part]));
  // What reads nothing is explained by an empty line.
  if (lines.length === 0) lines.push('');
  yield cellPiece('', ['QUERY PLAN'], [lines]);
}

/**
 * SELECT ... INTO: the rows of the answer are written as points, in batches, as they come; the answer is
 * how many. A batch that cannot be stored ends the query; those before it stay, as in InfluxDB.
 */

import type { Measurement } from '../../influxql/ast.ts';
import type { CompiledSelect } from '../../influxql/compile.ts';
import { planSelect } from '../compile/plan-select.ts';
import type { SelectPlan } from '../compile/select-plan.ts';
import { requireDatabase } from '../compile/tables.ts';
import type { RowSink, RowTarget, StoredRows } from '../ports.ts';
import { invalid, type QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';
import { runPlan } from '../select/run-select.ts';
import { storedRows, type TargetColumns } from './stored-rows.ts';

/** As InfluxDB; each is a write of its own. */
const batchRowsMax = 10_000;
/** Wide rows make smaller batches. */
const batchCellsMax = 200_000;

function targetOf({ database, policy }: Measurement, context: QueryContext): RowTarget {
  return {
    database: requireDatabase(database === '' ? context.database : database),
    policy: policy === '' ? context.policy : policy,
  };
}

/** @throws CitadelError `invalid-argument` when no column is the time */
function columnsOf({ columns, rowTags }: SelectPlan): TargetColumns {
  const [time, ...names] = columns;
  if (time !== 'time' || names.includes('time')) {
    throw invalid('error finding time index in result');
  }
  return { names, rowTags };
}

class RowWriter {
  readonly #sink: RowSink;
  readonly #target: RowTarget;
  readonly #batchRows: number;
  #batch: StoredRows[] = [];
  #rowCount = 0;
  writtenCount = 0;

  constructor(sink: RowSink, target: RowTarget, columnCount: number) {
    this.#sink = sink;
    this.#target = target;
    this.#batchRows = Math.min(batchRowsMax, Math.ceil(batchCellsMax / columnCount));
  }

  async add(stored: StoredRows): Promise<void> {
    for (let from = 0; from < stored.rows.length; ) {
      const until = Math.min(stored.rows.length, from + this.#batchRows - this.#rowCount);
      this.#batch.push({ ...stored, rows: stored.rows.subarray(from, until) });
      this.#rowCount += until - from;
      from = until;
      if (this.#rowCount === this.#batchRows) await this.flush();
    }
  }

  async flush(): Promise<void> {
    if (this.#rowCount === 0) return;
    await this.#sink.store(this.#target, this.#batch);
    this.writtenCount += this.#rowCount;
    this.#batch = [];
    this.#rowCount = 0;
  }
}

function answerPiece(count: number): SeriesPiece {
  const values = Float64Array.of(count);
  return {
    name: 'result',
    tags: undefined,
    columns: ['time', 'written'],
    rowCount: 1,
    times: BigInt64Array.of(0n),
    values: [{ type: 'integer', values, valid: undefined }],
    zone: undefined,
  };
}

export async function* runInto(
  compiled: CompiledSelect,
  target: Measurement,
  sink: RowSink,
  context: QueryContext,
): AsyncGenerator<SeriesPiece> {
  const place = targetOf(target, context);
  sink.check(place);
  const plan = await planSelect(compiled, context);
  const columns = columnsOf(plan);
  const writer = new RowWriter(sink, place, plan.columns.length);
  for await (const piece of runPlan(plan, context)) {
    const measurement = target.name === '' ? piece.name : target.name;
    await writer.add(storedRows(piece, measurement, columns));
  }
  await writer.flush();
  yield answerPiece(writer.writtenCount);
}

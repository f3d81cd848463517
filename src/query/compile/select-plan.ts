/**
 * A compiled SELECT: which tables give what (the shard's half is made from it table by table) and how
 * the rows are finished. Frames hold the columns of `calls` first, then those of `variables`; a raw
 * query has no calls.
 */

import type { Fill } from '../../influxql/ast.ts';
import type { FieldType } from '../../model/field-type.ts';
import type { RowExpr } from '../../model/plan.ts';
import type { TimeRange } from '../../model/time.ts';
import type { ValueExpr } from '../eval/value-expr.ts';
import type { WindowRule } from '../windows.ts';
import type { Table } from './tables.ts';
import type { Variable } from './variables.ts';

export interface CallPlan {
  readonly fn: string;
  readonly variable: Variable;
  /** What a transformation is applied to when that is no field. */
  readonly inner: CallPlan | undefined;
  /** Constants after the first argument; durations in ns. */
  readonly args: readonly number[];
  /** A text among them: how a technical function warms up. */
  readonly mode: string | undefined;
  /** Tags among the arguments of top() and bottom(), as indexes into the plan's variables. */
  readonly keys: readonly number[] | undefined;
  /** Of the answer; undefined = it never answers. */
  readonly type: FieldType | undefined;
}

export interface TablePlan {
  readonly table: Table;
  readonly where: RowExpr | undefined;
}

/** All tables of one measurement name: their rows are merged. */
export interface MeasurementPlan {
  readonly name: string;
  readonly tables: readonly TablePlan[];
}

export interface SelectPlan {
  /** The time column first. */
  readonly columns: readonly string[];
  /** Of `outputs`, as a query around this one knows them: not told apart by numbers. */
  readonly names: readonly string[];
  /** INTO: keys of tags that follow the columns among `outputs`, without being columns. */
  readonly rowTags: readonly string[];
  /** Subqueries; tables with `isInner` refer to them. */
  readonly inner: readonly SelectPlan[];
  readonly outputs: readonly ValueExpr[];
  /** In output order. */
  readonly measurements: readonly MeasurementPlan[];
  readonly calls: readonly CallPlan[];
  readonly variables: readonly Variable[];
  /** Sorted, without duplicates. */
  readonly dimensions: readonly string[];
  /** Those by which SLIMIT counts series: of the outermost query. */
  readonly pageDimensions: readonly string[];
  readonly range: TimeRange;
  /** The lower bound as WHERE gave it: the time of an aggregate without windows. */
  readonly lowerBound: bigint | undefined;
  readonly windows: WindowRule | undefined;
  readonly fill: Fill;
  readonly descending: boolean;
  readonly limit: number;
  readonly offset: number;
  readonly slimit: number;
  readonly soffset: number;
  readonly zone: string | undefined;
  /** Its rows are joined with those of other calls: a selector does not set the time. */
  readonly isPart: boolean;
}

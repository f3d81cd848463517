/**
 * fill(): turns the windows that have data into all windows of the range, in frames, lazily, so that
 * a tiny interval over a long range costs time but no memory.
 *
 * Each call is filled for itself. `previous` and `linear` look only inside the range; `previous` follows
 * the order of output.
 */

import type { Fill } from '../../influxql/ast.ts';
import type { Column } from '../../model/column.ts';
import type { FieldType } from '../../model/field-type.ts';
import { ColumnBuilder, readValue, type Value } from '../columns/column-builder.ts';
import { type Frame, frameRows } from '../frame.ts';
import { type WindowRule, WindowSteps } from '../windows.ts';
import type { CallColumn, GroupWindows } from './call-column.ts';
import { interpolate } from './interpolate.ts';

export interface FillPlan {
  readonly fill: Fill;
  readonly windows: WindowRule;
  readonly descending: boolean;
  /** First and last window in output order; undefined = where the group's data starts or ends. */
  readonly first: bigint | undefined;
  readonly last: bigint | undefined;
  /** Per call: whether it is a count (fill(null) fills 0) and the type it answers; undefined = never. */
  readonly calls: readonly { readonly isCount: boolean; readonly type: FieldType | undefined }[];
  /** Types of the columns beside a selector; undefined = no shard knows the column. */
  readonly extras: readonly (FieldType | undefined)[];
}

/** Times of one frame, and per row which row of the data it is, -1 = none. */
interface Grid {
  readonly times: BigInt64Array;
  readonly rowOf: Int32Array;
}

class WindowWalk {
  readonly #descending: boolean;
  readonly #times: BigInt64Array;
  readonly #last: bigint;
  readonly #steps: WindowSteps;
  #row = 0;

  constructor(plan: FillPlan, times: BigInt64Array) {
    this.#descending = plan.descending;
    this.#times = times;
    this.#steps = new WindowSteps(plan.windows, plan.first ?? times[0]!, plan.descending);
    this.#last = plan.last ?? times[times.length - 1]!;
  }

  #isPast(time: bigint, bound: bigint): boolean {
    return this.#descending ? time < bound : time > bound;
  }

  /** Rows that are due come first, then the gap; rows behind the last window stand for themselves. */
  take(): Grid | undefined {
    const times: bigint[] = [];
    const rows: number[] = [];
    while (times.length < frameRows) {
      const time = this.#row < this.#times.length ? this.#times[this.#row]! : undefined;
      const next = this.#steps.start;
      const isOver = this.#isPast(next, this.#last);
      if (time === undefined && isOver) break;
      const isDue = time !== undefined && (isOver || !this.#isPast(time, next));
      times.push(isDue ? time : next);
      rows.push(isDue ? this.#row++ : -1);
      this.#steps.advance();
    }
    if (times.length === 0) return undefined;
    return { times: BigInt64Array.from(times), rowOf: Int32Array.from(rows) };
  }
}

/** Fills one call over the frames of a group; remembers where it is between them. */
class CallFill {
  readonly #plan: FillPlan;
  readonly #call: CallColumn;
  readonly #times: BigInt64Array;
  readonly #isCount: boolean;
  readonly #neverAnswers: boolean;
  readonly #type: FieldType;
  readonly #fillValue: Value | undefined;
  /** The last answered row so far; -1 = none. */
  #previous = -1;

  constructor(plan: FillPlan, data: GroupWindows, index: number) {
    this.#plan = plan;
    this.#call = data.calls[index]!;
    this.#times = data.times;
    this.#isCount = plan.calls[index]!.isCount;
    this.#neverAnswers = plan.calls[index]!.type === undefined;
    this.#type = this.#call.values?.type ?? plan.calls[index]!.type ?? 'float';
    this.#fillValue = constantFill(plan.fill, this.#type, this.#isCount);
  }

  /** Undefined = all null: what has no value anywhere is filled only with a number. */
  fill(grid: Grid): Column | undefined {
    if (this.#neverAnswers) return undefined;
    const { fill } = this.#plan;
    if (this.#call.values === undefined) return constantColumn(fill, this.#type, grid.rowOf.length);
    const builder = new ColumnBuilder(this.#type);
    for (let i = 0; i < grid.rowOf.length; i++) {
      const row = grid.rowOf[i]!;
      if (row >= 0 && this.#isAnswered(row)) {
        this.#previous = row;
        builder.push(readValue(this.#call.values, row));
      } else {
        builder.push(this.#gapValue(grid.times[i]!));
      }
    }
    return builder.finish();
  }

  #isAnswered(row: number): boolean {
    const { values, answered } = this.#call;
    const mask = answered ?? values?.valid;
    return values !== undefined && (mask === undefined || mask[row] === 1);
  }

  #gapValue(time: bigint): Value | undefined {
    const { kind } = this.#plan.fill;
    if (kind !== 'previous' && kind !== 'linear') return this.#fillValue;
    if (this.#previous < 0) return undefined;
    const before = readValue(this.#call.values, this.#previous);
    if (kind === 'previous' || before === undefined) return before;
    const next = this.#nextAnswered();
    const after = next < 0 ? undefined : readValue(this.#call.values, next);
    if (after === undefined || typeof before === 'string' || typeof after === 'string') {
      return undefined;
    }
    if (this.#type === 'boolean') return undefined;
    const interval = this.#plan.windows.intervalNs;
    return interpolate(this.#type, Number(time / interval), {
      from: Number(this.#times[this.#previous]! / interval),
      until: Number(this.#times[next]! / interval),
      before,
      after,
    });
  }

  #nextAnswered(): number {
    for (let row = this.#previous + 1; row < this.#times.length; row++) {
      if (this.#isAnswered(row)) return row;
    }
    return -1;
  }
}

/** A column of nothing but the number of fill(number), for a call without any value. */
export function constantColumn(fill: Fill, type: FieldType, rowCount: number): Column | undefined {
  if (fill.kind !== 'value') return undefined;
  // Where texts or booleans are missing altogether, the number stands as it was written.
  const isNumeric = type !== 'string' && type !== 'boolean';
  const ownType = isNumeric ? type : typeof fill.value === 'bigint' ? 'integer' : 'float';
  const builder = new ColumnBuilder(ownType);
  const value = constantFill(fill, ownType, false);
  for (let i = 0; i < rowCount; i++) builder.push(value);
  return builder.finish();
}

/** What every gap gets under fill(null) and fill(number). */
function constantFill(fill: Fill, type: FieldType, isCount: boolean): Value | undefined {
  if (fill.kind === 'null') return isCount ? 0 : undefined;
  if (fill.kind !== 'value') return undefined;
  if (type === 'string') return '';
  if (type === 'boolean') return 0;
  if (type === 'float') return Number(fill.value);
  if (typeof fill.value === 'bigint') {
    const value = Number(fill.value);
    return Number.isSafeInteger(value) ? value : fill.value;
  }
  return Math.trunc(fill.value);
}

export function* fillWindows(plan: FillPlan, data: GroupWindows): Generator<Frame> {
  if (data.times.length === 0) return;
  const walk = new WindowWalk(plan, data.times);
  const fills = data.calls.map((_, index) => new CallFill(plan, data, index));
  const extras = data.extras.map((extra) => extra && new ExtraFill(plan.fill, extra));
  const fillExtra = (index: number, { rowOf }: Grid) =>
    extras[index]?.fill(rowOf) ?? missingExtra(plan.fill, plan.extras[index], rowOf.length);
  for (let grid = walk.take(); grid !== undefined; grid = walk.take()) {
    const current = grid;
    yield {
      rowCount: grid.times.length,
      times: grid.times,
      columns: [
        ...fills.map((fill) => fill.fill(current)),
        ...extras.map((_, index) => fillExtra(index, current)),
      ],
    };
  }
}

/** A column beside a selector that has no value anywhere. */
function missingExtra(
  fill: Fill,
  type: FieldType | undefined,
  rowCount: number,
): Column | undefined {
  return constantColumn(fill, type ?? 'string', rowCount);
}

/** The columns beside a selector of rows that stay as they are: fill() counts for them all the same. */
export function fillExtras(
  fill: Fill,
  types: readonly (FieldType | undefined)[],
  data: GroupWindows,
): GroupWindows {
  if (fill.kind !== 'previous' && fill.kind !== 'value') return data;
  const rowOf = Int32Array.from(data.times, (_, row) => row);
  const extras = data.extras.map((extra, index) => {
    if (extra !== undefined && extra.valid === undefined) return extra;
    const isMissing = extra === undefined || !extra.valid?.includes(1);
    if (isMissing) return missingExtra(fill, types[index], rowOf.length);
    return new ExtraFill(fill, extra).fill(rowOf);
  });
  return { ...data, extras };
}

/** Columns beside a selector: where there is none, what came before, or the number itself. */
class ExtraFill {
  readonly #extra: Column;
  readonly #repeats: boolean;
  /** Under fill(previous) the last value so far, else the number, if the column can hold it. */
  #fillValue: Value | undefined;

  constructor(fill: Fill, extra: Column) {
    this.#extra = extra;
    this.#repeats = fill.kind === 'previous';
    const isNumeric = extra.type !== 'string' && extra.type !== 'boolean';
    const isNumber = fill.kind === 'value' && isNumeric;
    this.#fillValue = isNumber ? constantFill(fill, extra.type, false) : undefined;
  }

  /** `rowOf`: per row of the answer which row of the data it is, -1 = none. */
  fill(rowOf: Int32Array): Column {
    const builder = new ColumnBuilder(this.#extra.type);
    for (const row of rowOf) {
      const value = row < 0 ? undefined : readValue(this.#extra, row);
      if (value !== undefined && this.#repeats) this.#fillValue = value;
      builder.push(value ?? this.#fillValue);
    }
    return builder.finish();
  }
}

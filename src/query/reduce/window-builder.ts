/** Collects the answers of a group's reducers, window by window, into columns. */

import type { Column } from '../../model/column.ts';
import { ColumnBuilder, readValue } from '../columns/column-builder.ts';
import { functionRule } from '../compile/functions.ts';
import type { SelectPlan } from '../compile/select-plan.ts';
import type { CallColumn, GroupWindows } from '../finish/call-column.ts';
import type { ReducedRow, Reducer } from './reducer.ts';

/** Of a value of a window, in a column that grows and as it is copied out. */
const windowBytes = 40;

export class WindowBuilder {
  readonly #group: readonly string[];
  readonly #reducers: readonly Reducer[];
  readonly #callCount: number;
  readonly #picks: boolean;
  readonly #values: readonly ColumnBuilder[];
  readonly #answered: number[][];
  /** Per call: some window has no answer, or null for an answer. */
  readonly #hasGaps: boolean[];
  readonly #extras: readonly ColumnBuilder[];
  readonly #times: bigint[] = [];
  readonly #pickedTimes: bigint[] = [];

  constructor(plan: SelectPlan, group: readonly string[], reducers: readonly Reducer[]) {
    const { calls, variables } = plan;
    this.#group = group;
    this.#reducers = reducers;
    this.#callCount = calls.length;
    this.#picks = calls.length === 1 && functionRule(calls[0]!.fn)?.isSelector === true;
    this.#values = calls.map((call) => new ColumnBuilder(call.type ?? 'float'));
    this.#answered = calls.map(() => []);
    this.#hasGaps = calls.map(() => false);
    this.#extras = variables.map((variable) => new ColumnBuilder(variable.type ?? 'string'));
  }

  /** Bytes of the windows so far, roughly. */
  get heldBytes(): number {
    return this.#times.length * windowBytes * (1 + this.#callCount + this.#extras.length);
  }

  /** Closes the open window of every reducer. */
  closeWindow(start: bigint): void {
    const answers = this.#reducers.map((reducer) => reducer.finish());
    const rowCount = Math.max(...answers.map((rows) => rows.length));
    for (let i = 0; i < rowCount; i++) {
      this.#times.push(start);
      for (let call = 0; call < this.#callCount; call++) this.#push(call, answers[call]![i]);
      if (this.#picks) this.#pushPicked(answers[0]![i]!);
    }
  }

  finish(): GroupWindows {
    const calls = this.#values.map((builder, call): CallColumn => {
      const answered = this.#answered[call]!;
      return {
        values: answered.includes(1) ? builder.finish() : undefined,
        answered: this.#hasGaps[call] ? Uint8Array.from(answered) : undefined,
      };
    });
    return {
      group: this.#group,
      times: BigInt64Array.from(this.#times),
      calls,
      extras: this.#extras.map((extra): Column | undefined =>
        extra.length === 0 ? undefined : extra.finish(),
      ),
      pickedTimes: this.#picks ? BigInt64Array.from(this.#pickedTimes) : undefined,
    };
  }

  #push(call: number, row: ReducedRow | undefined): void {
    this.#values[call]!.push(row?.value);
    this.#answered[call]!.push(row === undefined ? 0 : 1);
    if (row?.value === undefined) this.#hasGaps[call] = true;
  }

  #pushPicked({ frame, row }: ReducedRow): void {
    if (frame === undefined) return;
    this.#pickedTimes.push(frame.times[row]!);
    this.#extras.forEach((extra, index) => {
      extra.push(readValue(frame.columns[this.#callCount + index], row));
    });
  }
}

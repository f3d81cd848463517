/** Aggregates from raw rows: cuts each group's frames into windows and feeds the reducers. */

import { HeldMemory, type MemoryAccount } from '../../base/memory-budget.ts';
import type { SelectPlan } from '../compile/select-plan.ts';
import { framesOf } from '../finish/frames-of-windows.ts';
import type { Frame } from '../frame.ts';
import { groupKey } from '../merge/group-key.ts';
import type { GroupFrame } from '../merge/merge-raw.ts';
import type { Pacer } from '../query-context.ts';
import { makeReducer } from '../reduce/make-reducer.ts';
import type { Reducer } from '../reduce/reducer.ts';
import { WindowBuilder } from '../reduce/window-builder.ts';
import { windowAt } from '../windows.ts';

export async function* reduceWindows(
  plan: SelectPlan,
  frames: AsyncIterable<GroupFrame>,
  pacer: Pacer,
  memory: MemoryAccount | undefined,
): AsyncGenerator<GroupFrame> {
  const held = new HeldMemory(memory);
  let open: GroupReduction | undefined;
  for await (const { group, frame } of frames) {
    const key = groupKey(group);
    if (open !== undefined && open.key !== key) yield* open.finish();
    if (open === undefined || open.key !== key) open = new GroupReduction(plan, group);
    open.add(frame);
    held.set(open.heldBytes);
    await pacer.spend(frame.rowCount * frame.columns.length);
  }
  if (open !== undefined) yield* open.finish();
  held.free();
}

class GroupReduction {
  readonly key: string;
  readonly #plan: SelectPlan;
  readonly #group: readonly string[];
  readonly #reducers: readonly Reducer[];
  readonly #builder: WindowBuilder;
  /** Start of the open window; undefined before the first row. */
  #start: bigint | undefined;
  /** Where the open window ends: its first time that is no longer inside, in row order. */
  #edge = 0n;

  constructor(plan: SelectPlan, group: readonly string[]) {
    this.key = groupKey(group);
    this.#plan = plan;
    this.#group = group;
    const options = { descending: plan.descending, isAlone: plan.calls.length === 1 };
    this.#reducers = plan.calls.map((call, index) => makeReducer(call, index, options));
    this.#builder = new WindowBuilder(plan, group, this.#reducers);
  }

  get heldBytes(): number {
    let held = this.#builder.heldBytes;
    for (const { heldBytes = 0 } of this.#reducers) held += heldBytes;
    return held;
  }

  add(frame: Frame): void {
    let row = 0;
    while (row < frame.rowCount) {
      this.#enter(frame.times[row]!);
      const end = this.#rowsInside(frame.times, row);
      for (const reducer of this.#reducers) reducer.add(frame, row, end);
      row = end;
    }
  }

  *finish(): Generator<GroupFrame> {
    if (this.#start !== undefined) this.#builder.closeWindow(this.#start);
    const data = this.#builder.finish();
    for (const frame of framesOf(this.#plan, data)) yield { group: this.#group, frame };
  }

  /** Opens the window of a time, closing the one before. */
  #enter(time: bigint): void {
    if (this.#start !== undefined && !this.#isBeyond(time)) return;
    if (this.#start !== undefined) this.#builder.closeWindow(this.#start);
    const { windows, descending } = this.#plan;
    if (windows === undefined) {
      this.#start = 0n;
      return;
    }
    const window = windowAt(windows, time);
    this.#start = window.start;
    this.#edge = descending ? window.start : window.end;
  }

  #isBeyond(time: bigint): boolean {
    if (this.#plan.windows === undefined) return false;
    return this.#plan.descending ? time < this.#edge : time >= this.#edge;
  }

  #rowsInside(times: BigInt64Array, from: number): number {
    if (this.#plan.windows === undefined) return times.length;
    const edge = this.#edge;
    let row = from + 1;
    if (this.#plan.descending) while (row < times.length && times[row]! >= edge) row++;
    else while (row < times.length && times[row]! < edge) row++;
    return row;
  }
}

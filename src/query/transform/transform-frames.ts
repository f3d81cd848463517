/** Runs a transformation over the first column of frames, group by group. */

import { ColumnBuilder, readValue, type Value } from '../columns/column-builder.ts';
import type { CallPlan, SelectPlan } from '../compile/select-plan.ts';
import type { Frame } from '../frame.ts';
import { groupKey } from '../merge/group-key.ts';
import type { GroupFrame } from '../merge/merge-raw.ts';
import type { Pacer } from '../query-context.ts';
import { makeTransform } from './make-transform.ts';
import type { RowTransform } from './row-transform.ts';

export async function* transformFrames(
  call: CallPlan,
  plan: SelectPlan,
  frames: AsyncIterable<GroupFrame>,
  pacer: Pacer,
): AsyncGenerator<GroupFrame> {
  let open: GroupTransform | undefined;
  for await (const { group, frame } of frames) {
    const key = groupKey(group);
    if (open === undefined || open.key !== key) {
      if (open !== undefined) yield* open.finish(pacer);
      open = new GroupTransform(call, plan, group);
    }
    yield* open.add(frame);
    await pacer.spend(frame.rowCount);
  }
  if (open !== undefined) yield* open.finish(pacer);
}

class GroupTransform {
  readonly key: string;
  readonly #call: CallPlan;
  readonly #group: readonly string[];
  readonly #transform: RowTransform;
  #times: bigint[] = [];
  #values: ColumnBuilder;

  constructor(call: CallPlan, plan: SelectPlan, group: readonly string[]) {
    this.key = groupKey(group);
    this.#call = call;
    this.#group = group;
    this.#transform = makeTransform(call, plan);
    this.#values = this.#makeBuilder();
  }

  *add({ rowCount, times, columns }: Frame): Generator<GroupFrame> {
    for (let row = 0; row < rowCount; row++) {
      const value = readValue(columns[0], row);
      if (value !== undefined) this.#transform.add(times[row]!, value, this.#emit);
    }
    yield* this.#take();
  }

  async *finish(pacer: Pacer): AsyncGenerator<GroupFrame> {
    this.#transform.finish?.(this.#emit);
    for (const work of this.#transform.conclude?.(this.#emit) ?? []) await pacer.spend(work);
    yield* this.#take();
  }

  readonly #emit = (time: bigint, value: Value): void => {
    this.#times.push(time);
    this.#values.push(value);
  };

  #makeBuilder(): ColumnBuilder {
    return new ColumnBuilder(this.#call.type ?? 'float');
  }

  *#take(): Generator<GroupFrame> {
    if (this.#times.length === 0) return;
    const times = BigInt64Array.from(this.#times);
    const columns = [this.#values.finish()];
    this.#times = [];
    this.#values = this.#makeBuilder();
    yield { group: this.#group, frame: { rowCount: times.length, times, columns } };
  }
}

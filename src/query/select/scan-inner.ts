/**
 * A subquery read like a measurement: its rows go through the kernels of a shard's half, so that the
 * query around it conditions, groups and aggregates them as it does stored rows.
 *
 * Where the outer query groups by other tags than the inner one, all outer groups are open at once;
 * else each is finished before the next begins.
 */

import { HeldMemory } from '../../base/memory-budget.ts';
import type { Column, ColumnBatch } from '../../model/column.ts';
import type { ScanBlock, ShardPlan } from '../../model/plan.ts';
import { createShardScan, type GroupScan, type ShardScan } from '../../scan/scan.ts';
import { compareText } from '../../scan/text-order.ts';
import { reverseColumn, sliceColumn } from '../columns/row-view.ts';
import type { SelectPlan } from '../compile/select-plan.ts';
import { groupKey } from '../merge/group-key.ts';
import { Pacer, type QueryContext } from '../query-context.ts';
import type { SeriesPiece } from '../result.ts';

/** A field that every row has: rows of subqueries count even when all that is read of them is null. */
const rowMark = '\0row';

/** Gathered rows are put in order and cut into blocks. */
const copiesOfGroup = 3;

/** Offsets of a batch are whole numbers below 2^53. */
const batchSpanMax = 2n ** 53n - 1n;

function markRows(plan: ShardPlan): ShardPlan {
  const { output } = plan;
  if (output.kind !== 'raw') return plan;
  const mark = { source: 'field', name: rowMark, type: 'boolean' } as const;
  return { ...plan, output: { ...output, columns: [...output.columns, mark] } };
}

/** The block as it was asked for. */
function unmark(block: ScanBlock): ScanBlock {
  return block.kind === 'raw' ? { ...block, columns: block.columns.slice(0, -1) } : block;
}

export async function* scanInner(
  inner: SelectPlan,
  outer: ShardPlan,
  pieces: AsyncIterable<SeriesPiece>,
  context: QueryContext,
): AsyncGenerator<ScanBlock> {
  const rows = new InnerRows(inner, outer);
  const held = new HeldMemory(context.memory);
  const pacer = new Pacer(context);
  for await (const piece of pieces) {
    for (const block of rows.add(piece)) yield unmark(block);
    held.set(rows.heldBytes * copiesOfGroup);
    await pacer.spend(piece.rowCount * (piece.columns.length + 1));
  }
  for (const block of rows.finish()) yield unmark(block);
  held.free();
}

class InnerRows {
  readonly #inner: SelectPlan;
  readonly #plan: ShardPlan;
  readonly #scan: ShardScan;
  /** Each inner group is an outer one. */
  readonly #isAligned: boolean;
  readonly #groups = new Map<string, GroupScan>();
  /** Of each field of the scan: its place among the values of a piece; -1 = none. */
  readonly #columnOf: readonly number[];
  /** Of the open groups. */
  #heldBytes = 0;
  #seriesCount = 0;
  #openSeries: string | undefined;

  constructor(inner: SelectPlan, outer: ShardPlan) {
    this.#inner = inner;
    this.#plan = markRows(outer);
    this.#scan = createShardScan(this.#plan);
    this.#isAligned = outer.dimensions.join('\0') === inner.dimensions.join('\0');
    this.#columnOf = this.#scan.fields.map(({ name }) => inner.names.indexOf(name));
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  *add(piece: SeriesPiece): Generator<ScanBlock> {
    const tags = piece.tags ?? [];
    const series = groupKey(tags.map(([, value]) => value));
    if (series !== this.#openSeries) {
      this.#seriesCount++;
      if (this.#isAligned) yield* this.finish();
    }
    this.#openSeries = series;
    const name = { measurement: piece.name, tags };
    // Rows of one time stay in the order of the inner series.
    const binding = this.#scan.bindSeries(name, String(this.#seriesCount).padStart(12, '0'));
    if (binding === undefined) return;
    const group = this.#groupOf(binding.group);
    const before = group.memoryBytes;
    for (const batch of this.#batchesOf(piece)) group.addBatch(binding, batch);
    if (this.#isAligned) yield* group.drain();
    this.#heldBytes += group.memoryBytes - before;
  }

  /** Blocks of the open groups, in the order of the plan. */
  *finish(): Generator<ScanBlock> {
    const sign = this.#plan.descending ? -1 : 1;
    const groups = [...this.#groups].sort(([a], [b]) => sign * compareText(a, b));
    this.#groups.clear();
    this.#heldBytes = 0;
    for (const [, group] of groups) yield* group.finish();
  }

  #groupOf(values: readonly string[]): GroupScan {
    const key = groupKey(values);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#scan.openGroup(values);
      this.#groups.set(key, group);
    }
    return group;
  }

  /** Stretches of ascending times, in the order of the plan. */
  #batchesOf(piece: SeriesPiece): ColumnBatch[] {
    const { descending } = this.#inner;
    const stored = piece.times ?? new BigInt64Array(piece.rowCount);
    const times = descending ? stored.toReversed() : stored;
    const columns = this.#columnsOf(piece);
    const batches: ColumnBatch[] = [];
    for (let from = 0; from < times.length; ) {
      const until = endOfStretch(times, from);
      batches.push(cutBatch(times, columns, from, until));
      from = until;
    }
    return descending ? batches.reverse() : batches;
  }

  #columnsOf({ rowCount, values }: SeriesPiece): (Column | undefined)[] {
    return this.#scan.fields.map(({ name }, field) => {
      if (name === rowMark) {
        return { type: 'boolean', values: new Uint8Array(rowCount).fill(1), valid: undefined };
      }
      const column = values[this.#columnOf[field]!];
      if (column === undefined || column.type === 'cells') return undefined;
      return this.#inner.descending ? reverseColumn(column) : column;
    });
  }
}

function endOfStretch(times: BigInt64Array, from: number): number {
  const limit = times[from]! + batchSpanMax;
  let until = from + 1;
  while (until < times.length && times[until]! > times[until - 1]! && times[until]! <= limit) {
    until++;
  }
  return until;
}

function cutBatch(
  times: BigInt64Array,
  columns: readonly (Column | undefined)[],
  from: number,
  until: number,
): ColumnBatch {
  const base = times[from]!;
  const offsets = new Float64Array(until - from);
  for (let i = from; i < until; i++) offsets[i - from] = Number(times[i]! - base);
  return {
    rowCount: offsets.length,
    base,
    offsets,
    columns: columns.map((column) => column && sliceColumn(column, from, until)),
  };
}

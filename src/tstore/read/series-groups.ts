/**
 * The series of a plan over several stores, in groups, as numbers: what a million series cost before
 * any of them is looked at is 8 bytes each. A series is bound to the scan only when its turn comes.
 */

import { compareBytes } from '../../base/bytes.ts';
import type { HeldMemory } from '../../base/memory-budget.ts';
import { sortInSlices } from '../../base/sort-in-slices.ts';
import type { RowExpr, ShardPlan } from '../../model/plan.ts';
import { decodeSeriesKey, formatSeriesName } from '../../model/series-key.ts';
import type { SeriesBinding, ShardScan } from '../../scan/scan.ts';
import { compareText } from '../../scan/text-order.ts';
import type { DatabaseIndex } from '../index/database-index.ts';
import { type MeasurementIndex, noSlot } from '../index/measurement-index.ts';
import { selectSlots } from '../index/select-series.ts';
import type { TagColumn } from '../index/tag-column.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreView } from '../store/store-view.ts';
import type { SeriesPlace } from './series-sources.ts';

/** Number of the store * this + slot. */
const storeFactor = 4294967296;
/** A number in a list that grows by doubling, and again while it is sorted. */
const memberBytes = 24;
/** A group with its list, key and places in two maps. */
const groupBytes = 400;
/** Between two looks at the account. */
const membersPerCharge = 4_096;

export interface SeriesGroup {
  /** Values of the plan's dimensions; '' = the series of the group lack the tag. */
  readonly values: readonly string[];
  /** The same joined by NUL. */
  readonly key: string;
  /** Stores and slots as one number each. */
  readonly members: number[];
}

export interface BoundSeries extends SeriesPlace {
  readonly view: StoreView;
  readonly binding: SeriesBinding;
}

/** Finds the group of a series from the codes of its tags, each combination spelled out once. */
class Grouper {
  private readonly columns: readonly (TagColumn | undefined)[];
  private readonly groups: Map<string, SeriesGroup>;
  private readonly known = new Map<string, SeriesGroup>();

  constructor(
    measurement: MeasurementIndex,
    dimensions: readonly string[],
    groups: Map<string, SeriesGroup>,
  ) {
    this.columns = dimensions.map((key) => measurement.tags.get(key));
    this.groups = groups;
  }

  groupOf(ordinal: number): SeriesGroup {
    const codes = this.columns.map((column) => column?.codeOf(ordinal) ?? 0);
    const id = codes.join();
    let group = this.known.get(id);
    if (group === undefined) {
      group = this.spell(codes);
      this.known.set(id, group);
    }
    return group;
  }

  private spell(codes: readonly number[]): SeriesGroup {
    const values = codes.map((code, i) => this.columns[i]?.valueOf(code) ?? '');
    const key = values.join('\0');
    let group = this.groups.get(key);
    if (group === undefined) {
      group = { values, key, members: [] };
      this.groups.set(key, group);
    }
    return group;
  }
}

async function groupStore(
  view: StoreView,
  store: number,
  plan: ShardPlan,
  groups: Map<string, SeriesGroup>,
  { pacer, held }: { readonly pacer: Pacer; readonly held: HeldMemory },
): Promise<void> {
  const index = view.state.databases.get(plan.dbId);
  const measurement = index?.measurements.get(plan.measurement);
  if (index === undefined || measurement === undefined) return;
  const grouper = new Grouper(measurement, plan.dimensions, groups);
  let groupCount = groups.size;
  let uncounted = 0;
  const count = () => {
    held.add(uncounted * memberBytes + (groups.size - groupCount) * groupBytes);
    groupCount = groups.size;
    uncounted = 0;
  };
  for (const slot of selectSlots(measurement, plan.where)) {
    if (slot !== noSlot) {
      grouper.groupOf(index.ordinalOf(slot)).members.push(store * storeFactor + slot);
      if (++uncounted === membersPerCharge) count();
    }
    if (pacer.isDue) await pacer.breathe();
  }
  count();
}

/** Whether the order of series can show in an answer: in raw rows, in rounding, in which value came first. */
function ordersSeries({ output }: ShardPlan): boolean {
  if (output.kind === 'raw' || output.extras.length > 0) return true;
  return output.aggregates.some(({ fn, type }) => {
    if (fn === 'sum' || fn === 'mean') return type === 'float';
    return fn === 'stddev' || fn === 'distinct';
  });
}

function namesTags(expr: RowExpr): boolean {
  switch (expr.kind) {
    case 'tag':
    case 'measurement':
      return true;
    case 'binary':
      return namesTags(expr.left) || namesTags(expr.right);
    case 'call':
      return expr.args.some(namesTags);
    default:
      return false;
  }
}

/** Whether all series of a group are bound alike: nothing of a series but its group is asked for. */
function bindsAlike({ output, where }: ShardPlan): boolean {
  if (output.kind === 'raw' || output.extras.some(({ source }) => source === 'tag')) return false;
  return where === undefined || !namesTags(where);
}

export class PlanSeries {
  private readonly ordersSeries: boolean;
  private readonly bindsAlike: boolean;
  /** The last group and what all its series are bound by, where they are bound alike. */
  private alike: { group: SeriesGroup; binding: SeriesBinding | undefined } | undefined;
  private readonly views: readonly StoreView[];
  private readonly indexes: readonly (DatabaseIndex | undefined)[];
  private readonly plan: ShardPlan;
  private readonly scan: ShardScan;

  constructor(views: readonly StoreView[], plan: ShardPlan, scan: ShardScan) {
    this.views = views;
    this.indexes = views.map((view) => view.state.databases.get(plan.dbId));
    this.plan = plan;
    this.scan = scan;
    this.ordersSeries = ordersSeries(plan);
    this.bindsAlike = bindsAlike(plan);
  }

  /** Groups that may have rows, in the order of the plan. Errors: `cancelled`, `limit-exceeded`. */
  async findGroups(pacer: Pacer, held: HeldMemory): Promise<SeriesGroup[]> {
    const groups = new Map<string, SeriesGroup>();
    for (const [store, view] of this.views.entries()) {
      await groupStore(view, store, this.plan, groups, { pacer, held });
    }
    const sign = this.plan.descending ? -1 : 1;
    const compare = (a: SeriesGroup, b: SeriesGroup) => sign * compareText(a.key, b.key);
    return sortInSlices([...groups.values()], compare, () => pacer.breathe());
  }

  /** Members of a group, by series key where sums would depend on the order of arrival. */
  async sortMembers(group: SeriesGroup, pacer: Pacer): Promise<readonly number[]> {
    if (!this.ordersSeries) return group.members;
    const compare = (a: number, b: number) => compareBytes(this.keyOf(a), this.keyOf(b));
    return sortInSlices(group.members, compare, () => pacer.breathe());
  }

  private keyOf(member: number): Uint8Array {
    return this.indexes[Math.floor(member / storeFactor)]!.keyOf(member % storeFactor);
  }

  /** Undefined: no row of the series can count. */
  bind(member: number, group: SeriesGroup): BoundSeries | undefined {
    const store = Math.floor(member / storeFactor);
    const slot = member % storeFactor;
    const index = this.indexes[store]!;
    const binding = this.bindingOf(index, slot, group);
    if (binding === undefined) return undefined;
    return { view: this.views[store]!, index, slot, seriesId: index.idOf(slot), binding };
  }

  private bindingOf(
    index: DatabaseIndex,
    slot: number,
    group: SeriesGroup,
  ): SeriesBinding | undefined {
    if (!this.bindsAlike) {
      const name = decodeSeriesKey(index.keyOf(slot));
      return this.scan.bindSeries(name, formatSeriesName(name));
    }
    if (this.alike?.group !== group) this.alike = { group, binding: this.bindGroup(group) };
    return this.alike.binding;
  }

  /** Without a look at a series: its other tags and its key do not matter. */
  private bindGroup({ values }: SeriesGroup): SeriesBinding | undefined {
    const { measurement, dimensions } = this.plan;
    const tags = dimensions.map((key, i): [string, string] => [key, values[i]!]);
    return this.scan.bindSeries({ measurement, tags }, '');
  }
}

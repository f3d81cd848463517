/** What all groups of one scan share. */

import type { ShardPlan } from '../../model/plan.ts';
import type { ShardScan } from '../../scan/scan.ts';
import type { Span } from '../memtable/segment-piece.ts';
import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import type { PartitionView, StoreView } from '../store/store-view.ts';
import type { ScanMemory } from './scan-memory.ts';
import type { PlanSeries, SeriesGroup } from './series-groups.ts';
import type { Wanted } from './series-sources.ts';

export interface PartitionSpan {
  readonly partition: PartitionView;
  readonly span: Span;
}

export interface ScanRun {
  readonly plan: ShardPlan;
  readonly scan: ShardScan;
  readonly pacer: Pacer;
  readonly series: PlanSeries;
  readonly spans: ReadonlyMap<StoreView, readonly PartitionSpan[]>;
  readonly wanted: WantedByStore;
  readonly memory: ScanMemory;
}

/** The series of a group in the order in which they are read. */
export interface Members {
  readonly of: SeriesGroup;
  readonly members: readonly number[];
}

/** The fields of a scan as each store numbers them. */
export class WantedByStore {
  private readonly plan: ShardPlan;
  private readonly scan: ShardScan;
  private readonly known = new Map<StoreState, Wanted>();

  constructor(plan: ShardPlan, scan: ShardScan) {
    this.plan = plan;
    this.scan = scan;
  }

  of(state: StoreState): Wanted {
    let wanted = this.known.get(state);
    if (wanted === undefined) {
      const { fields } = this.scan;
      wanted = {
        measurement: this.plan.measurement,
        fields,
        numbers: fields.map(({ name, type }) => state.fieldNames.find(name, type)),
      };
      this.known.set(state, wanted);
    }
    return wanted;
  }
}

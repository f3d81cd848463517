/** One bounded step of background work. */

import type { Pacer } from '../store/pacer.ts';
import type { StoreState } from '../store/store-state.ts';
import { sweepSeries } from '../store/sweep-series.ts';

/** True when something was done. */
export async function compactOnce(
  state: StoreState,
  stableHlc: number,
  pacer: Pacer,
): Promise<boolean> {
  if (stableHlc < 0) return false;
  if (state.sweepNeeded) await sweepSeries(state, pacer);
  return false;
}

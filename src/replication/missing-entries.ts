/** Which entries one replica has and another lacks. Pure. */

import type { ReplicaCore } from './replica-core.ts';
import type { EntryRange } from './replica-events.ts';
import type { Versions } from './version-vector.ts';

export interface Missing {
  readonly ranges: readonly EntryRange[];
  /** Some of it is no longer in the log. */
  readonly isTrimmed: boolean;
}

export interface AskerHas {
  readonly versions: Versions;
  /** Above `versions`: on their way to its log. */
  readonly received: Versions;
  /** False: what was pushed a moment ago is on its way and left out. */
  readonly isUrgent: boolean;
  /** Own entries from this one on were pushed and keep arriving: left out unless it is urgent. */
  readonly inFlightFrom: number;
}

export function findMissing(core: ReplicaCore, asker: AskerHas): Missing {
  const ranges: EntryRange[] = [];
  let isTrimmed = false;
  for (const [origin, sequence] of core.versions.entries()) {
    const durable = asker.versions[origin] ?? 0;
    const have = Math.max(durable, asker.received[origin] ?? 0);
    const isFresh = origin === core.origin && !asker.isUrgent;
    const to = isFresh
      ? Math.min(sequence, core.settledSequence, asker.inFlightFrom - 1)
      : sequence;
    if (have >= to) continue;
    if (have < (core.logBase.get(origin) ?? 0)) isTrimmed = true;
    else ranges.push({ origin, from: have + 1, to });
  }
  return { ranges, isTrimmed };
}

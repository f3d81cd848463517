/** Wrong behaviour that the simulation must notice (replication: planted bugs). Some sit in the replica, most in the shell. */

import { HybridClock, hlcPerMs, toHlc } from '../../src/replication/hybrid-clock.ts';
import type { ReplicaFaults } from '../../src/replication/replica-core.ts';

export type PlantedBug =
  | 'hints'
  | 'nosnap'
  | 'arrival'
  | 'seqreuse'
  | 'snapreplace'
  | 'ackbeforefsync'
  | 'wallclock'
  | 'truncate'
  | 'promoteblind'
  | 'snapvv'
  | 'nopromise'
  | 'gctime'
  | 'gcvv'
  | 'nodrain'
  | 'norebuild'
  | 'leavingacks'
  | 'nowake'
  | 'noconfirm'
  | 'readone';

export const plantedBugs: readonly PlantedBug[] = [
  'hints',
  'nosnap',
  'arrival',
  'seqreuse',
  'snapreplace',
  'ackbeforefsync',
  'wallclock',
  'truncate',
  'promoteblind',
  'snapvv',
  'nopromise',
  'gctime',
  'gcvv',
  'nodrain',
  'norebuild',
  'leavingacks',
  'nowake',
  'noconfirm',
  'readone',
];

export function faultsOf(bug: PlantedBug | undefined): ReplicaFaults {
  if (bug === 'promoteblind') return { promotesBlindly: true };
  if (bug === 'nopromise') return { forgetsPromises: true };
  if (bug === 'nowake') return { ignoresPauses: true };
  return {};
}

/** Stamps are wall time alone: they go back with it. */
class WallClock extends HybridClock {
  #count = 0;

  override next(wallMs: number): number {
    this.#count = (this.#count + 1) % hlcPerMs;
    return toHlc(wallMs) + this.#count;
  }

  override observe(): void {
    // A clock that listens to nobody.
  }
}

export function makeClock(bug: PlantedBug | undefined, last: number): HybridClock {
  return bug === 'wallclock' ? new WallClock(last) : new HybridClock(last);
}

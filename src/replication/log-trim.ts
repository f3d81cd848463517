/**
 * Which entries the log may give up, as far as other replicas are concerned (that the stores here have them durably is
 * the shell's condition). Normally what every holder has; under pressure what at least one other holder has: who lacks
 * it then gets a snapshot. What nobody else has stays, unless nobody was heard for long.
 */

import type { ReplicaCore } from './replica-core.ts';
import type { Versions } from './version-vector.ts';

/** Under pressure, with every peer unheard for so long, entries that only this replica has may go; their rows stay. */
export const lonelyTrimMs = 600_000;

export function trimVersions(core: ReplicaCore, isUnderPressure: boolean): Versions {
  if (core.record === undefined) return {};
  if (core.isAlone) return core.versions.toRecord();
  const peers = [...core.peers.values()];
  if (peers.length === 0) return {};
  const isLonely = peers.every((peer) => core.nowMs - peer.heardMs >= lonelyTrimMs);
  if (isUnderPressure && isLonely) return core.versions.toRecord();
  const trimmable: Record<string, number> = {};
  for (const [origin, mine] of core.versions.entries()) {
    const theirs = peers.map((peer) => peer.known.get(origin));
    const others = isUnderPressure ? Math.max(...theirs) : Math.min(...theirs);
    const sequence = Math.min(mine, others);
    if (sequence > 0) trimmable[origin] = sequence;
  }
  return trimmable;
}

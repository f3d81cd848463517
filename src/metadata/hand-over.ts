/**
 * A node that is about to stop says so in its record; the replicas of its shards then promote others, as they
 * would if it were gone, while it still answers their questions.
 */

import type { Env } from '../env/env.ts';
import { type ClusterMap, liveNodesOf } from '../model/cluster.ts';
import type { ClusterView } from './cluster-view.ts';
import { storeKinds } from './map-state.ts';
import type { Session } from './session.ts';

/** Shards of which a node is primary although another replica could be. */
export function countPrimariesToGive(map: ClusterMap, node: string): number {
  const live = liveNodesOf(map);
  let count = 0;
  for (const kind of storeKinds) {
    for (const { primary, replicas } of map.shards[kind]) {
      const hasOther = replicas.some((uuid) => uuid !== node && live.has(uuid));
      if (primary === node && hasOther) count++;
    }
  }
  return count;
}

/** Resolves when every primary that can be is given away, or after `patienceMs`. */
export async function handOverPrimaries(
  { timers, log, clock }: Pick<Env, 'timers' | 'log' | 'clock'>,
  view: ClusterView,
  session: Session,
  patienceMs: number,
): Promise<void> {
  const beganMs = clock.monotonicMs();
  const before = countPrimariesToGive(view.map, view.self);
  if (before === 0) return;
  try {
    await session.announceStop();
  } catch (error) {
    log.warn('cannot hand over before the stop', { error: String(error) });
    return;
  }
  const left = () => countPrimariesToGive(view.map, view.self);
  await new Promise<void>((resolve) => {
    const finish = () => {
      timer.cancel();
      stopListening();
      resolve();
    };
    const timer = timers.after(patienceMs, finish);
    const stopListening = view.onChange(() => {
      if (left() === 0) finish();
    });
    if (left() === 0) finish();
  });
  const ms = Math.round(clock.monotonicMs() - beganMs);
  log.info('handed over', { primaries: before - left(), left: left(), ms });
}

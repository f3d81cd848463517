/** What routing works with. */

import { CitadelError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import type { ClusterView } from '../../metadata/cluster-view.ts';
import type { ShardRecord, StoreKind } from '../../model/cluster.ts';
import type { DataNodeApi } from '../../rpc/data-node-api.ts';
import type { AckedMarks } from './acked-marks.ts';

export interface RouteParts {
  readonly env: Pick<Env, 'clock' | 'timers' | 'rng' | 'log'>;
  readonly cluster: ClusterView;
  /** This node's own or a client of it; undefined = no such node is known. */
  readonly dataNode: (uuid: string) => DataNodeApi | undefined;
  /** Of shards of this kind. */
  readonly marks: AckedMarks;
  /** Whose shards are meant. Default `tstore`. */
  readonly kind?: StoreKind;
}

function recordsOf({ cluster, kind = 'tstore' }: RouteParts): readonly ShardRecord[] {
  return cluster.map.shards[kind];
}

/** Every shard of the kind. @throws CitadelError `unavailable` while the shard map is being made */
export function shardsOf(parts: RouteParts): readonly ShardRecord[] {
  const records = recordsOf(parts);
  if (records.length === 0) recordOf(parts, 0);
  return records;
}

/** A look at the metadata store on the way of a request waits so long. */
const refreshPatienceMs = 500;

/** @throws CitadelError `unavailable` while the shard map is being made */
export function recordOf(parts: RouteParts, shard: number): ShardRecord {
  const records = recordsOf(parts);
  const record = records[shard];
  if (record !== undefined) return record;
  const { length } = records;
  const message =
    length === 0
      ? 'cannot reach any shard: the cluster has not placed its shards yet'
      : `cannot reach shard ${shard}: there are only ${length}`;
  throw new CitadelError('unavailable', message);
}

/** The map as the store has it, or as it is known when the store does not answer soon. */
export async function refreshMap({ cluster, env }: RouteParts, signal: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const end = () => waiting.abort();
  cluster.refresh().then(end, end);
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  await pause(env.timers, refreshPatienceMs, waiting.signal);
  signal.removeEventListener('abort', end);
}

/** Ends early, without an error, when the signal fires. */
export async function pause(
  timers: Pick<Env['timers'], 'sleep'>,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await timers.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

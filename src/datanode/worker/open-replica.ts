/**
 * Finds and opens the replicas of a data directory: `shard-<nnnn>-<replica id>`, of keys `kshard-...`, each with a
 * `replica.json`. Shards are known by their slots here (slots.ts).
 *
 * A replica that was saved as empty begins with an empty store: what a broken-off snapshot left of it stays
 * where it is, in a directory that no longer counts. Nothing is deleted here.
 */

import type { Disk, Env } from '../../env/env.ts';
import { toHex } from '../identity.ts';
import { kindOfSlot, shardOfSlot, slotOf } from '../slots.ts';
import {
  loadReplicaFacts,
  type ReplicaFacts,
  replicaFactsFirst,
  saveReplicaFacts,
} from './replica-file.ts';
import { isUntouched, type OpenStore } from './replica-store.ts';
import type { ReplicaHome } from './shard-replica.ts';

export interface HomeOptions {
  readonly env: Pick<Env, 'rng' | 'log'>;
  readonly disk: Disk;
  readonly openStore: OpenStore;
}

export interface FoundReplica {
  readonly shard: number;
  readonly replicaId: string;
  readonly directory: string;
  readonly facts: ReplicaFacts;
}

const replicaDirectory = /^(k?)shard-(\d{4})-([0-9a-f]{16})$/;

function directoryOf(shard: number, replicaId: string): string {
  const name = kindOfSlot(shard) === 'tstore' ? 'shard' : 'kshard';
  return `${name}-${String(shardOfSlot(shard)).padStart(4, '0')}-${replicaId}`;
}

/** A directory without `replica.json`: made by an older release, or not finished. */
async function factsOf(disk: Disk, directory: string): Promise<ReplicaFacts | undefined> {
  const facts = await loadReplicaFacts(disk, directory);
  if (facts !== undefined) return facts;
  const names = await disk.list(directory);
  return names.some((name) => !name.endsWith('.tmp')) ? replicaFactsFirst : undefined;
}

/** The replicas that count, by shard. @throws CitadelError `corrupt`, `unsupported-version`, naming the file */
export async function findReplicas(disk: Disk): Promise<Map<number, FoundReplica>> {
  const found = new Map<number, FoundReplica>();
  for (const directory of await disk.list('.')) {
    const match = replicaDirectory.exec(directory);
    if (match === null) continue;
    const facts = await factsOf(disk, directory);
    if (facts === undefined) continue;
    const shard = slotOf(match[1] === '' ? 'tstore' : 'kstore', Number(match[2]));
    const known = found.get(shard);
    if (known !== undefined && known.facts.generation > facts.generation) continue;
    found.set(shard, { shard, replicaId: match[3]!, directory, facts });
  }
  return found;
}

async function makeHome(
  { env, disk, openStore }: HomeOptions,
  shard: number,
  facts: ReplicaFacts,
): Promise<ReplicaHome> {
  const replicaId = toHex(env.rng.bytes(8));
  const directory = directoryOf(shard, replicaId);
  await disk.makeDirectory(directory);
  await saveReplicaFacts(disk, directory, facts);
  // The log names replicas by id: a power cut must not take the directories that say which those are.
  await disk.syncDirectory('.');
  return { replicaId, directory, facts, store: await openStore(shard, directory) };
}

/** Opens what was found. Errors: as of stores. */
export async function openHome(options: HomeOptions, found: FoundReplica): Promise<ReplicaHome> {
  const { shard, replicaId, directory, facts } = found;
  const store = await options.openStore(shard, directory);
  if (!facts.isEmpty || isUntouched(store)) return { replicaId, directory, facts, store };
  await store.close();
  return renewHome(options, shard, found);
}

/** A replica that was not here before. `isEmpty`: it has to be filled from a peer. */
export function createHome(
  options: HomeOptions,
  shard: number,
  isEmpty: boolean,
): Promise<ReplicaHome> {
  return makeHome(options, shard, { ...replicaFactsFirst, isEmpty });
}

/** An empty store in place of one that is closed; the promise is kept. */
export async function renewHome(
  options: HomeOptions,
  shard: number,
  { directory, facts }: Pick<ReplicaHome, 'directory' | 'facts'>,
): Promise<ReplicaHome> {
  const next = { ...facts, generation: facts.generation + 1, isEmpty: true };
  const home = await makeHome(options, shard, next);
  options.env.log.warn('replica starts anew, its old directory no longer counts', {
    shard,
    old: directory,
    directory: home.directory,
  });
  return home;
}

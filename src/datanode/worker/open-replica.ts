/**
 * Finds and opens the replicas of a data directory: `shard-<nnnn>-<replica id>`, of keys `kshard-...`, each with a
 * `replica.json` and its copy. Shards are known by their slots here (slots.ts).
 *
 * A replica that was saved as empty begins with an empty store: what a broken-off snapshot left of it stays
 * where it is, in a directory that no longer counts. Nothing is deleted here.
 */

import { CitadelError } from '../../base/errors.ts';
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
  /** One of the two files with them is missing or damaged. */
  readonly isHalf: boolean;
  /** Neither file with them can be read, in a directory of the shard: what was promised is not known. */
  readonly problem: CitadelError | undefined;
}

const replicaDirectory = /^(k?)shard-(\d{4})-([0-9a-f]{16})$/;

function directoryOf(shard: number, replicaId: string): string {
  const name = kindOfSlot(shard) === 'tstore' ? 'shard' : 'kshard';
  return `${name}-${String(shardOfSlot(shard)).padStart(4, '0')}-${replicaId}`;
}

type FoundFacts = Pick<FoundReplica, 'facts' | 'isHalf' | 'problem'>;

/** A directory without `replica.json`: made by an older release, or not finished. */
async function factsOf(disk: Disk, directory: string): Promise<FoundFacts | undefined> {
  try {
    const stored = await loadReplicaFacts(disk, directory);
    if (stored !== undefined) return { ...stored, problem: undefined };
  } catch (error) {
    if (!(error instanceof CitadelError) || error.code !== 'corrupt') throw error;
    return { facts: replicaFactsFirst, isHalf: false, problem: error };
  }
  const names = await disk.list(directory);
  const isUsed = names.some((name) => !name.endsWith('.tmp'));
  return isUsed ? { facts: replicaFactsFirst, isHalf: true, problem: undefined } : undefined;
}

/** Whether it takes the place of the one known: of two readable ones the later, of others the one that cannot be read. */
function isPreferred(one: FoundFacts, known: FoundReplica | undefined): boolean {
  if (known === undefined || one.problem !== undefined) return true;
  return known.problem === undefined && known.facts.generation <= one.facts.generation;
}

/** The replicas that count, by shard. @throws CitadelError `unsupported-version`, naming the file */
export async function findReplicas(disk: Disk): Promise<Map<number, FoundReplica>> {
  const found = new Map<number, FoundReplica>();
  for (const directory of await disk.list('.')) {
    const match = replicaDirectory.exec(directory);
    if (match === null) continue;
    const known = await factsOf(disk, directory);
    if (known === undefined) continue;
    const shard = slotOf(match[1] === '' ? 'tstore' : 'kstore', Number(match[2]));
    if (!isPreferred(known, found.get(shard))) continue;
    found.set(shard, { shard, replicaId: match[3]!, directory, ...known });
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

/** What a start finds once shall be there twice; a full disk must not keep the replica from opening. */
async function completeFacts(
  { disk, env }: HomeOptions,
  { shard, directory, facts }: FoundReplica,
): Promise<void> {
  try {
    await saveReplicaFacts(disk, directory, facts);
    env.log.info('state of a replica saved twice again', { shard, directory });
  } catch (error) {
    env.log.warn('cannot save the state of a replica', { shard, error });
  }
}

/** Opens what was found. Errors: as of stores; `corrupt` when a file that everything hangs on is damaged. */
export async function openHome(options: HomeOptions, found: FoundReplica): Promise<ReplicaHome> {
  const { shard, replicaId, directory, facts, isHalf, problem } = found;
  if (problem !== undefined) throw problem;
  if (isHalf) await completeFacts(options, found);
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

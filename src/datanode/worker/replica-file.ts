/**
 * `replica.json` of a shard replica's directory: what it must never forget and the log cannot tell. It is there twice, so
 * that damage to one file loses nothing.
 *
 * Written first in a new directory, so that one without it holds what an older release stored there.
 * Format: docs/formats/data-directory.md.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../../base/errors.ts';
import type { Disk } from '../../env/env.ts';

export interface ReplicaFacts {
  /** Of two directories of a shard the one with the higher generation is the replica; the other was replaced. */
  readonly generation: number;
  /** Highest epoch promised. */
  readonly promised: number;
  /** It has no complete data: its first snapshot was never merged. */
  readonly isEmpty: boolean;
}

export const replicaFactsFirst: ReplicaFacts = { generation: 1, promised: 0, isEmpty: false };

const versionNow = 1;

const fileNames = ['replica.json', 'replica-copy.json'] as const;

function checksum({ generation, promised, isEmpty }: ReplicaFacts): number {
  return crc32(JSON.stringify({ generation, promised, isEmpty }));
}

/** Durable, twice, when it resolves. */
export async function saveReplicaFacts(
  disk: Disk,
  directory: string,
  facts: ReplicaFacts,
): Promise<void> {
  const stored = { version: versionNow, ...facts, checksum: checksum(facts) };
  const bytes = new TextEncoder().encode(`${JSON.stringify(stored, undefined, 2)}\n`);
  const saves = fileNames.map((name) => disk.writeAtomic(`${directory}/${name}`, bytes));
  // Both have ended before another attempt begins.
  for (const save of await Promise.allSettled(saves)) {
    if (save.status === 'rejected') throw save.reason;
  }
}

function damaged(file: string, cause?: unknown): CitadelError {
  const message = `cannot open ${file}: it is damaged, and so is its copy; without its directory the replica is filled again from its peers`;
  return new CitadelError('corrupt', message, { cause, details: { file } });
}

function decode(bytes: Uint8Array, file: string): ReplicaFacts {
  let stored: ReplicaFacts & { readonly version: number; readonly checksum: number };
  try {
    stored = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw damaged(file, cause);
  }
  if (typeof stored?.version === 'number' && stored.version !== versionNow) {
    throw new CitadelError('unsupported-version', `cannot open ${file}: it needs a newer release`);
  }
  const { generation, promised, isEmpty } = stored ?? {};
  const facts = { generation, promised, isEmpty };
  if (stored?.checksum !== checksum(facts)) throw damaged(file);
  return facts;
}

function isEqual(a: ReplicaFacts, b: ReplicaFacts): boolean {
  return a.generation === b.generation && a.promised === b.promised && a.isEmpty === b.isEmpty;
}

/** Undefined = there is none. */
async function loadOne(disk: Disk, file: string): Promise<ReplicaFacts | undefined> {
  try {
    return decode(await disk.readAll(file), file);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/**
 * Of a save that was cut short nothing was answered, so either copy would do. The higher promise is the safe one, and not to
 * put aside what is here.
 */
function join(a: ReplicaFacts, b: ReplicaFacts): ReplicaFacts {
  const { generation } = a;
  return {
    generation,
    promised: Math.max(a.promised, b.promised),
    isEmpty: a.isEmpty && b.isEmpty,
  };
}

interface StoredFacts {
  readonly facts: ReplicaFacts;
  /** One of the two files is missing, damaged, or behind the other: to be saved again. */
  readonly isHalf: boolean;
}

/** Of one file alone: a later release writes both, so one of another version than the other is a damaged one. */
const refusals: ReadonlySet<string> = new Set(['corrupt', 'unsupported-version']);

/**
 * A promise that was forgotten could be broken, so with both files damaged nothing is guessed. Undefined = there is none.
 * @throws CitadelError `corrupt`, `unsupported-version`
 */
export async function loadReplicaFacts(
  disk: Disk,
  directory: string,
): Promise<StoredFacts | undefined> {
  let found: ReplicaFacts | undefined;
  let problem: CitadelError | undefined;
  let isHalf = false;
  for (const name of fileNames) {
    try {
      const facts = await loadOne(disk, `${directory}/${name}`);
      const isOther = found !== undefined && facts !== undefined && !isEqual(found, facts);
      isHalf ||= facts === undefined || isOther;
      found = facts && found ? join(found, facts) : (facts ?? found);
    } catch (error) {
      if (!(error instanceof CitadelError) || !refusals.has(error.code)) throw error;
      problem ??= error;
      isHalf = true;
    }
  }
  if (found !== undefined) return { facts: found, isHalf };
  if (problem !== undefined) throw problem;
  return undefined;
}

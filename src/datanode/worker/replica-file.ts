/**
 * `replica.json` of a shard replica's directory: what it must never forget and the log cannot tell.
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

function fileOf(directory: string): string {
  return `${directory}/replica.json`;
}

function checksum({ generation, promised, isEmpty }: ReplicaFacts): number {
  return crc32(JSON.stringify({ generation, promised, isEmpty }));
}

/** Durable when it resolves. */
export async function saveReplicaFacts(
  disk: Disk,
  directory: string,
  facts: ReplicaFacts,
): Promise<void> {
  const stored = { version: versionNow, ...facts, checksum: checksum(facts) };
  const text = `${JSON.stringify(stored, undefined, 2)}\n`;
  await disk.writeAtomic(fileOf(directory), new TextEncoder().encode(text));
}

function damaged(file: string, cause?: unknown): CitadelError {
  const message = `cannot open ${file}: it is damaged; without its directory the replica is filled again from its peers`;
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

/**
 * A promise that was forgotten could be broken, so a damaged file is never guessed.
 * @throws CitadelError `corrupt`, `unsupported-version`
 */
export async function loadReplicaFacts(
  disk: Disk,
  directory: string,
): Promise<ReplicaFacts | undefined> {
  const file = fileOf(directory);
  try {
    return decode(await disk.readAll(file), file);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return undefined;
    throw error;
  }
}

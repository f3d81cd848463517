/**
 * Damage in a commit log that took entries nobody has a copy of: what it hides, kept until an operator
 * removes the record. A read that touches the hidden range fails instead of answering without them.
 *
 * File: docs/formats/commit-log.md, `damage.json` beside the segments.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import type { Disk } from '../../env/env.ts';
import { allTime, type TimeRange } from '../../model/time.ts';

/** Ids undefined = any; the range is what the lost entries may have covered. */
export interface LogFault {
  readonly file: string;
  readonly offset: number;
  readonly shard: number;
  readonly replicaId: string;
  /** Missing entries: from this lsn up to this one; Infinity is not stored: `lsnTo` 0 = unknown. */
  readonly lsnFrom: number;
  readonly lsnTo: number;
  readonly dbId: string | undefined;
  readonly rpId: string | undefined;
  readonly range: TimeRange;
}

const faultsFile = 'damage.json';
const versionNow = 1;
const anyPolicy = '0000000000000000';

interface StoredFault {
  readonly file: string;
  readonly offset: number;
  readonly shard: number;
  readonly replicaId: string;
  readonly lsnFrom: number;
  readonly lsnTo: number;
  readonly dbId: string | null;
  readonly rpId: string | null;
  readonly minTime: string;
  readonly maxTime: string;
}

/** The 32 bytes of a record's header that say what its frame covered. */
export function readScope(scope: Uint8Array): Pick<LogFault, 'dbId' | 'rpId' | 'range'> {
  const view = viewOf(scope);
  const id = (at: number) => view.getBigUint64(at, true).toString(16).padStart(16, '0');
  const rpId = id(8);
  return {
    dbId: id(0),
    rpId: rpId === anyPolicy ? undefined : rpId,
    range: { min: view.getBigInt64(16, true), max: view.getBigInt64(24, true) },
  };
}

export const unknownScope = { dbId: undefined, rpId: undefined, range: allTime };

export function describeFault(fault: LogFault): string {
  const { file, offset, shard, lsnFrom, lsnTo } = fault;
  const entries = lsnTo === 0 ? `entries from lsn ${lsnFrom}` : `entries ${lsnFrom} to ${lsnTo}`;
  return `${file} is damaged at offset ${offset}: ${entries} of shard ${shard} are lost`;
}

/** `rpId`, `range` undefined = all. */
export function faultHides(
  fault: LogFault,
  asked: { dbId: string; rpId: string | undefined; range: TimeRange | undefined },
): boolean {
  if (fault.dbId !== undefined && fault.dbId !== asked.dbId) return false;
  const otherPolicy = fault.rpId !== undefined && asked.rpId !== undefined;
  if (otherPolicy && fault.rpId !== asked.rpId) return false;
  if (asked.range === undefined) return true;
  return fault.range.min <= asked.range.max && asked.range.min <= fault.range.max;
}

/** @throws CitadelError `corrupt`, naming file and offset, when the range asked for is not whole. */
export function refuseHidden(
  faults: readonly LogFault[],
  asked: { dbId: string; rpId: string | undefined; range: TimeRange | undefined },
): void {
  const fault = faults.find((candidate) => faultHides(candidate, asked));
  if (fault === undefined) return;
  throw new CitadelError('corrupt', `cannot read: ${describeFault(fault)}`, {
    details: { file: fault.file, offset: fault.offset, shard: fault.shard },
  });
}

function toStored({ range, ...fault }: LogFault): StoredFault {
  return {
    ...fault,
    dbId: fault.dbId ?? null,
    rpId: fault.rpId ?? null,
    minTime: String(range.min),
    maxTime: String(range.max),
  };
}

function fromStored({ minTime, maxTime, ...fault }: StoredFault): LogFault {
  return {
    ...fault,
    dbId: fault.dbId ?? undefined,
    rpId: fault.rpId ?? undefined,
    range: { min: BigInt(minTime), max: BigInt(maxTime) },
  };
}

export async function saveFaults(
  disk: Disk,
  directory: string,
  faults: readonly LogFault[],
): Promise<void> {
  const stored = faults.map(toStored);
  const checksum = crc32(JSON.stringify(stored));
  const text = JSON.stringify({ version: versionNow, faults: stored, checksum }, undefined, 2);
  await disk.writeAtomic(`${directory}/${faultsFile}`, new TextEncoder().encode(`${text}\n`));
}

/** Errors: `corrupt` when the record itself is damaged. */
export async function loadFaults(disk: Disk, directory: string): Promise<LogFault[]> {
  const file = `${directory}/${faultsFile}`;
  let bytes: Uint8Array;
  try {
    bytes = await disk.readAll(file);
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'not-found') return [];
    throw error;
  }
  try {
    const { version, faults, checksum } = JSON.parse(new TextDecoder().decode(bytes)) as {
      version: number;
      faults: StoredFault[];
      checksum: number;
    };
    if (version === versionNow && checksum === crc32(JSON.stringify(faults))) {
      return faults.map(fromStored);
    }
  } catch (cause) {
    throw new CitadelError('corrupt', `cannot read ${file}: it is damaged`, { cause });
  }
  throw new CitadelError('corrupt', `cannot read ${file}: it is damaged`, { details: { file } });
}

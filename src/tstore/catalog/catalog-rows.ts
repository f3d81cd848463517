/** Bodies of the small catalog rows: tombstones, files, drops. JSON, so that a later release can add to them. */

import { CitadelError } from '../../base/errors.ts';
import { decodeDeletePredicate, encodeDeletePredicate } from '../../model/delete-predicate.ts';
import type { DeletePredicate } from '../../model/plan.ts';

/** A delete that may still hide cells. */
export interface Tombstone {
  readonly no: number;
  readonly dbId: string;
  readonly predicate: DeletePredicate;
  readonly hlc: number;
  /** 16 hex digits. */
  readonly origin: string;
  readonly lsn: number;
}

/** A partition file and the state it must at least have. */
export interface FileRecord {
  readonly fileId: number;
  readonly dbId: string;
  readonly rpId: string;
  readonly path: string;
  readonly start: string;
  readonly end: string;
  readonly lsn: number;
  readonly generation: number;
  /** '' = sound. */
  readonly quarantine: string;
  /** On its way to the trash: nothing reads it any more. */
  readonly leaving: boolean;
}

/** A database or policy that was dropped: frames of it in the log are ignored. */
export interface DropRecord {
  readonly dbId: string;
  /** '' = the whole database. */
  readonly rpId: string;
  /** Frames at or below this lsn are of it, later ones too: ids are never given again. */
  readonly lsn: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function encodeRecord(record: FileRecord | DropRecord): Uint8Array {
  return encoder.encode(JSON.stringify(record));
}

function parseObject(body: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(decoder.decode(body));
  if (typeof value !== 'object' || value === null) {
    throw new CitadelError('corrupt', 'cannot read catalog row: no object');
  }
  return value as Record<string, unknown>;
}

export function decodeFileRecord(body: Uint8Array): FileRecord {
  return parseObject(body) as unknown as FileRecord;
}

export function decodeDropRecord(body: Uint8Array): DropRecord {
  return parseObject(body) as unknown as DropRecord;
}

export function encodeTombstone(tombstone: Tombstone): Uint8Array {
  const { no, dbId, hlc, origin, lsn } = tombstone;
  const predicate = decoder.decode(encodeDeletePredicate(tombstone.predicate));
  return encoder.encode(JSON.stringify({ no, dbId, hlc, origin, lsn, predicate }));
}

export function decodeTombstone(body: Uint8Array): Tombstone {
  const record = parseObject(body) as unknown as Omit<Tombstone, 'predicate'> & {
    predicate: string;
  };
  return { ...record, predicate: decodeDeletePredicate(encoder.encode(record.predicate)) };
}

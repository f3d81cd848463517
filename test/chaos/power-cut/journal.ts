/**
 * Reads the journal that powercut.c keeps: every call that changed a file or a name, in order, and how
 * far syncs have made each file and directory durable.
 *
 * A record cut off at the end tells of a call that never happened: the process was killed before it.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of a file. `at`: place in the journal. Inode numbers stand for files and directories. */
export interface DataChange {
  readonly kind: 'write' | 'truncate';
  readonly at: number;
  readonly inode: bigint;
  /** Of a write; the new size of a truncation. */
  readonly offset: number;
  readonly sizeBefore: number;
  readonly before: Uint8Array;
  readonly written: Uint8Array;
}

/** A name made, taken away or moved. `other` is the file or directory it stands for. */
export interface NameChange {
  readonly kind: 'create' | 'mkdir' | 'remove' | 'rmdir';
  readonly at: number;
  readonly directory: bigint;
  readonly name: string;
  readonly other: bigint;
}

export interface Rename {
  readonly kind: 'rename';
  readonly at: number;
  readonly fromDirectory: bigint;
  readonly from: string;
  /** Where it is now; a sync of this directory makes it durable. */
  readonly directory: bigint;
  readonly name: string;
  readonly other: bigint;
  /** What had the name before; undefined = nothing. */
  readonly replaced: bigint | undefined;
}

export interface Journal {
  readonly data: readonly DataChange[];
  readonly names: readonly (NameChange | Rename)[];
  /** Changes of an inode up to this place survive a power cut. */
  readonly durable: ReadonlyMap<bigint, number>;
}

const recordSize = 48;
const kinds = [
  'write',
  'truncate',
  'sync',
  'create',
  'mkdir',
  'remove',
  'rename',
  'rmdir',
] as const;

interface RawRecord {
  readonly at: number;
  readonly first: Buffer;
  readonly second: Buffer;
  readonly inode: bigint;
  readonly offset: bigint;
  readonly size: bigint;
  readonly other: bigint;
}

function toRename(raw: RawRecord): Rename {
  return {
    kind: 'rename',
    at: raw.at,
    fromDirectory: raw.inode,
    from: raw.first.toString(),
    directory: raw.other,
    name: raw.second.toString(),
    other: raw.offset,
    replaced: raw.size === 0n ? undefined : raw.size,
  };
}

function toDataChange(kind: DataChange['kind'], raw: RawRecord): DataChange {
  return {
    kind,
    at: raw.at,
    inode: raw.inode,
    offset: Number(raw.offset),
    sizeBefore: Number(raw.size),
    before: raw.first,
    written: raw.second,
  };
}

/** The journal of a directory that was never started is empty. @throws Error on an unknown record */
export function readJournal(directory: string): Journal {
  const path = join(directory, 'journal');
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const data: DataChange[] = [];
  const names: (NameChange | Rename)[] = [];
  const durable = new Map<bigint, number>();
  for (let at = 0; at + recordSize <= bytes.length; ) {
    const firstEnd = at + recordSize + bytes.readUInt32LE(at + 4);
    const end = firstEnd + bytes.readUInt32LE(at + 8);
    if (end > bytes.length) break;
    const raw: RawRecord = {
      at,
      first: bytes.subarray(at + recordSize, firstEnd),
      second: bytes.subarray(firstEnd, end),
      inode: bytes.readBigUInt64LE(at + 16),
      offset: bytes.readBigUInt64LE(at + 24),
      size: bytes.readBigUInt64LE(at + 32),
      other: bytes.readBigUInt64LE(at + 40),
    };
    const kind = kinds[bytes.readUInt32LE(at) - 1];
    if (kind === undefined) throw new Error(`cannot read the journal at ${at}: unknown record`);
    if (kind === 'sync') {
      durable.set(raw.inode, Math.max(durable.get(raw.inode) ?? 0, Number(raw.offset)));
    } else if (kind === 'write' || kind === 'truncate') data.push(toDataChange(kind, raw));
    else if (kind === 'rename') names.push(toRename(raw));
    else {
      const { inode: directory, other, first } = raw;
      names.push({ kind, at, directory, other, name: first.toString() });
    }
    at = end;
  }
  return { data, names, durable };
}

/**
 * `write-ids` of a shard replica's directory: the write ids accepted lately, saved before each flush, so that a
 * retry is known again when the log that showed it was trimmed.
 *
 * Byte table: docs/formats/data-directory.md. A damaged file is worth no more than a missing one: a retry then
 * becomes an entry of its own.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import type { Clock, Disk, Log } from '../../env/env.ts';
import { type WriteIdTable, writeIdLifeMs } from '../../replication/write-id-table.ts';

const magic = 0x49575443;
const versionNow = 1;
const headerSize = 24;
const recordSize = 56;

function fileOf(directory: string): string {
  return `${directory}/write-ids`;
}

function putHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let i = 0; i < 8; i++) bytes[at + i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
}

function getHex(bytes: Uint8Array, at: number): string {
  let hex = '';
  for (let i = at; i < at + 8; i++) hex += bytes[i]!.toString(16).padStart(2, '0');
  return hex;
}

function encode(table: WriteIdTable, clock: Clock): Uint8Array | undefined {
  const nowMs = clock.monotonicMs();
  const writes = [...table.recent(nowMs)];
  if (writes.length === 0) return undefined;
  const bytes = new Uint8Array(headerSize + writes.length * recordSize);
  const view = viewOf(bytes);
  for (const [i, [key, write]] of writes.entries()) {
    const at = headerSize + i * recordSize;
    for (let j = 0; j < 16; j++) bytes[at + j] = key.charCodeAt(j);
    putHex(bytes, at + 16, write.origin);
    view.setBigUint64(at + 24, BigInt(write.sequence), true);
    view.setBigUint64(at + 32, BigInt(write.hlc), true);
    view.setBigUint64(at + 40, BigInt(write.lsn), true);
    view.setUint32(at + 48, write.checksum, true);
    view.setUint32(at + 52, Math.max(0, nowMs - write.acceptedMs), true);
  }
  view.setUint32(0, magic, true);
  view.setUint16(4, versionNow, true);
  view.setUint32(8, writes.length, true);
  view.setBigUint64(16, BigInt(clock.wallMs()), true);
  view.setUint32(12, crc32(bytes.subarray(16)), true);
  return bytes;
}

/** What a power cut may have torn, or a later release has written, tells nothing. */
function isWhole(bytes: Uint8Array): boolean {
  if (bytes.length < headerSize) return false;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== magic || view.getUint32(4, true) !== versionNow) return false;
  if (bytes.length !== headerSize + view.getUint32(8, true) * recordSize) return false;
  return view.getUint32(12, true) === crc32(bytes.subarray(16));
}

function decodeInto(table: WriteIdTable, bytes: Uint8Array, clock: Clock): void {
  const view = viewOf(bytes);
  const nowMs = clock.monotonicMs();
  const awayMs = Math.max(0, clock.wallMs() - Number(view.getBigUint64(16, true)));
  for (let at = headerSize; at < bytes.length; at += recordSize) {
    const ageMs = view.getUint32(at + 52, true) + awayMs;
    if (ageMs >= writeIdLifeMs) continue;
    table.add(String.fromCharCode(...bytes.subarray(at, at + 16)), {
      origin: getHex(bytes, at + 16),
      sequence: Number(view.getBigUint64(at + 24, true)),
      hlc: Number(view.getBigUint64(at + 32, true)),
      lsn: Number(view.getBigUint64(at + 40, true)),
      checksum: view.getUint32(at + 48, true),
      acceptedMs: nowMs - ageMs,
    });
  }
}

/** Durable when it resolves. With no id that still counts nothing is written. */
export async function saveWriteIds(
  disk: Disk,
  directory: string,
  table: WriteIdTable,
  clock: Clock,
): Promise<void> {
  const bytes = encode(table, clock);
  if (bytes !== undefined) await disk.writeAtomic(fileOf(directory), bytes);
}

/** Before the log is replayed: what it holds is newer. */
export async function loadWriteIds(
  env: { readonly clock: Clock; readonly log: Log },
  disk: Disk,
  directory: string,
  table: WriteIdTable,
): Promise<void> {
  const file = fileOf(directory);
  try {
    const bytes = await disk.readAll(file);
    if (isWhole(bytes)) decodeInto(table, bytes, env.clock);
    else env.log.warn('damaged file ignored', { file });
  } catch (error) {
    if (!(error instanceof CitadelError) || error.code !== 'not-found') throw error;
  }
}

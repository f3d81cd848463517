/**
 * Peer messages as one batch of bytes. Byte table: docs/formats/rpc.md. What a message says is no
 * business of rpc.
 */

import { crc32 } from 'node:zlib';
import { viewOf } from '../../base/bytes.ts';
import { CitadelError } from '../../base/errors.ts';
import type { StoreKind } from '../../model/cluster.ts';
import type { PeerMessage } from '../peer-api.ts';

const batchMagic = 0x42505443;
const batchVersion = 1;
const batchHeaderSize = 20;
const messageHeaderSize = 12;
const checkedFrom = 12;

/** Their order is sent: append only. */
const kinds: readonly StoreKind[] = ['tstore', 'kstore'];

/** What a message takes in a batch. */
export function sizeInBatch(message: PeerMessage): number {
  return messageHeaderSize + message.bytes.length;
}

/** The batch behind `prefixOf(its size)`. */
export function encodeBatch(
  messages: readonly PeerMessage[],
  prefixOf: (size: number) => Uint8Array = () => new Uint8Array(),
): Buffer {
  let size = batchHeaderSize;
  for (const message of messages) size += sizeInBatch(message);
  const prefix = prefixOf(size);
  const whole = Buffer.allocUnsafeSlow(prefix.length + size);
  whole.set(prefix);
  const batch = whole.subarray(prefix.length);
  const view = viewOf(batch);
  view.setUint32(0, batchMagic, true);
  view.setUint16(4, batchVersion, true);
  view.setUint16(6, 0, true);
  view.setUint32(12, size, true);
  view.setUint32(16, messages.length, true);
  let at = batchHeaderSize;
  for (const { kind, shard, bytes } of messages) {
    view.setUint32(at, kinds.indexOf(kind), true);
    view.setUint32(at + 4, shard, true);
    view.setUint32(at + 8, bytes.length, true);
    batch.set(bytes, at + messageHeaderSize);
    at += messageHeaderSize + bytes.length;
  }
  view.setUint32(8, crc32(batch.subarray(checkedFrom)), true);
  return whole;
}

function corrupt(claim: string): CitadelError {
  return new CitadelError('corrupt', `cannot read batch of peer messages: ${claim}`);
}

function checkBatch(bytes: Uint8Array, view: DataView): void {
  if (bytes.length < batchHeaderSize) throw corrupt('it is too short');
  if (view.getUint32(0, true) !== batchMagic) throw corrupt('it is something else');
  const version = view.getUint16(4, true);
  const flags = view.getUint16(6, true);
  if (version !== batchVersion || flags !== 0) {
    throw new CitadelError(
      'unsupported-version',
      `cannot read batch of peer messages: it has version ${version} and flags ${flags}, this release knows version ${batchVersion} without flags; run the same release on all nodes`,
      { details: { version, flags } },
    );
  }
  if (view.getUint32(12, true) !== bytes.length) throw corrupt('its size is wrong');
  if (view.getUint32(8, true) !== crc32(bytes.subarray(checkedFrom))) {
    throw corrupt('its checksum is wrong');
  }
}

/** Messages are views of `bytes`. @throws CitadelError `corrupt`, `unsupported-version` */
export function decodeBatch(bytes: Uint8Array): PeerMessage[] {
  const view = viewOf(bytes);
  checkBatch(bytes, view);
  const messages: PeerMessage[] = [];
  let at = batchHeaderSize;
  for (let left = view.getUint32(16, true); left > 0; left--) {
    if (at + messageHeaderSize > bytes.length) throw corrupt('a message is missing');
    const kind = kinds[view.getUint32(at, true)];
    if (kind === undefined) throw corrupt('a message is of an unknown kind');
    const shard = view.getUint32(at + 4, true);
    const start = at + messageHeaderSize;
    at = start + view.getUint32(at + 8, true);
    if (at > bytes.length) throw corrupt('a message ends early');
    const own = new Uint8Array(bytes.buffer, bytes.byteOffset + start, at - start);
    messages.push({ kind, shard, bytes: own });
  }
  if (at !== bytes.length) throw corrupt('it has more than its messages');
  return messages;
}

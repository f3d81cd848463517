/** Gives what a snapshot of another cluster brings the ids of this one; what is not wanted is left out. */

import { crc32 } from 'node:zlib';
import type { RestoredDatabase } from '../../model/store-backup.ts';
import type { Tombstone } from '../catalog/catalog-rows.ts';
import type { FrameRecord, PartitionRecord } from './records.ts';

interface Target {
  readonly dbId: string;
  readonly policies: ReadonlyMap<string, string>;
}

function readId(view: DataView, at: number): string {
  return view.getBigUint64(at, true).toString(16).padStart(16, '0');
}

export class RestoreNames {
  readonly #databases = new Map<string, Target>();

  constructor(databases: readonly RestoredDatabase[]) {
    for (const { from, to, policies } of databases) {
      const map = new Map(policies.map((policy) => [policy.from, policy.to]));
      this.#databases.set(from, { dbId: to, policies: map });
    }
  }

  /** Undefined = not wanted, each. */
  partition(record: PartitionRecord): PartitionRecord | undefined {
    const target = this.#databases.get(record.dbId);
    const rpId = target?.policies.get(record.rpId);
    if (target === undefined || rpId === undefined) return undefined;
    return { ...record, dbId: target.dbId, rpId };
  }

  tombstone(tombstone: Tombstone): Tombstone | undefined {
    const target = this.#databases.get(tombstone.dbId);
    if (target === undefined) return undefined;
    const { predicate } = tombstone;
    if (predicate.rpId === undefined) return { ...tombstone, dbId: target.dbId };
    const rpId = target.policies.get(predicate.rpId);
    if (rpId === undefined) return undefined;
    return { ...tombstone, dbId: target.dbId, predicate: { ...predicate, rpId } };
  }

  /** The frame is changed in place: its ids, and with them its checksum (model/frame-layout.ts). */
  frame(record: FrameRecord): FrameRecord | undefined {
    const { frame } = record;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    if (frame.length < 32) return record;
    const target = this.#databases.get(readId(view, 16));
    const rpId = target?.policies.get(readId(view, 24));
    if (target === undefined || rpId === undefined) return undefined;
    view.setBigUint64(16, BigInt(`0x${target.dbId}`), true);
    view.setBigUint64(24, BigInt(`0x${rpId}`), true);
    view.setUint32(8, crc32(frame.subarray(12)), true);
    return record;
  }
}

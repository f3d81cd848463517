/** Snapshots from store to store, and rows to put in them, for tests. */

import type { SnapshotFacts } from '../../../../src/model/store-snapshot.ts';
import type { TStore } from '../../../../src/tstore/tstore.ts';
import type { Point, Value } from '../store-world.ts';

export const { signal } = new AbortController();
export const noFacts: SnapshotFacts = { versions: {}, gcVersions: {}, hlcMax: 0 };
export const second = 1_000_000_000n;
export const day = 86_400n * second;
export const start = 1_600_000_000n * second;

export async function takePieces(
  store: TStore,
  facts: SnapshotFacts = noFacts,
): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.snapshot(facts, signal)) pieces.push(piece);
  return pieces;
}

export async function mergePieces(
  store: TStore,
  pieces: readonly Uint8Array[],
): Promise<SnapshotFacts> {
  const merge = await store.openMerge({});
  for (const piece of pieces) await merge.add(piece);
  return merge.finish();
}

export async function digestOf(store: TStore, horizon = Number.POSITIVE_INFINITY): Promise<string> {
  const parts = await store.digest(horizon, signal);
  return parts.map(({ name, digest, cells }) => `${name} ${digest} ${cells}`).join('\n');
}

export async function compactAll(store: TStore, stableHlc: number): Promise<void> {
  while (await store.compactStep(stableHlc, signal));
}

export function cpuPoint(host: string, time: bigint, fields: Record<string, Value>): Point {
  const typed: Record<string, { type: 'float' | 'integer' | 'string' | 'boolean'; value: Value }> =
    {};
  for (const [name, value] of Object.entries(fields)) {
    const type =
      typeof value === 'bigint'
        ? 'integer'
        : typeof value === 'string'
          ? 'string'
          : typeof value === 'boolean'
            ? 'boolean'
            : 'float';
    typed[name] = { type, value };
  }
  return { name: { measurement: 'cpu', tags: [['host', host]] }, time, fields: typed };
}

/**
 * A store that keeps entries, for tests of the worker around it: memory is lost in a crash, what a flush
 * finished stays, a flush that was cut may have saved part of it without saying so. A snapshot is all
 * entries; merging is their union, which like the real one only adds.
 */

import { crc32 } from 'node:zlib';
import { CitadelError } from '../../../../src/base/errors.ts';
import type { SimEnv } from '../../../../src/env/sim/sim-env.ts';
import type { Entry } from '../../../../src/model/entry.ts';
import type { FlushOptions, StorePositions } from '../../../../src/model/store-engine.ts';
import type { SnapshotFacts, SnapshotMerge } from '../../../../src/model/store-snapshot.ts';
import type { TStore } from '../../../../src/tstore/tstore.ts';

/** What is on the disk of one store. */
export interface StoreFiles {
  positions: StorePositions;
  /** By lsn. */
  readonly rows: Map<number, Entry>;
  /** Came by snapshot; by `origin/sequence`. */
  readonly merged: Map<string, Entry>;
}

export interface FakeStore extends TStore {
  readonly memory: Map<number, Entry>;
  readonly files: StoreFiles;
  /** Taken for garbage-collected at the next compaction. */
  toCollect: Readonly<Record<string, number>> | undefined;
  /** Every entry that a read would see, by `origin/sequence`. */
  contents(): Map<string, Entry>;
}

export function makeFiles(): StoreFiles {
  const positions = { replayFrom: 0, versions: {}, hlcMax: 0, gcVersions: {} };
  return { positions, rows: new Map(), merged: new Map() };
}

export interface FakeFaults {
  /** So many coming flushes fail. */
  failFlushes: number;
  /** So many coming pieces of snapshots cannot be merged. */
  failMerges?: number;
}

function nameOf({ origin, sequence }: Entry): string {
  return `${origin}/${sequence}`;
}

function join(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>) {
  const joined: Record<string, number> = { ...a };
  for (const [origin, sequence] of Object.entries(b)) {
    joined[origin] = Math.max(sequence, joined[origin] ?? 0);
  }
  return joined;
}

function encodePiece(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

type Piece =
  | { readonly facts: SnapshotFacts }
  | { readonly entry: Omit<Entry, 'frame' | 'writeId'>; frame: string; writeId: string }
  | { readonly end: number };

async function* snapshotOf(
  env: SimEnv,
  facts: SnapshotFacts,
  entries: readonly Entry[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  yield encodePiece({ facts });
  for (const { frame, writeId, ...entry } of entries) {
    if (signal.aborted) throw new CitadelError('cancelled', 'the snapshot was cancelled');
    await env.timers.sleep(env.rng.next());
    const toText = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    yield encodePiece({ entry, frame: toText(frame), writeId: toText(writeId) });
  }
  yield encodePiece({ end: entries.length });
}

function openMerge(env: SimEnv, files: StoreFiles, faults: FakeFaults): SnapshotMerge {
  const entries: Entry[] = [];
  let facts: SnapshotFacts | undefined;
  let isWhole = false;
  return {
    add: async (piece) => {
      await env.timers.sleep(env.rng.next());
      if ((faults.failMerges ?? 0) > 0) {
        faults.failMerges = (faults.failMerges ?? 0) - 1;
        throw new CitadelError('corrupt', 'a piece is damaged');
      }
      const value = JSON.parse(new TextDecoder().decode(piece)) as Piece;
      const toBytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
      if ('facts' in value) facts = value.facts;
      else if ('end' in value) isWhole = value.end === entries.length;
      else {
        const { entry, frame, writeId } = value;
        entries.push({ ...entry, frame: toBytes(frame), writeId: toBytes(writeId) });
      }
    },
    finish: async () => {
      if (facts === undefined || !isWhole) throw new CitadelError('corrupt', 'pieces are missing');
      await env.timers.sleep(env.rng.next() * 3);
      for (const entry of entries) files.merged.set(nameOf(entry), entry);
      const { positions } = files;
      files.positions = {
        ...positions,
        versions: join(positions.versions, facts.versions),
        gcVersions: join(positions.gcVersions, facts.gcVersions),
        hlcMax: Math.max(positions.hlcMax, facts.hlcMax),
      };
      return facts;
    },
    abandon: async () => undefined,
  };
}

const neverAborted = new AbortController().signal;

export function openFakeStore(env: SimEnv, files: StoreFiles, faults: FakeFaults): FakeStore {
  const memory = new Map<number, Entry>();
  const contents = () => {
    const all = new Map<string, Entry>();
    for (const entry of [...files.merged.values(), ...files.rows.values(), ...memory.values()]) {
      all.set(nameOf(entry), entry);
    }
    return all;
  };
  const store: FakeStore = {
    memory,
    files,
    toCollect: undefined,
    contents,
    get positions() {
      return files.positions;
    },
    apply: (entry) => {
      memory.set(entry.lsn, entry);
    },
    endReplay: () => Math.max(files.positions.replayFrom, ...files.rows.keys(), ...memory.keys()),
    get memoryBytes() {
      let sum = 0;
      for (const { frame } of memory.values()) sum += frame.length;
      return sum;
    },
    flush: async (options: FlushOptions) => {
      const frozen = [...memory.values()];
      for (const entry of frozen) {
        await env.timers.sleep(env.rng.next() * 3);
        files.rows.set(entry.lsn, entry);
      }
      if (faults.failFlushes > 0) {
        faults.failFlushes--;
        throw new Error('flush fails');
      }
      const replayFrom = Math.max(files.positions.replayFrom, ...frozen.map(({ lsn }) => lsn));
      const { versions, hlcMax } = options;
      const { gcVersions } = files.positions;
      files.positions = { replayFrom, versions, hlcMax, gcVersions };
      for (const { lsn } of frozen) memory.delete(lsn);
      return files.positions;
    },
    compactStep: async () => {
      const { toCollect } = store;
      store.toCollect = undefined;
      if (toCollect === undefined) return false;
      const { positions } = files;
      files.positions = { ...positions, gcVersions: join(positions.gcVersions, toCollect) };
      return true;
    },
    close: async () => undefined,
    setPolicies: () => undefined,
    dropData: async () => undefined,
    expire: async () => 0,
    purgeTrash: async () => undefined,
    verify: async () => [],
    scrub: async () => [],
    hasDamagedFiles: false,
    sections: [],
    section: () => snapshotOf(env, { versions: {}, gcVersions: {}, hlcMax: 0 }, [], neverAborted),
    openRestore: async () => openMerge(env, files, faults),
    snapshot: (facts, signal) => snapshotOf(env, facts, [...contents().values()], signal),
    openMerge: async () => openMerge(env, files, faults),
    digest: async () => {
      const lines = [...contents()].map(([name, { hlc, frame }]) => {
        return `${name} ${hlc} ${crc32(frame)}`;
      });
      const digest = crc32(lines.sort().join('\n')).toString(16).padStart(32, '0');
      return [{ name: 'all', digest, cells: lines.length }];
    },
    get status() {
      return {
        partitions: [],
        seriesCount: contents().size,
        diskBytes: 0,
        fileCount: 0,
        tombstoneCount: 0,
        indexBytes: 0,
        faults: [],
      };
    },
  };
  return store;
}

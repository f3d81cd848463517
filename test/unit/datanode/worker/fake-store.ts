/**
 * A store that keeps frames by lsn, for tests of the worker around it: memory is lost in a crash, what a
 * flush finished stays, a flush that was cut may have saved part of it without saying so.
 */

import type { SimEnv } from '../../../../src/env/sim/sim-env.ts';
import type { Entry } from '../../../../src/model/entry.ts';
import type { FlushOptions, StorePositions } from '../../../../src/model/store-engine.ts';
import type { TStore } from '../../../../src/tstore/tstore.ts';

/** What is on the disk of one store. */
export interface StoreFiles {
  positions: StorePositions;
  readonly rows: Map<number, Entry>;
}

export interface FakeStore extends TStore {
  readonly memory: Map<number, Entry>;
  readonly files: StoreFiles;
}

export function makeFiles(): StoreFiles {
  return { positions: { replayFrom: 0, versions: {}, hlcMax: 0, gcVersions: {} }, rows: new Map() };
}

export interface FakeFaults {
  /** So many coming flushes fail. */
  failFlushes: number;
}

export function openFakeStore(env: SimEnv, files: StoreFiles, faults: FakeFaults): FakeStore {
  const memory = new Map<number, Entry>();
  return {
    memory,
    files,
    get positions() {
      return files.positions;
    },
    apply: (entry) => {
      memory.set(entry.lsn, entry);
    },
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
      files.positions = { replayFrom, versions, hlcMax, gcVersions: {} };
      for (const { lsn } of frozen) memory.delete(lsn);
      return files.positions;
    },
    compactStep: async () => false,
    snapshot: () => {
      throw new Error('this store gives no snapshots');
    },
    openMerge: () => Promise.reject(new Error('this store merges nothing')),
    digest: async () => [],
    close: async () => undefined,
    setPolicies: () => undefined,
    dropData: async () => undefined,
    expire: async () => 0,
    purgeTrash: async () => undefined,
    verify: async () => [],
    status: {
      partitions: [],
      seriesCount: 0,
      diskBytes: 0,
      fileCount: 0,
      tombstoneCount: 0,
      indexBytes: 0,
      faults: [],
    },
  };
}

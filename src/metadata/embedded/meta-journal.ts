/** Where the embedded metadata store keeps its records; the store itself works in memory. */

import type { MetaLease, MetaRecord } from '../meta-store.ts';

export interface JournalImage {
  readonly revision: number;
  readonly records: readonly MetaRecord[];
  readonly leases: readonly MetaLease[];
}

/** All or nothing. */
export interface JournalCommit {
  readonly revision: number;
  readonly puts: readonly MetaRecord[];
  readonly deletes: readonly string[];
  readonly granted: readonly MetaLease[];
  readonly ended: readonly string[];
}

export interface MetaJournal {
  load(): Promise<JournalImage>;
  /**
   * Durable when it resolves.
   *
   * @throws CitadelError `disk-full`: nothing was changed. Any other: unknown.
   */
  commit(commit: JournalCommit): Promise<void>;
  close(): Promise<void>;
}

/** Keeps nothing beyond its own life: for tests and simulation. */
export function createMemoryJournal(): MetaJournal {
  const records = new Map<string, MetaRecord>();
  const leases = new Map<string, MetaLease>();
  let revision = 1;
  return {
    load: async () => ({ revision, records: [...records.values()], leases: [...leases.values()] }),
    commit: async (commit) => {
      revision = commit.revision;
      for (const record of commit.puts) records.set(record.key, record);
      for (const key of commit.deletes) records.delete(key);
      for (const lease of commit.granted) leases.set(lease.id, lease);
      for (const id of commit.ended) leases.delete(id);
    },
    close: async () => undefined,
  };
}

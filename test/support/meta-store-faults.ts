/** A metadata store seen through a process that can die: one store, several views, calls that fail on demand. */

import { CitadelError } from '../../src/base/errors.ts';
import {
  type EmbeddedMetaStore,
  openEmbeddedMetaStore,
} from '../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../src/metadata/embedded/meta-journal.ts';
import type { MetaStore, MetaWatch } from '../../src/metadata/meta-store.ts';
import { createCountingRng, createManualTimers } from './manual-timers.ts';

export interface FaultyStore extends MetaStore {
  /** Calls that are to fail, from the next one: before they are made, or after (the answer is lost). */
  fail: (call: 'get' | 'range' | 'transaction' | 'lease') => 'before' | 'after' | undefined;
  /** Calls made so far. */
  calls(): number;
}

function unreachable(): CitadelError {
  return new CitadelError('unavailable', 'metadata store does not answer');
}

/** Its own watches end with it; the store behind stays open. */
export function shareStore(store: MetaStore): FaultyStore {
  const watches = new Set<MetaWatch>();
  let calls = 0;
  let closed = false;
  async function run<T>(
    call: Parameters<FaultyStore['fail']>[0],
    work: () => Promise<T>,
  ): Promise<T> {
    calls++;
    if (closed) throw unreachable();
    const fate = shared.fail(call);
    if (fate === 'before') throw unreachable();
    const result = await work();
    if (fate === 'after') throw unreachable();
    return result;
  }
  const shared: FaultyStore = {
    fail: () => undefined,
    calls: () => calls,
    get: (key) => run('get', () => store.get(key)),
    range: (prefix) => run('range', () => store.range(prefix)),
    transaction: (transaction) => run('transaction', () => store.transaction(transaction)),
    watch(prefix, from, listener) {
      const watch = store.watch(prefix, from, (notice) => {
        if (!closed) listener(notice);
      });
      watches.add(watch);
      return watch;
    },
    grantLease: (ttlMs) => run('lease', () => store.grantLease(ttlMs)),
    keepLeaseAlive: (id) => run('lease', () => store.keepLeaseAlive(id)),
    revokeLease: (id) => run('lease', () => store.revokeLease(id)),
    async close() {
      closed = true;
      for (const watch of watches) watch.close();
    },
  };
  return shared;
}

export function openMemoryStore(
  world: Parameters<typeof openEmbeddedMetaStore>[0] = {
    timers: createManualTimers(),
    rng: createCountingRng(),
  },
): Promise<EmbeddedMetaStore> {
  return openEmbeddedMetaStore(world, createMemoryJournal());
}

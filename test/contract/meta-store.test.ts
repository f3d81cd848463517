/**
 * What every metadata store must do, whatever is behind it. The semantics are etcd's.
 *
 * A store is driven through a harness: time passes when the test says so, history is compacted on
 * demand, and where there is a disk the store can be opened again on what it left.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createNodeEnv } from '../../src/env/node/node-env.ts';
import {
  type EmbeddedMetaStore,
  openEmbeddedMetaStore,
} from '../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal, type MetaJournal } from '../../src/metadata/embedded/meta-journal.ts';
import { createSqliteJournal } from '../../src/metadata/embedded/sqlite-journal.ts';
import { openEtcdMetaStore } from '../../src/metadata/etcd/etcd-meta-store.ts';
import {
  isAbsent,
  isUnchanged,
  type MetaStore,
  transactionSizeMax,
  type WatchNotice,
} from '../../src/metadata/meta-store.ts';
import { createInThreadWriter } from '../../src/sqlite/in-thread-writer.ts';
import { createReaderPool } from '../../src/sqlite/reader-pool.ts';
import { type EtcdProcess, etcdInstalled, startEtcd } from '../support/etcd-process.ts';
import { createCountingRng, createManualTimers } from '../support/manual-timers.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';

const nodeWorld = createNodeEnv({ logLevel: 'error', logFormat: 'json' });

interface Harness {
  store: MetaStore;
  passTime(ms: number): Promise<void>;
  compact(revision: number): Promise<void>;
  /** Closes the store and opens it again on what it made durable. */
  reopen(): Promise<void>;
  end(): Promise<void>;
}

async function openEmbedded(makeJournal: () => MetaJournal): Promise<Harness> {
  const timers = createManualTimers();
  const rng = createCountingRng();
  let store: EmbeddedMetaStore = await openEmbeddedMetaStore({ timers, rng }, makeJournal());
  const harness: Harness = {
    store,
    async passTime(ms) {
      timers.pass(ms);
      // A transaction queues behind what the timers have begun.
      await store.transaction({ compare: [], onSuccess: [] });
    },
    compact: async (revision) => store.compact(revision),
    async reopen() {
      await store.close();
      store = await openEmbeddedMetaStore({ timers, rng }, makeJournal());
      harness.store = store;
    },
    end: () => store.close(),
  };
  return harness;
}

let etcd: EtcdProcess | undefined;

beforeAll(async () => {
  if (etcdInstalled) etcd = await startEtcd();
});

afterAll(() => etcd?.cleanUp());

/** Leases that have run out are ended by etcd at its next look, twice a second. */
async function leasesAreSettled(server: EtcdProcess): Promise<boolean> {
  const ids = (await server.ctl('lease', 'list')).split('\n').slice(1).filter(Boolean);
  const answers = await Promise.all(ids.map((id) => server.ctl('lease', 'timetolive', id)));
  return !answers.some((answer) => / remaining\((0|-\d+)s\)/.test(answer));
}

let clusters = 0;

async function openEtcd(server: EtcdProcess): Promise<Harness> {
  const options = { urls: [server.url], clusterName: `contract ${++clusters}` };
  const harness: Harness = {
    store: openEtcdMetaStore(nodeWorld, options),
    async passTime(ms) {
      await sleep(ms);
      while (!(await leasesAreSettled(server))) await sleep(50);
    },
    compact: async (revision) => void (await server.ctl('compact', String(revision))),
    async reopen() {
      await harness.store.close();
      await server.kill();
      await server.start();
      harness.store = openEtcdMetaStore(nodeWorld, options);
    },
    end: () => harness.store.close(),
  };
  return harness;
}

const kinds: Readonly<Record<string, () => Promise<Harness>>> = {
  'embedded in memory': () => {
    const journal = createMemoryJournal();
    return openEmbedded(() => journal);
  },
  'embedded in SQLite': async () => {
    const root = makeTempDir('meta');
    const harness = await openEmbedded(() =>
      createSqliteJournal({
        file: 'metadata.sqlite',
        writer: createInThreadWriter(root),
        readers: createReaderPool(root, 1),
      }),
    );
    return {
      ...harness,
      get store() {
        return harness.store;
      },
      async end() {
        await harness.end();
        removeTempDir(root);
      },
    };
  },
  ...(etcdInstalled ? { 'etcd 3.4': () => openEtcd(etcd!) } : {}),
};

function put(key: string, value = 'v') {
  return { kind: 'put', key, value } as const;
}

async function write(store: MetaStore, ...ops: ReturnType<typeof put>[]): Promise<number> {
  return (await store.transaction({ compare: [], onSuccess: ops })).revision;
}

/** Resolves when `count` notices have come. */
function collect(store: MetaStore, prefix: string, from: number) {
  const notices: WatchNotice[] = [];
  let onNotice = () => {};
  const watch = store.watch(prefix, from, (notice) => {
    notices.push(notice);
    onNotice();
  });
  return {
    notices,
    watch,
    async count(count: number): Promise<readonly WatchNotice[]> {
      while (notices.length < count) {
        await new Promise<void>((resolve) => {
          onNotice = resolve;
        });
      }
      return notices;
    },
  };
}

describe.each(Object.entries(kinds))('%s', (_name, open) => {
  let harness: Harness;
  const start = async () => {
    harness = await open();
    return harness;
  };
  afterEach(() => harness.end());

  test('a record remembers who made and who changed it', async () => {
    const { store } = await start();
    expect(await store.get('a')).toBeUndefined();
    const first = await write(store, put('a', '1'));
    const second = await write(store, put('a', '2'), put('b'));
    expect(second).toBe(first + 1);
    expect(await store.get('a')).toEqual({
      key: 'a',
      value: '2',
      createRevision: first,
      modRevision: second,
      version: 2,
      lease: '',
    });
    await store.transaction({ compare: [], onSuccess: [{ kind: 'delete', key: 'a' }] });
    expect(await store.get('a')).toBeUndefined();
    const again = await write(store, put('a', '3'));
    expect(await store.get('a')).toMatchObject({ createRevision: again, version: 1 });
  });

  test('only a change raises the revision', async () => {
    const { store } = await start();
    const { revision } = await store.range('');
    const nothing = await store.transaction({
      compare: [],
      onSuccess: [
        { kind: 'get', key: 'a' },
        { kind: 'delete', key: 'a' },
        { kind: 'delete-prefix', prefix: 'a' },
      ],
    });
    expect(nothing.revision).toBe(revision);
    expect(await write(store, put('a'))).toBe(revision + 1);
  });

  test('a range is sorted, complete and of one revision', async () => {
    const { store } = await start();
    await write(store, put('p/b'), put('p/a'), put('q'));
    const revision = await write(store, put('p/%20'), put('p'));
    const range = await store.range('p/');
    expect(range.revision).toBe(revision);
    expect(range.records.map(({ key }) => key)).toEqual(['p/%20', 'p/a', 'p/b']);
  });

  test('comparisons decide which branch is taken, all or nothing', async () => {
    const { store } = await start();
    await write(store, put('a', '1'));
    const record = await store.get('a');
    const tryChange = (compare: Parameters<MetaStore['transaction']>[0]['compare']) =>
      store.transaction({
        compare,
        onSuccess: [put('b', 'yes')],
        onFailure: [{ kind: 'get', key: 'a' }],
      });
    const failed = await tryChange([isAbsent('b'), isAbsent('a')]);
    expect(failed.succeeded).toBe(false);
    expect(failed.results[0]?.records).toEqual([record]);
    expect(await store.get('b')).toBeUndefined();
    expect((await tryChange([isAbsent('b'), isUnchanged('a', record)])).succeeded).toBe(true);
    await write(store, put('a', '2'));
    expect((await tryChange([isUnchanged('a', record)])).succeeded).toBe(false);
  });

  test('an absent key compares as zero', async () => {
    const { store } = await start();
    for (const target of ['version', 'create', 'mod'] as const) {
      for (const [op, value] of [
        ['=', 0],
        ['!=', 1],
        ['<', 1],
        ['>', -1],
      ] as const) {
        const { succeeded } = await store.transaction({
          compare: [{ key: 'none', target, op, value }],
          onSuccess: [],
        });
        expect(succeeded, `${target} ${op} ${value}`).toBe(true);
      }
    }
  });

  test('what a transaction reads shows what it has written', async () => {
    const { store } = await start();
    const { results } = await store.transaction({
      compare: [],
      onSuccess: [put('p/a', '1'), { kind: 'range', prefix: 'p/' }, { kind: 'get', key: 'p/a' }],
    });
    expect(results.map(({ records }) => records.map(({ value }) => value))).toEqual([
      [],
      ['1'],
      ['1'],
    ]);
  });

  test('a prefix goes at once, and says how much it was', async () => {
    const { store } = await start();
    await write(store, put('p/a'), put('p/b'), put('q'));
    const { results } = await store.transaction({
      compare: [],
      onSuccess: [{ kind: 'delete-prefix', prefix: 'p/' }],
    });
    expect(results[0]?.changed).toBe(2);
    expect((await store.range('')).records.map(({ key }) => key)).toEqual(['q']);
  });

  test('a transaction that no store would take is refused', async () => {
    const { store } = await start();
    const tooMany = Array.from({ length: transactionSizeMax + 1 }, (_, i) => put(`k${i}`));
    const bad = [
      [put('a'), put('a')],
      [put(''), put('b')],
      [put('a'), { kind: 'delete', key: 'a' } as const],
      [put('a/b'), { kind: 'delete-prefix', prefix: 'a/' } as const],
      tooMany,
    ];
    for (const onSuccess of bad) {
      await expect(store.transaction({ compare: [], onSuccess })).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    }
    expect((await store.range('')).records).toEqual([]);
  });

  test('of transactions at the same time exactly one wins', async () => {
    const { store } = await start();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.transaction({ compare: [isAbsent('lock')], onSuccess: [put('lock', String(i))] }),
      ),
    );
    const winners = results.flatMap(({ succeeded }, i) => (succeeded ? [String(i)] : []));
    expect(winners).toHaveLength(1);
    expect((await store.get('lock'))?.value).toBe(winners[0]);
  });

  test('a watch tells past and present changes in order, a revision at a time', async () => {
    const { store } = await start();
    const first = await write(store, put('p/b'), put('p/a'), put('q'));
    const seen = collect(store, 'p/', first);
    const second = await write(store, put('q'));
    const third = (
      await store.transaction({
        compare: [],
        onSuccess: [{ kind: 'delete-prefix', prefix: 'p/' }],
      })
    ).revision;
    expect(third).toBe(second + 1);
    const notices = await seen.count(2);
    expect(
      notices.map((notice) =>
        notice.kind === 'changes'
          ? [
              notice.revision,
              notice.changes.map((change) =>
                change.kind === 'put' ? `+${change.record.key}` : `-${change.key}`,
              ),
            ]
          : notice.kind,
      ),
    ).toEqual([
      [first, ['+p/a', '+p/b']],
      [third, ['-p/a', '-p/b']],
    ]);
    seen.watch.close();
  });

  test('a watch may begin in the future', async () => {
    const { store } = await start();
    const now = (await store.range('')).revision;
    const seen = collect(store, '', now + 2);
    await write(store, put('a'));
    const later = await write(store, put('b'));
    const [notice] = await seen.count(1);
    expect(notice).toMatchObject({ kind: 'changes', revision: later });
  });

  test('a closed watch tells nothing more', async () => {
    const { store } = await start();
    const from = (await store.range('')).revision + 1;
    const closed = collect(store, '', from);
    const open = collect(store, '', from);
    await write(store, put('a'));
    closed.watch.close();
    const before = closed.notices.length;
    await write(store, put('b'));
    await open.count(2);
    expect(closed.notices).toHaveLength(before);
  });

  test('a watch of compacted history says so and ends', async () => {
    const { store, compact } = await start();
    const first = await write(store, put('a'));
    await write(store, put('a'));
    const last = await write(store, put('a'));
    await compact(last);
    const seen = collect(store, '', first);
    const kept = collect(store, '', last);
    expect(await seen.count(1)).toEqual([{ kind: 'compacted', revision: last }]);
    await write(store, put('b'));
    expect(await kept.count(2)).toHaveLength(2);
    expect(seen.notices).toHaveLength(1);
  });

  test('keys of a lease go when it is not kept alive, in one revision', async () => {
    const { store, passTime } = await start();
    const lease = await store.grantLease(5_000);
    await store.transaction({
      compare: [],
      onSuccess: [
        { kind: 'put', key: 'n/a', value: '1', lease: lease.id },
        { kind: 'put', key: 'n/b', value: '2', lease: lease.id },
        put('c'),
      ],
    });
    const seen = collect(store, '', (await store.range('')).revision + 1);
    await passTime(3_000);
    await store.keepLeaseAlive(lease.id);
    await passTime(3_000);
    expect((await store.get('n/a'))?.lease).toBe(lease.id);
    await passTime(3_000);
    expect((await store.range('')).records.map(({ key }) => key)).toEqual(['c']);
    expect(await seen.count(1)).toMatchObject([{ changes: [{ key: 'n/a' }, { key: 'n/b' }] }]);
    await expect(store.keepLeaseAlive(lease.id)).rejects.toMatchObject({ code: 'not-found' });
    const onSuccess = [{ kind: 'put', key: 'x', value: '', lease: lease.id } as const];
    await expect(store.transaction({ compare: [], onSuccess })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('a key put without the lease outlives it; a revoked lease ends at once', async () => {
    const { store } = await start();
    const lease = await store.grantLease(60_000);
    await store.transaction({
      compare: [],
      onSuccess: [
        { kind: 'put', key: 'a', value: '1', lease: lease.id },
        { kind: 'put', key: 'b', value: '1', lease: lease.id },
      ],
    });
    await write(store, put('a', '2'));
    await store.revokeLease(lease.id);
    await store.revokeLease(lease.id);
    expect((await store.range('')).records.map(({ key }) => key)).toEqual(['a']);
  });

  test('what was acknowledged is there after a restart, revisions and leases go on', async () => {
    await start();
    const lease = await harness.store.grantLease(5_000);
    await harness.store.transaction({
      compare: [],
      onSuccess: [put('a', '1'), { kind: 'put', key: 'n', value: '', lease: lease.id }, put('d')],
    });
    await harness.store.transaction({ compare: [], onSuccess: [{ kind: 'delete', key: 'd' }] });
    const before = await harness.store.range('');
    await harness.reopen();
    expect(await harness.store.range('')).toEqual(before);
    expect(await write(harness.store, put('b'))).toBe(before.revision + 1);
    await harness.passTime(6_000);
    expect((await harness.store.range('')).records.map(({ key }) => key)).toEqual(['a', 'b']);
  });
});

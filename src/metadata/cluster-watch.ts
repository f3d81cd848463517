/**
 * The cluster view over a metadata store: loaded whole, followed by one watch, looked at every 30 s, and
 * told about newer maps by peers.
 *
 * Two copies: what the store says (`MapState`) and what is shown. The shown map never goes back: of the
 * store's and a peer's map the one with the higher version is shown. A store whose map version or shard
 * records lie below what is held, or that has no cluster or another one, was emptied, restored from an
 * old backup or mixed up: nothing of it is adopted and nothing is written to it, the last map
 * stays, and the operator is told what to do.
 */

import { CitadelError } from '../base/errors.ts';
import type { Env, TimerHandle } from '../env/env.ts';
import type { ClusterMap, ShardRecord, StoreKind } from '../model/cluster.ts';
import type { BalanceWish } from './balance-wish.ts';
import { touchMapVersion } from './cluster-record.ts';
import { renderShard, type ShardLayout } from './cluster-records.ts';
import type { ClusterView, ProposalResult } from './cluster-view.ts';
import { GuardedStore, type StoreGuard } from './guarded-store.ts';
import { findRefusal } from './map-refusal.ts';
import { MapState, readWholeMap, storeKinds } from './map-state.ts';
import { clusterKey, mapVersionKey, shardKey } from './meta-keys.ts';
import type { MetaCompare, MetaStore, MetaWatch, WatchNotice } from './meta-store.ts';
import type { NodeMark } from './node-marks.ts';

/** Watches are never trusted alone. */
const checkPeriodMs = 30_000;
/** While the store is away or refused. */
const retryPeriodMs = 2_000;
/** Changes of nothing but the map version are told together, so late at most. */
const quietMs = 250;
/** After a change of our own its watch notice comes soon, or the store is read. */
const noticePatienceMs = 1_000;

export interface ClusterWatchOptions {
  /** This node's uuid. */
  readonly self: string;
  /** The data directory's: no other cluster's map is adopted. */
  readonly clusterUuid: string;
  /** As persisted; undefined = this node has never had one. */
  readonly lastMap: ClusterMap | undefined;
  /** By the session's own reckoning; always true with embedded metadata. */
  readonly isAttached: (monotonicMs: number) => boolean;
}

type WatchEnv = Pick<Env, 'clock' | 'timers' | 'log'>;

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

export class ClusterWatch implements ClusterView, StoreGuard {
  readonly self: string;
  /** For everybody who changes metadata of this cluster. */
  readonly store: GuardedStore;
  readonly #env: WatchEnv;
  readonly #bare: MetaStore;
  readonly #options: ClusterWatchOptions;
  readonly #listeners = new Set<(map: ClusterMap) => void>();
  readonly #waiters = new Set<Waiter>();
  readonly #timers: TimerHandle[] = [];
  #state: MapState | undefined;
  #shown: ClusterMap | undefined;
  #refusal: string | undefined;
  #watch: MetaWatch | undefined;
  /** The read under way, and the one that begins after it. */
  #loading: Promise<void> | undefined;
  #nextLoad: Promise<void> | undefined;
  #quiet: TimerHandle | undefined;
  #isAway = false;
  #closed = false;

  constructor(env: WatchEnv, store: MetaStore, options: ClusterWatchOptions) {
    this.#env = env;
    this.#bare = store;
    this.#options = options;
    this.self = options.self;
    this.#shown = options.lastMap;
    this.store = new GuardedStore(store, this);
  }

  get map(): ClusterMap {
    const { clusterUuid } = this.#options;
    this.#shown ??= {
      clusterUuid,
      version: 0,
      replicationFactor: 1,
      nodes: new Map(),
      shards: { tstore: [], kstore: [] },
    };
    return this.#shown;
  }

  /** Why the store's map is not adopted, and what to do; undefined = all is well. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** As the store has it; undefined = the kind is not set up, or the store was never reached. */
  layout(kind: StoreKind): ShardLayout | undefined {
    return this.#state?.layout(kind);
  }

  /** The shards that have a record, while the map of a new cluster is being made. */
  placed(kind: StoreKind): ReadonlyMap<number, ShardRecord> {
    return this.#state?.placed(kind) ?? new Map();
  }

  /** What the operator wants, by node. */
  get marks(): ReadonlyMap<string, NodeMark> {
    return this.#state?.marks ?? new Map();
  }

  /** The operator wants copies evened out now. */
  get balance(): BalanceWish | undefined {
    return this.#state?.balance;
  }

  /** The store was read in this life and is the one that is known. */
  get isFollowing(): boolean {
    return this.#state !== undefined && this.#refusal === undefined;
  }

  /**
   * @throws CitadelError `unavailable` when the store is away and no earlier map is known
   */
  async open(): Promise<void> {
    try {
      await this.#load();
    } catch (error) {
      if (this.#options.lastMap === undefined) throw error;
      this.#env.log.warn('metadata store is away: serving with the last known map', {
        mapVersion: this.map.version,
        error: String(error),
      });
      this.#isAway = true;
    }
    const { timers } = this.#env;
    this.#timers.push(timers.every(checkPeriodMs, () => this.#lookAgain()));
    this.#timers.push(
      timers.every(retryPeriodMs, () => {
        if (this.#isAway || this.#refusal !== undefined) this.#lookAgain();
      }),
    );
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#quiet?.cancel();
    this.#watch?.close();
    this.#listeners.clear();
    this.#wake(Number.POSITIVE_INFINITY);
  }

  onChange(listener: (map: ClusterMap) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async refresh(): Promise<ClusterMap> {
    await this.check();
    return this.map;
  }

  async check(): Promise<void> {
    await this.#load();
    if (this.#refusal !== undefined) throw new CitadelError('unavailable', this.#refusal);
  }

  compares(): readonly MetaCompare[] {
    if (this.#refusal !== undefined) throw new CitadelError('unavailable', this.#refusal);
    const state = this.#state;
    if (state === undefined) throw new CitadelError('unavailable', 'metadata store is away');
    const writes = this.map.version - (state.cluster?.mapVersionBase ?? 0);
    return [
      { key: clusterKey, target: 'create', op: '=', value: state.clusterCreateRevision },
      { key: mapVersionKey, target: 'version', op: '>', value: writes - 1 },
    ];
  }

  offer(map: ClusterMap): void {
    if (map.clusterUuid !== this.#options.clusterUuid || this.#closed) return;
    if (map.version <= this.map.version) return;
    // A node that we no longer see may be one that only we do not see.
    const nodes = new Map([...map.nodes, ...(this.#state?.map?.nodes ?? [])]);
    this.#show({ ...map, nodes }, false);
    this.#lookAgain();
  }

  async propose(kind: StoreKind, record: ShardRecord): Promise<ProposalResult> {
    if (this.#state === undefined) await this.check();
    const key = shardKey(kind, record.shard);
    const { succeeded, revision } = await this.store.transaction({
      compare: [{ key, target: 'mod', op: '=', value: record.revision }],
      onSuccess: [{ kind: 'put', key, value: renderShard(record) }, touchMapVersion],
    });
    if (succeeded) {
      await this.reach(revision);
      return 'done';
    }
    await this.check();
    return 'lost';
  }

  isAttached(monotonicMs: number): boolean {
    return this.#options.isAttached(monotonicMs);
  }

  /** Until the shown map has everything up to a revision: by the watch, or else by reading. */
  async reach(revision: number): Promise<void> {
    if (this.#state !== undefined && this.#state.revision >= revision) return;
    const isLate = await new Promise<boolean>((resolve) => {
      const waiter = { revision, resolve: () => settle(false) };
      const timer = this.#env.timers.after(noticePatienceMs, () => settle(true));
      const settle = (late: boolean) => {
        timer.cancel();
        this.#waiters.delete(waiter);
        resolve(late);
      };
      this.#waiters.add(waiter);
    });
    if (isLate) await this.#load();
  }

  #wake(revision: number): void {
    for (const waiter of [...this.#waiters]) if (waiter.revision <= revision) waiter.resolve();
  }

  #lookAgain(): void {
    this.#load().catch((error: unknown) => {
      if (!this.#isAway && !this.#closed) {
        this.#env.log.warn('cannot read the metadata store', { error: String(error) });
      }
      this.#isAway = true;
    });
  }

  /** One read at a time; who asks while one is under way gets the next, which begins after the question. */
  #load(): Promise<void> {
    if (this.#loading === undefined) {
      this.#loading = this.#loadOnce().finally(() => {
        this.#loading = undefined;
      });
      return this.#loading;
    }
    this.#nextLoad ??= this.#loading
      .catch(() => undefined)
      .then(() => {
        this.#nextLoad = undefined;
        return this.#load();
      });
    return this.#nextLoad;
  }

  async #loadOnce(): Promise<void> {
    const before = this.#state?.revision ?? 0;
    const answer = await this.#bare.transaction({ compare: [], onSuccess: readWholeMap });
    if (this.#closed) return;
    if (this.#isAway) this.#env.log.info('metadata store is back', { revision: answer.revision });
    this.#isAway = false;
    const state = new MapState((error) => {
      this.#env.log.error('cannot read a metadata record', { error: String(error) });
    });
    state.load(answer);
    const refusal = findRefusal(this.#shown, state, this.#options.clusterUuid);
    if (refusal !== undefined) {
      this.#refuse(refusal);
      return;
    }
    const wasRefused = this.#refusal !== undefined;
    this.#accept();
    // Only a store that went back answers with less than it had said before.
    const hasGoneBack = state.revision < before || wasRefused;
    if (hasGoneBack || state.revision >= (this.#state?.revision ?? 0)) this.#adopt(state);
    if (hasGoneBack) this.#watch?.close();
    if (hasGoneBack || this.#watch === undefined) this.#startWatch(state.revision + 1);
    if (hasGoneBack) this.store.endWatches();
  }

  #adopt(state: MapState): void {
    this.#state = state;
    if (state.map !== undefined && state.map.version >= this.map.version) {
      this.#show(state.map, false);
    }
    this.#wake(state.revision);
  }

  #refuse(refusal: string): void {
    this.#watch?.close();
    this.#watch = undefined;
    if (this.#refusal === refusal) return;
    this.#refusal = refusal;
    this.#env.log.error('metadata store is refused', { reason: refusal });
  }

  #accept(): void {
    if (this.#refusal === undefined) return;
    this.#refusal = undefined;
    this.#env.log.info('metadata store is accepted again');
  }

  #startWatch(from: number): void {
    const watch = this.#bare.watch('', from, (notice) => {
      if (watch === this.#watch) this.#follow(notice);
    });
    this.#watch = watch;
  }

  #follow(notice: WatchNotice): void {
    const state = this.#state;
    if (notice.kind === 'compacted' || state === undefined) {
      this.#watch?.close();
      this.#watch = undefined;
      this.#lookAgain();
      return;
    }
    const before = state.map;
    const effect = state.follow(notice.revision, notice.changes);
    if (effect !== 'nothing' && !this.#judge(state, before)) return;
    this.#wake(notice.revision);
  }

  /** Whether what the watch told may be shown. */
  #judge(state: MapState, before: ClusterMap | undefined): boolean {
    const map = state.map;
    if (map === undefined || map.clusterUuid !== this.#options.clusterUuid) {
      // The cluster's record is gone or another one: read, and refuse.
      this.#state = undefined;
      this.#watch?.close();
      this.#watch = undefined;
      this.#lookAgain();
      return false;
    }
    if (map.version < this.map.version) return true;
    const isQuiet =
      before !== undefined &&
      before === this.#shown &&
      map.nodes.size === before.nodes.size &&
      [...map.nodes].every(([uuid, node]) => before.nodes.get(uuid) === node) &&
      storeKinds.every((kind) => map.shards[kind] === before.shards[kind]);
    this.#show(map, isQuiet);
    return true;
  }

  #show(map: ClusterMap, isQuiet: boolean): void {
    if (map === this.#shown) return;
    this.#shown = map;
    if (!isQuiet) this.#tell();
    else this.#quiet ??= this.#env.timers.after(quietMs, () => this.#tell());
  }

  #tell(): void {
    this.#quiet?.cancel();
    this.#quiet = undefined;
    for (const listener of [...this.#listeners]) listener(this.map);
  }
}

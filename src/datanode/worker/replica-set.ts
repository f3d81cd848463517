/**
 * The replicas that share a log: opens those that are here or assigned, at start and at run time, and
 * gives one that starts anew its new directory.
 */

import { CitadelError, invariant } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import { holdersOf, type ShardRecord } from '../../model/cluster.ts';
import type { HybridClock } from '../../replication/hybrid-clock.ts';
import type { ReplicaEvent } from '../../replication/replica-events.ts';
import { ReplicaMachine } from '../../replication/replica-machine.ts';
import { toHex } from '../identity.ts';
import { SegmentReader } from '../log/segment-reader.ts';
import { moveToTrash } from '../retired-replicas.ts';
import { kindOfSlot } from '../slots.ts';
import { IsolatedReplica } from './isolated-replica.ts';
import type { PostFromWorker, WorkerStart } from './messages.ts';
import {
  createHome,
  type FoundReplica,
  type HomeOptions,
  openHome,
  renewHome,
} from './open-replica.ts';
import type { PeerOutbox } from './peer-outbox.ts';
import { type GroupPeers, ReplicaPeers } from './replica-peers.ts';
import { type ReplicaHome, ShardReplica } from './shard-replica.ts';
import { loadWriteIds } from './write-id-file.ts';

/** The name of a node without peers in its own records. */
const aloneName = 'alone';

export interface ReplicaSetOptions extends HomeOptions {
  readonly env: Pick<Env, 'rng' | 'log' | 'clock'>;
  readonly start: Pick<WorkerStart, 'shardCount' | 'logCount' | 'cluster'>;
  readonly logId: number;
  readonly logDirectory: string;
  readonly clock: HybridClock;
  readonly post: PostFromWorker;
  /** Of the thread. */
  readonly outbox: PeerOutbox;
  readonly onLogFailure: (error: CitadelError) => void;
}

/** Without peers: primary and only replica. */
function aloneRecord(shard: number): ShardRecord {
  return {
    shard,
    epoch: 1,
    primary: aloneName,
    replicas: [aloneName],
    learner: undefined,
    leaving: undefined,
    degraded: false,
    isNew: false,
    version: 1,
    revision: 0,
  };
}

export class ReplicaSet {
  readonly replicas = new Map<number, ShardReplica>();
  /** Those that are here and cannot be opened, by shard. */
  readonly isolated = new Map<number, IsolatedReplica>();
  /** Reads back from the log, for peers and for tails. */
  readonly reader: SegmentReader;
  /** Undefined on a node without peers. */
  readonly peers: GroupPeers | undefined;
  readonly #options: ReplicaSetOptions;
  readonly #byId = new Map<string, ShardReplica>();
  readonly #opening = new Map<number, Promise<ShardReplica>>();
  #step: (replica: ShardReplica, event: ReplicaEvent) => void = () => {
    invariant(false, 'no event comes before the group is open');
  };

  constructor(options: ReplicaSetOptions) {
    const { disk, env, logDirectory, post, outbox, start, onLogFailure } = options;
    this.#options = options;
    this.reader = new SegmentReader(disk, logDirectory, env.log);
    if (start.cluster === undefined) return;
    this.peers = {
      reader: this.reader,
      outbox,
      post,
      onLogFailure,
    };
  }

  /** Nothing is set apart, and nothing of the log was lost. */
  get isWhole(): boolean {
    if (this.isolated.size > 0) return false;
    return [...this.replicas.values()].every(({ faults }) => faults.length === 0);
  }

  /** Where the events of replicas go. */
  connect(step: (replica: ShardReplica, event: ReplicaEvent) => void): void {
    this.#step = step;
  }

  /** By replica id; undefined: of a replica that started anew, or of nobody. */
  find(replicaId: string): ShardReplica | undefined {
    return this.#byId.get(replicaId);
  }

  /** The lsn up to which the log can do without records of a replica; undefined = they are nobody's. */
  replayFromOf(replicaId: string): number | undefined {
    const replica = this.#byId.get(replicaId);
    if (replica !== undefined) return replica.replayFrom;
    return this.findIsolated(replicaId) === undefined ? undefined : 0;
  }

  findIsolated(replicaId: string): IsolatedReplica | undefined {
    for (const one of this.isolated.values()) if (one.found.replicaId === replicaId) return one;
    return undefined;
  }

  /** Errors: as of stores, but for damage. */
  async open(found: ReadonlyMap<number, FoundReplica>): Promise<void> {
    const { cluster } = this.#options.start;
    for (const shard of this.#slots(found)) {
      const known = found.get(shard);
      const record = cluster?.records.find((one) => one.shard === shard);
      const isOurs =
        cluster === undefined || (record !== undefined && holdersOf(record).includes(cluster.self));
      if (known !== undefined) await this.#openKnown(known, record);
      else if (isOurs) await this.create(shard, record);
    }
  }

  /**
   * Of this log: every shard of time series, and those of keys that are here or assigned. Without peers a shard of
   * keys is made with its first write.
   */
  #slots(found: ReadonlyMap<number, FoundReplica>): Set<number> {
    const { start, logId } = this.#options;
    const slots = new Set<number>();
    for (let shard = logId; shard < start.shardCount; shard += start.logCount) slots.add(shard);
    const records = start.cluster?.records ?? [];
    for (const slot of [...found.keys(), ...records.map(({ shard }) => shard)]) {
      if (kindOfSlot(slot) === 'kstore' && slot % start.logCount === logId) slots.add(slot);
    }
    return slots;
  }

  /** A replica that was not here before. With peers it is empty until they filled it. */
  create(shard: number, record: ShardRecord | undefined): Promise<ShardReplica> {
    const underWay = this.#opening.get(shard);
    if (underWay !== undefined) return underWay;
    const opening = this.#makeHome(shard)
      .then((home) => this.#add(home, shard, record))
      .finally(() => this.#opening.delete(shard));
    this.#opening.set(shard, opening);
    return opening;
  }

  /** Replaces the store by an empty one. Nothing else may be at work on the store. */
  async renew(replica: ShardReplica): Promise<void> {
    const { shard, home } = replica;
    await home.store.close();
    this.#byId.delete(home.replicaId);
    replica.moveTo(await renewHome(this.#options, shard, home));
    this.#byId.set(replica.replicaId, replica);
  }

  /** Its directory goes to the trash as a whole. Nothing else may be at work on the store. */
  async retire(replica: ShardReplica): Promise<void> {
    const { disk, env } = this.#options;
    const { shard, home } = replica;
    await home.store.close();
    const place = await moveToTrash(disk, home.directory, env.clock.wallMs());
    this.#byId.delete(home.replicaId);
    if (this.replicas.get(shard) === replica) this.replicas.delete(shard);
    env.log.info('replica retired', { shard, place });
  }

  /** In place of one that cannot be opened, if there is one. */
  async #makeHome(shard: number): Promise<ReplicaHome> {
    const isolated = this.isolated.get(shard);
    const isEmpty = this.#options.start.cluster !== undefined;
    if (isolated === undefined) return createHome(this.#options, shard, isEmpty);
    await isolated.stop();
    const home = await renewHome(this.#options, shard, isolated.found);
    this.isolated.delete(shard);
    return home;
  }

  async #openKnown(found: FoundReplica, record: ShardRecord | undefined): Promise<void> {
    const { env, disk } = this.#options;
    const home = await this.#openUndamaged(found);
    if (home === undefined) return;
    const { state } = this.#add(home, found.shard, record);
    await loadWriteIds(env, disk, home.directory, state.writeIds);
  }

  async #openUndamaged(found: FoundReplica): Promise<ReplicaHome | undefined> {
    try {
      return await openHome(this.#options, found);
    } catch (error) {
      if (!(error instanceof CitadelError) || error.code !== 'corrupt') throw error;
      this.#isolate(found, error);
      return undefined;
    }
  }

  #isolate(found: FoundReplica, error: CitadelError): void {
    const { env, clock } = this.#options;
    const { shard, directory } = found;
    env.log.error('damaged shard set apart', { shard, directory, error });
    // Its promise, and what it has in the log, are kept for the replica that takes its place.
    this.isolated.set(shard, new IsolatedReplica(found, error, { env, clock, peers: this.peers }));
  }

  newOrigin(): string {
    return toHex(this.#options.env.rng.bytes(8));
  }

  #add(home: ReplicaHome, shard: number, record: ShardRecord | undefined): ShardReplica {
    const { clock, env, start } = this.#options;
    const { replayFrom, versions, gcVersions, hlcMax } = home.store.positions;
    clock.observe(hlcMax);
    const { self } = start.cluster ?? { self: aloneName };
    const state = new ReplicaMachine({
      shard,
      self,
      origin: this.newOrigin(),
      lsn: replayFrom,
      versions,
      gcVersions,
      promised: home.facts.promised,
      record: start.cluster === undefined ? aloneRecord(shard) : record,
      isEmpty: home.facts.isEmpty,
      clock,
      times: { wallMs: env.clock.wallMs(), monotonicMs: env.clock.monotonicMs() },
    });
    const replica = new ShardReplica(home, state, clock, (made) => this.#makePeers(made));
    this.replicas.set(shard, replica);
    this.#byId.set(home.replicaId, replica);
    return replica;
  }

  #makePeers(replica: ShardReplica): ReplicaPeers | undefined {
    if (this.peers === undefined) return undefined;
    return new ReplicaPeers({
      ...this.peers,
      env: this.#options.env,
      shard: replica.shard,
      store: () => replica.store,
      versions: () => replica.state.versions,
      alone: (work) => replica.alone(work),
      step: (event) => this.#step(replica, event),
    });
  }
}

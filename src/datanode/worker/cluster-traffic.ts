/**
 * What reaches a worker from its peers and from the map, on its way to the replica it concerns; and the
 * clock tick of replicas that have something to wait for.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Env, TimerHandle } from '../../env/env.ts';
import { holdersOf, type ShardRecord } from '../../model/cluster.ts';
import { decodeMessage } from '../../replication/message-codec.ts';
import type { ReplicaMessage } from '../../replication/peer-message.ts';
import type { ReplicaEvent } from '../../replication/replica-events.ts';
import type {
  ClusterToWorker,
  ShardMessage,
  WorkerCluster,
  WorkerMap,
} from './cluster-messages.ts';
import type { ReplicaGroup } from './replica-group.ts';
import type { ShardReplica } from './shard-replica.ts';

const tickMs = 50;
/** Logs are trimmed so often, as peers catch up. */
const ticksPerTrim = 20;
/** A replica that could not be opened is tried again after so long. */
const reopenMs = 5_000;

export interface TrafficOptions {
  readonly env: Pick<Env, 'clock' | 'timers' | 'log'>;
  readonly groups: readonly ReplicaGroup[];
  readonly cluster: WorkerCluster;
  readonly groupOf: (shard: number) => ReplicaGroup | undefined;
  /** No room for what peers push: they are asked for it later. */
  readonly isFull: () => boolean;
  /** A replica was opened while the node runs. */
  readonly onOpened: (replica: ShardReplica) => void;
}

export class ClusterTraffic {
  readonly #options: TrafficOptions;
  readonly #records = new Map<number, ShardRecord>();
  readonly #opening = new Set<number>();
  #liveNodes: ReadonlySet<string>;
  #isAttached: boolean;
  #timer: TimerHandle | undefined;
  #ticks = 0;
  #trimming: Promise<void> | undefined;
  #stopped = false;

  constructor(options: TrafficOptions) {
    const { cluster } = options;
    this.#options = options;
    this.#liveNodes = new Set(cluster.liveNodes);
    this.#isAttached = cluster.isAttached;
    this.#mapChanged(cluster);
  }

  receive(message: Exclude<ClusterToWorker, { kind: 'forget' }>): void {
    if (this.#stopped) return;
    switch (message.kind) {
      case 'peer-messages':
        this.#deliver(message.from, message.messages);
        return;
      case 'map':
        this.#mapChanged(message.map);
        return;
      case 'link': {
        const { node, state } = message;
        this.stepAll({ kind: 'link', node, state });
        return;
      }
      case 'proposed': {
        const { shard, id, result } = message;
        this.#step(shard, { kind: 'proposed', id, result });
        return;
      }
      case 'removal-confirmed':
        this.#retire(message.shard);
        return;
      case 'snapshot-piece':
        this.#find(message.shard)?.replica.peers?.receiver.piece(message.piece);
        return;
      case 'snapshot-end':
        this.#find(message.shard)?.replica.peers?.receiver.end(message.failure);
        return;
    }
  }

  /** To every replica of this worker. */
  stepAll(event: ReplicaEvent): void {
    for (const group of this.#options.groups) {
      for (const replica of group.replicas.values()) group.step(replica, event);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#trimming;
  }

  #find(shard: number): { group: ReplicaGroup; replica: ShardReplica } | undefined {
    const group = this.#options.groupOf(shard);
    const replica = group?.replicas.get(shard);
    return group === undefined || replica === undefined ? undefined : { group, replica };
  }

  #step(shard: number, event: ReplicaEvent): void {
    const found = this.#find(shard);
    found?.group.step(found.replica, event);
  }

  #deliver(from: string, messages: readonly ShardMessage[]): void {
    const isFull = this.#options.isFull();
    for (const { shard, bytes } of messages) {
      const found = this.#find(shard);
      try {
        if (found === undefined) {
          this.#hearForIsolated(shard, from, bytes);
          continue;
        }
        const message = decodeMessage(bytes);
        if (isFull && bringsEntries(message)) continue;
        found.group.receive(found.replica, from, message);
      } catch (error) {
        if (!(error instanceof CitadelError)) throw error;
        // Like one that was lost: what it brought is asked for again.
        this.#options.env.log.warn('message of a peer dropped', { shard, from, error });
      }
    }
  }

  #mapChanged({ records, liveNodes, isAttached }: WorkerMap): void {
    this.#liveNodes = new Set(liveNodes);
    this.#isAttached = isAttached;
    for (const record of records) this.#records.set(record.shard, record);
    for (const record of this.#records.values()) this.#tellRecord(record);
    this.#setTicking();
  }

  #tellRecord(record: ShardRecord): void {
    const { shard } = record;
    const found = this.#find(shard);
    if (found !== undefined) {
      const liveNodes = this.#liveNodes;
      const isAttached = this.#isAttached;
      found.group.step(found.replica, { kind: 'map', record, liveNodes, isAttached });
    } else if (holdersOf(record).includes(this.#options.cluster.self)) {
      if (!this.#isIsolated(shard)) this.#open(shard);
    }
  }

  #isIsolated(shard: number): boolean {
    return this.#options.groupOf(shard)?.set.isolated.has(shard) === true;
  }

  /** A damaged replica starts anew once a peer can fill it, and has what is left of it here. */
  #hearForIsolated(shard: number, from: string, bytes: Uint8Array): void {
    const isolated = this.#options.groupOf(shard)?.set.isolated.get(shard);
    const record = this.#records.get(shard);
    if (isolated === undefined || record === undefined) return;
    if (!holdersOf(record).includes(this.#options.cluster.self)) return;
    if (isolated.hear(from, decodeMessage(bytes), record)) this.#open(shard);
  }

  /** A shard that was given to this node while it runs. */
  #open(shard: number): void {
    const { env, groupOf, onOpened } = this.#options;
    const record = this.#records.get(shard);
    if (this.#opening.has(shard) || record === undefined || this.#stopped) return;
    this.#opening.add(shard);
    const opened = groupOf(shard)?.assign(record);
    opened?.then(
      (replica) => {
        this.#opening.delete(shard);
        env.log.info('replica opened', { shard });
        onOpened(replica);
        this.#tellRecord(this.#records.get(shard) ?? record);
        this.#setTicking();
      },
      (error: unknown) => {
        this.#opening.delete(shard);
        env.log.error('cannot open a replica', { shard, error });
        env.timers.after(reopenMs, () => this.#openAgain(shard));
      },
    );
  }

  /** Unless it was given to another node meanwhile. */
  #openAgain(shard: number): void {
    const record = this.#records.get(shard);
    if (record !== undefined && holdersOf(record).includes(this.#options.cluster.self)) {
      this.#open(shard);
    }
  }

  #retire(shard: number): void {
    const { env } = this.#options;
    const found = this.#find(shard);
    if (found === undefined || this.#stopped) return;
    found.group.retire(found.replica).then(
      () => {
        const record = this.#records.get(shard);
        if (record !== undefined) this.#tellRecord(record);
        this.#setTicking();
      },
      (error: unknown) => env.log.error('cannot retire a replica', { shard, error }),
    );
  }

  /** A replica that is alone and has nothing to settle needs no clock. */
  #setTicking(): void {
    const isNeeded = [...this.#records.values()].some((record) => {
      const holders = holdersOf(record);
      const isLeftOver = !holders.includes(this.#options.cluster.self);
      const hasToSettle = isLeftOver || holders.length > 1 || record.isNew || record.degraded;
      return hasToSettle && this.#find(record.shard) !== undefined;
    });
    if (isNeeded && this.#timer === undefined && !this.#stopped) {
      this.#timer = this.#options.env.timers.every(tickMs, () => this.#tick());
    } else if (!isNeeded) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
  }

  #tick(): void {
    this.stepAll({ kind: 'tick' });
    this.#ticks++;
    if (this.#ticks % ticksPerTrim !== 0) return;
    this.#trimming ??= this.#trim().finally(() => {
      this.#trimming = undefined;
    });
  }

  async #trim(): Promise<void> {
    for (const group of this.#options.groups) {
      try {
        await group.heal();
        await group.trim();
      } catch (error) {
        this.#options.env.log.warn('cannot tidy the log', { error });
      }
    }
  }
}

function bringsEntries({ body }: ReplicaMessage): boolean {
  return body.kind === 'push' || body.kind === 'entries';
}

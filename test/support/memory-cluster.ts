/**
 * A cluster's metadata and network in memory: one shard map that all nodes share, messages and snapshots
 * handed from node to node, links that are cut on demand. Best effort like the real one: what is sent to a
 * node that is away is lost.
 */

import { CitadelError } from '../../src/base/errors.ts';
import type { ClusterView, ProposalResult } from '../../src/metadata/cluster-view.ts';
import type { ClusterMap, NodeRecord, ShardRecord, StoreKind } from '../../src/model/cluster.ts';
import type {
  PeerHandler,
  PeerLinkState,
  PeerMessage,
  PeerTransport,
} from '../../src/rpc/peer-api.ts';
import type { OpenSnapshot, SnapshotTransport } from '../../src/rpc/snapshot-api.ts';

export const memoryClusterUuid = '11111111-2222-4333-8444-555555555555';

function nodeRecord(uuid: string, workers: number): NodeRecord {
  const url = `http://${uuid}:1`;
  return {
    uuid,
    storeId: uuid,
    rpcUrl: url,
    httpUrl: url,
    snapshotUrl: url,
    zone: '',
    version: 'test',
    startedMs: 0,
    workers,
  };
}

/** Shard s is on nodes s, s + 1, ... of the list. */
export function makeRecords(
  shardCount: number,
  nodes: readonly string[],
  replicationFactor: number,
): ShardRecord[] {
  return Array.from({ length: shardCount }, (_, shard): ShardRecord => {
    const replicas = Array.from(
      { length: replicationFactor },
      (__, i) => nodes[(shard + i) % nodes.length]!,
    );
    return {
      shard,
      epoch: 1,
      primary: replicas[0]!,
      replicas,
      learner: undefined,
      leaving: undefined,
      degraded: false,
      isNew: true,
      version: 1,
      revision: 1,
    };
  });
}

interface Member {
  readonly listeners: Set<(map: ClusterMap) => void>;
  handler: PeerHandler | undefined;
  readonly linkListeners: Set<(node: string, state: PeerLinkState) => void>;
  openSnapshot: OpenSnapshot | undefined;
  isUp: boolean;
}

export interface MemoryClusterOptions {
  readonly clusterUuid?: string;
  readonly shardCount: number;
  readonly nodes: readonly string[];
  readonly replicationFactor: number;
  readonly workers?: number;
  /** Runs a delivery later; default: in another turn of the event loop. */
  readonly later?: (run: () => void) => void;
}

export class MemoryCluster {
  readonly #members = new Map<string, Member>();
  readonly #later: (run: () => void) => void;
  readonly #workers: number;
  /** `from>to` of links that carry nothing. */
  readonly #cut = new Set<string>();
  map: ClusterMap;
  /** False: the metadata store answers nobody. */
  isStoreUp = true;
  /** Messages delivered. */
  deliveredCount = 0;

  constructor(options: MemoryClusterOptions) {
    const { shardCount, nodes, replicationFactor } = options;
    this.#later = options.later ?? ((run) => setImmediate(run));
    this.#workers = options.workers ?? 1;
    for (const node of nodes) {
      const listeners = new Set<(map: ClusterMap) => void>();
      const linkListeners = new Set<(node: string, state: PeerLinkState) => void>();
      this.#members.set(node, {
        listeners,
        handler: undefined,
        linkListeners,
        openSnapshot: undefined,
        isUp: false,
      });
    }
    this.map = {
      clusterUuid: options.clusterUuid ?? memoryClusterUuid,
      version: 1,
      replicationFactor,
      nodes: new Map(),
      shards: { tstore: makeRecords(shardCount, nodes, replicationFactor), kstore: [] },
    };
  }

  /** The node is there: its lease is alive, its links connect. */
  join(node: string): {
    view: ClusterView;
    transport: PeerTransport;
    snapshots: SnapshotTransport;
  } {
    const member = this.#member(node);
    member.isUp = true;
    member.handler = undefined;
    member.openSnapshot = undefined;
    member.listeners.clear();
    member.linkListeners.clear();
    this.#setNodes([...this.map.nodes.keys(), node]);
    this.#tellLinks(node, 'connected');
    return {
      view: this.#viewOf(node, member),
      transport: this.#transportOf(node, member),
      snapshots: this.#snapshotsOf(node, member),
    };
  }

  /** The process is gone: connections are refused; its lease ends too unless told otherwise. */
  leave(node: string, options: { readonly keepsLease?: boolean } = {}): void {
    const member = this.#member(node);
    member.isUp = false;
    member.handler = undefined;
    member.openSnapshot = undefined;
    member.listeners.clear();
    if (options.keepsLease !== true) {
      this.#setNodes([...this.map.nodes.keys()].filter((other) => other !== node));
    }
    this.#tellLinks(node, 'refused');
  }

  /** Nothing goes between the two any more, in both directions. */
  cut(a: string, b: string): void {
    this.#cut.add(`${a}>${b}`).add(`${b}>${a}`);
    this.#tellLink(a, b, 'silent');
    this.#tellLink(b, a, 'silent');
  }

  heal(): void {
    this.#cut.clear();
    for (const node of this.#members.keys()) {
      if (this.#member(node).isUp) this.#tellLinks(node, 'connected');
    }
  }

  /** As the metadata store would: guarded by the revision. */
  replace(record: ShardRecord): ProposalResult {
    const known = this.map.shards.tstore[record.shard]!;
    if (known.revision !== record.revision) return 'lost';
    const version = this.map.version + 1;
    const tstore = this.map.shards.tstore.with(record.shard, { ...record, revision: version });
    this.#publish({ ...this.map, version, shards: { tstore, kstore: [] } });
    return 'done';
  }

  #member(node: string): Member {
    const member = this.#members.get(node);
    if (member === undefined) throw new Error(`no node ${node}`);
    return member;
  }

  #setNodes(uuids: readonly string[]): void {
    const nodes = new Map(uuids.map((uuid) => [uuid, nodeRecord(uuid, this.#workers)]));
    this.#publish({ ...this.map, nodes });
  }

  #publish(map: ClusterMap): void {
    this.map = map;
    for (const { listeners } of this.#members.values()) {
      for (const listener of listeners) listener(map);
    }
  }

  #tellLinks(node: string, state: PeerLinkState): void {
    for (const other of this.#members.keys()) {
      if (other !== node) this.#tellLink(other, node, state);
    }
  }

  #tellLink(at: string, node: string, state: PeerLinkState): void {
    for (const listener of this.#member(at).linkListeners) {
      this.#later(() => {
        if (this.#member(at).isUp) listener(node, state);
      });
    }
  }

  #reaches(from: string, to: string): boolean {
    return this.#members.get(to)?.isUp === true && !this.#cut.has(`${from}>${to}`);
  }

  #viewOf(node: string, { listeners }: Member): ClusterView {
    const cluster = this;
    return {
      get map() {
        return cluster.map;
      },
      self: node,
      onChange(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      async refresh() {
        if (!cluster.isStoreUp) throw new CitadelError('unavailable', 'the store is away');
        return cluster.map;
      },
      offer: () => undefined,
      async propose(_kind, record) {
        if (!cluster.isStoreUp) throw new CitadelError('unavailable', 'the store is away');
        return cluster.replace(record);
      },
      isAttached: () => cluster.isStoreUp,
    };
  }

  #transportOf(node: string, member: Member): PeerTransport {
    return {
      send: (to, messages) => {
        // On a wire bytes are copied: the receiver may do with its own what it likes.
        const copies = messages.map(
          (message): PeerMessage => ({ ...message, bytes: Uint8Array.from(message.bytes) }),
        );
        this.#later(() => {
          if (!this.#member(node).isUp || !this.#reaches(node, to)) return;
          this.deliveredCount += copies.length;
          this.#member(to).handler?.(node, copies);
        });
      },
      listen: (handler) => {
        member.handler = handler;
      },
      onLink: (listener) => {
        member.linkListeners.add(listener);
      },
    };
  }

  #snapshotsOf(node: string, member: Member): SnapshotTransport {
    return {
      serveSnapshots: (open) => {
        member.openSnapshot = open;
      },
      fetchSnapshot: (from, kind, shard, signal) => this.#carry(node, from, kind, shard, signal),
    };
  }

  async *#carry(
    to: string,
    from: string,
    kind: StoreKind,
    shard: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const check = () => {
      if (!this.#reaches(from, to) || !this.#reaches(to, from)) {
        throw new CitadelError('unavailable', `node ${from} cannot be reached`);
      }
    };
    check();
    const open = this.#member(from).openSnapshot;
    if (open === undefined) throw new CitadelError('unavailable', `node ${from} is not ready`);
    for await (const piece of open(kind, shard, signal)) {
      check();
      yield piece;
    }
  }
}

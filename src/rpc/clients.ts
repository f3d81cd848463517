/**
 * This node's side of all its connections: per node of the map one link for peer messages and one channel
 * for calls, made and closed as the map changes.
 */

import { CitadelError } from '../base/errors.ts';
import type { TimerHandle } from '../env/env.ts';
import type { NodeRecord } from '../model/cluster.ts';
import { MapLearner } from './client/map-learner.ts';
import { NodeCalls } from './client/node-calls.ts';
import { RemoteDataNode } from './client/remote-data-node.ts';
import { WriteCalls } from './client/write-calls.ts';
import type { PeerInbox, PeerLinks, RpcClients, RpcOptions } from './contract.ts';
import type { DataNodeApi } from './data-node-api.ts';
import { dataNodeService } from './methods.ts';
import type { PeerHandler, PeerLinkState, PeerMessage } from './peer-api.ts';
import { followNodes } from './peers/known-nodes.ts';
import { PeerLink, tickMs } from './peers/peer-link.ts';
import type { OpenSnapshot, SnapshotTransport } from './snapshot-api.ts';
import { fetchSnapshot } from './snapshots/snapshot-client.ts';
import { emptyMessage } from './wire/requests.ts';

/** A call that was under way when its node fell silent is failed when it has heard nothing for so long itself. */
const callSilenceMs = 1_000;
const mapDeadlineMs = 1_000;

type LinkListener = (node: string, state: PeerLinkState) => void;

interface Connection {
  record: NodeRecord;
  readonly calls: NodeCalls;
  readonly writes: WriteCalls;
  /** None to this node itself. */
  readonly link: PeerLink | undefined;
}

export class ClusterClients implements RpcClients {
  readonly peers: PeerLinks;
  readonly inbox: PeerInbox;
  readonly snapshots: SnapshotTransport;
  readonly #options: RpcOptions;
  readonly #learner: MapLearner;
  readonly #connections = new Map<string, Connection>();
  readonly #handlers: PeerHandler[] = [];
  readonly #linkListeners: LinkListener[] = [];
  readonly #ticker: TimerHandle;
  readonly #stopFollowing: () => void;
  #known: ReadonlyMap<string, NodeRecord> = new Map();
  #openSnapshot: OpenSnapshot | undefined;
  #isClosed = false;

  constructor(options: RpcOptions) {
    this.#options = options;
    this.#learner = new MapLearner(options, (node) =>
      this.#connectionTo(node).calls.unary(dataNodeService.GetMap.path, emptyMessage, {
        deadlineMs: mapDeadlineMs,
      }),
    );
    this.peers = this.#makePeers();
    this.inbox = this.#makeInbox();
    this.snapshots = this.#makeSnapshots();
    this.#follow();
    this.#stopFollowing = options.view.onChange(() => this.#follow());
    this.#ticker = options.env.timers.every(tickMs, () => this.#tick());
  }

  dataNode(uuid: string): DataNodeApi {
    return new RemoteDataNode({
      calls: () => this.#connectionTo(uuid).calls,
      writes: () => this.#connectionTo(uuid).writes,
      workers: () => this.#known.get(uuid)?.workers ?? 1,
      mapSettled: () => this.#learner.settled(uuid),
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ticker.cancel();
    this.#stopFollowing();
    for (const uuid of [...this.#connections.keys()]) this.#drop(uuid);
  }

  #makePeers(): PeerLinks {
    return {
      send: (to, messages) => this.#connections.get(to)?.link?.send(messages),
      listen: (handler) => {
        this.#handlers.push(handler);
      },
      onLink: (listener) => {
        this.#linkListeners.push(listener);
      },
      stateOf: (node) => this.#connections.get(node)?.link?.state,
    };
  }

  #makeInbox(): PeerInbox {
    const openSnapshot = () => this.#openSnapshot;
    return {
      deliver: (from, messages) => this.#deliver(from, messages),
      heardFrom: (node) => this.#connections.get(node)?.link?.nudge(),
      get openSnapshot() {
        return openSnapshot();
      },
    };
  }

  #makeSnapshots(): SnapshotTransport {
    return {
      serveSnapshots: (open) => {
        this.#openSnapshot = open;
      },
      fetchSnapshot: (node, kind, shard, signal) => {
        const address = () => this.#recordOf(node).snapshotUrl;
        return fetchSnapshot(this.#options, { node, address, kind, shard }, signal);
      },
    };
  }

  #deliver(from: string, messages: readonly PeerMessage[]): void {
    for (const handler of this.#handlers) handler(from, messages);
  }

  #recordOf(uuid: string): NodeRecord {
    const record = this.#known.get(uuid);
    if (record === undefined) {
      throw new CitadelError('unavailable', `cannot reach node ${uuid}: its address is not known`);
    }
    return record;
  }

  #connectionTo(uuid: string): Connection {
    const connection = this.#connections.get(uuid);
    if (connection === undefined) {
      throw new CitadelError('unavailable', `cannot reach node ${uuid}: its address is not known`);
    }
    return connection;
  }

  #follow(): void {
    if (this.#isClosed) return;
    this.#known = followNodes(this.#known, this.#options.view.map);
    for (const uuid of [...this.#connections.keys()]) if (!this.#known.has(uuid)) this.#drop(uuid);
    for (const record of this.#known.values()) this.#update(record);
  }

  #update(record: NodeRecord): void {
    const connection = this.#connections.get(record.uuid);
    if (connection?.calls.url === record.rpcUrl) {
      // It was started again: whatever we wait for after a failure is over.
      if (connection.record.startedMs !== record.startedMs) connection.link?.nudge();
      connection.record = record;
      return;
    }
    if (connection !== undefined) this.#drop(record.uuid);
    try {
      this.#connections.set(record.uuid, this.#open(record));
    } catch (error) {
      this.#options.env.log.warn('rpc.address.refused', {
        node: record.uuid,
        url: record.rpcUrl,
        error: String(error),
      });
    }
  }

  #open(record: NodeRecord): Connection {
    const { uuid, rpcUrl: url } = record;
    const onMapVersion = (version: number) => {
      this.#learner.learn(uuid, version).catch(() => undefined);
    };
    const calls = new NodeCalls(this.#options, uuid, { url, onMapVersion });
    const writes = new WriteCalls({ env: this.#options.env, node: uuid, calls, onMapVersion });
    if (uuid === this.#options.identity.node) return { record, calls, writes, link: undefined };
    const onState = (state: PeerLinkState, before: PeerLinkState | undefined) => {
      if (state !== 'silent') calls.endSilence();
      if (state === 'connected') calls.refresh(before === 'silent');
      this.#onState(uuid, state);
    };
    const link = new PeerLink(this.#options, uuid, url, { onState, onMapVersion });
    return { record, calls, writes, link };
  }

  #onState(node: string, state: PeerLinkState): void {
    for (const listener of this.#linkListeners) {
      try {
        listener(node, state);
      } catch (error) {
        this.#options.env.log.error('rpc.link.listener-failed', { node, error: String(error) });
      }
    }
  }

  #tick(): void {
    for (const { link, calls, writes } of this.#connections.values()) {
      link?.tick();
      writes.tick();
      if (link?.state !== 'silent') continue;
      calls.failSilent(callSilenceMs);
      if (writes.failSilent(callSilenceMs)) calls.beginSilence();
    }
  }

  #drop(uuid: string): void {
    const connection = this.#connections.get(uuid);
    this.#connections.delete(uuid);
    connection?.link?.close();
    const message = `node ${uuid} left, or its address changed`;
    connection?.writes.close(message);
    connection?.calls.close(message);
  }
}

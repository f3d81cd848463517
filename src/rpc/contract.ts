/**
 * What rpc takes and gives: options, clients, server. The functions that open them are in rpc.ts.
 */

import type { Env } from '../env/env.ts';
import type { ClusterMap } from '../model/cluster.ts';
import type { ApiService } from './api/service.ts';
import type { DataNodeApi } from './data-node-api.ts';
import type { PeerHandler, PeerLinkState, PeerMessage, PeerTransport } from './peer-api.ts';
import type { OpenSnapshot, SnapshotTransport } from './snapshot-api.ts';

/** Who speaks; part of every greeting. */
export interface RpcIdentity {
  readonly clusterUuid: string;
  readonly node: string;
  readonly storeId: string;
}

/** What rpc needs of the cluster view (metadata/cluster-view.ts has all of it). */
export interface MapSource {
  readonly map: ClusterMap;
  onChange(listener: (map: ClusterMap) => void): () => void;
  /** A newer map that a peer has. */
  offer(map: ClusterMap): void;
}

/** PEM texts as bytes. Both sides show a certificate of `ca`: whoever has none is not let in. */
export interface RpcTls {
  readonly ca: Uint8Array;
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
  /** The name that certificates of nodes are issued to, when it is not the host of their address. */
  readonly serverName?: string | undefined;
}

export type RpcEnv = Pick<Env, 'clock' | 'timers' | 'rng' | 'log' | 'host'>;

export interface RpcOptions {
  readonly env: RpcEnv;
  readonly identity: RpcIdentity;
  readonly view: MapSource;
  /** Undefined: plain text. All nodes of a cluster agree on it. */
  readonly tls?: RpcTls | undefined;
  /** A fetch of a snapshot fails when it hears nothing for so long; default 10 s, at least 3 s. */
  readonly snapshotQuietMs?: number | undefined;
}

/** What comes in from peers, on its way from the server to those who asked for it. */
export interface PeerInbox {
  deliver(from: string, messages: readonly PeerMessage[]): void;
  /** A peer opened a stream to us: it lives, so a link that waits tries again at once. */
  heardFrom(node: string): void;
  /** Undefined until `serveSnapshots` was called. */
  readonly openSnapshot: OpenSnapshot | undefined;
}

export interface PeerLinks extends PeerTransport {
  listen(handler: PeerHandler): void;
  /** Undefined: not a node we know, or nothing was heard yet. */
  stateOf(node: string): PeerLinkState | undefined;
}

export interface RpcClients {
  /**
   * The remote twin of a node's data node; cheap, may be kept. Calls follow the node's address in the map.
   * Every call fails with `unavailable` when the node refuses or is silent, `overloaded` when too much is under way to it.
   */
  dataNode(uuid: string): DataNodeApi;
  readonly peers: PeerLinks;
  readonly snapshots: SnapshotTransport;
  /** For `startRpcServer`. */
  readonly inbox: PeerInbox;
  /** Calls under way fail with `unavailable`. Idempotent. */
  close(): void;
}

export interface RpcListen {
  /** '' = every address. */
  readonly host: string;
  /** 0 = any free port, for both. */
  readonly port: number;
  readonly snapshotPort: number;
}

export interface RpcServerOptions extends RpcOptions {
  readonly listen: RpcListen;
  readonly dataNode: DataNodeApi;
  readonly inbox: PeerInbox;
  /** For each snapshot that is sent; undefined = as fast as it goes. */
  readonly snapshotBytesPerSecond?: number | undefined;
}

export interface RpcServer {
  readonly port: number;
  readonly snapshotPort: number;
  /** Services for clients, beside those for nodes. */
  addApi(services: readonly ApiService[]): void;
  /** What the health service says; true after start. */
  setServing(serving: boolean): void;
  /** Takes no new calls, lets those under way end for `graceMs` (default 5 s), then cuts them off. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

/** Of a node that has no peers: only services for clients. */
export interface ApiServerOptions {
  readonly env: Pick<Env, 'timers'>;
  readonly listen: Pick<RpcListen, 'host' | 'port'>;
  readonly services: readonly ApiService[];
}

export interface ApiServer {
  readonly port: number;
  /** As `RpcServer.close`. */
  close(graceMs?: number): Promise<void>;
}

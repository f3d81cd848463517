/**
 * Messages between the replicas of a shard. Best effort, like datagrams: a message may be lost, late,
 * repeated or overtaken; replication is built on that (replication: pushes that are lost are pulled).
 *
 * Messages of one node pair travel on one long-lived stream, many to a batch. What is queued for a peer
 * has a maximum in bytes; beyond it messages are dropped (always one is taken), never waited for.
 */

import type { StoreKind } from '../model/cluster.ts';

export interface PeerMessage {
  readonly kind: StoreKind;
  readonly shard: number;
  /** An encoded replication message (replication/message-codec.ts); rpc does not look inside. What comes in is a view of its batch. */
  readonly bytes: Uint8Array;
}

export type PeerHandler = (from: string, messages: readonly PeerMessage[]) => void;

/** `refused`: the address answers that nobody listens there; `silent`: nothing came back in time. */
export type PeerLinkState = 'connected' | 'refused' | 'silent';

export interface PeerTransport {
  /** To a node by uuid; messages to an unknown node are dropped. Buffers are handed over. */
  send(to: string, messages: readonly PeerMessage[]): void;
  /** Whoever listens gets all messages of all peers, in order per peer as far as the stream goes. */
  listen(handler: PeerHandler): void;
  /** Changes of a link's state, as soon as they are noticed. */
  onLink(listener: (node: string, state: PeerLinkState) => void): void;
}

/** What every call and stream between nodes opens with; another cluster's is refused with `conflict`. */
export interface PeerGreeting {
  readonly clusterUuid: string;
  readonly node: string;
  readonly storeId: string;
  readonly mapVersion: number;
  /** Wire format of the sender; an unknown one is refused with `unsupported-version`. */
  readonly wireVersion: number;
}

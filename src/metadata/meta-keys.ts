/**
 * Names of metadata keys, and the encoding of user-given names inside them.
 *
 * A name becomes one path part of letters, digits, `_`, `-` and `.`; every other byte of it is
 * `%XX`. So parts never contain `/`, two names never share a key, and text order is byte order.
 */

import { CitadelError } from '../base/errors.ts';
import { decodeText, encodeText } from '../base/text.ts';
import type { StoreKind } from '../model/cluster.ts';

const hexDigits = '0123456789ABCDEF';

function isPlain(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x5f ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

export function encodeName(name: string): string {
  let text = '';
  for (const byte of encodeText(name)) {
    text += isPlain(byte)
      ? String.fromCharCode(byte)
      : `%${hexDigits[byte >> 4]}${hexDigits[byte & 15]}`;
  }
  return text;
}

/** @throws CitadelError `corrupt` for text that `encodeName` never makes. */
export function decodeName(text: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isPlain(code)) {
      bytes.push(code);
      continue;
    }
    const digits = text.slice(i + 1, i + 3);
    if (code !== 0x25 || !/^[0-9A-F]{2}$/.test(digits)) {
      throw new CitadelError('corrupt', `metadata key has a bad name part '${text}'`);
    }
    bytes.push(Number.parseInt(digits, 16));
    i += 2;
  }
  return decodeText(Uint8Array.from(bytes));
}

/** What all nodes agree on for life: cluster id, format, shard counts. */
export const clusterKey = 'cluster';
/** Written by every transaction but those of leases; its `version` is the map version. */
export const mapVersionKey = 'mapver';
export const shardMapKeys: Readonly<Record<StoreKind, string>> = {
  tstore: 'tstore/shardmap',
  kstore: 'kstore/shardmap',
};
export const shardsPrefixes: Readonly<Record<StoreKind, string>> = {
  tstore: 'tstore/shards/',
  kstore: 'kstore/shards/',
};
/** Each under the lease of its node. */
export const nodesPrefix = 'nodes/';
/** What the operator wants of a node: it outlives the node's lease. */
export const marksPrefix = 'marks/';
/** There while the operator wants copies evened out. */
export const balanceKey = 'balance';
/** Under the lease of the node whose controller is the active one. */
export const leaderKey = 'leader';
/** There while a node's own metadata is being moved in; goes with the transaction that makes `cluster`. */
export const adoptingKey = 'adopting';
/** Only in embedded metadata: it has moved to etcd, or is about to. */
export const movedKey = 'moved';
export const catalogPrefix = 'catalog/';
export const databasesPrefix = 'catalog/databases/';
export const fieldsPrefix = 'catalog/fields/';
export const usersPrefix = 'catalog/users/';
export const grantsPrefix = 'catalog/grants/';
export const continuousQueriesPrefix = 'catalog/cq/';
export const subscriptionsPrefix = 'catalog/subscriptions/';
export const droppedPrefix = 'dropped/';
/** How far continuous queries are, and who runs them; written without raising the map version. */
export const continuousKeys = {
  all: 'continuous/',
  progress: 'continuous/progress/',
  late: 'continuous/late/',
  /** Each under the lease of its node, as the next. */
  owners: 'continuous/owners/',
  heeded: 'continuous/heeded/',
} as const;
/** How far subscriptions are; written without raising the map version. */
export const cursorsPrefix = 'cursors/';

export function shardKey(kind: StoreKind, shard: number): string {
  return shardsPrefixes[kind] + shard;
}

export function nodeKey(uuid: string): string {
  return nodesPrefix + encodeName(uuid);
}

export function databaseKey(name: string): string {
  return databasesPrefix + encodeName(name);
}

export function markKey(uuid: string): string {
  return marksPrefix + encodeName(uuid);
}

/** By id, not by name: what is left of a dropped database never meets a new one of that name. */
export function fieldsKey(dbId: string, measurement: string): string {
  return `${fieldsPrefix}${dbId}/${encodeName(measurement)}`;
}

export function droppedKey(dbId: string, rpId?: string): string {
  return rpId === undefined ? droppedPrefix + dbId : `${droppedPrefix}${dbId}/${rpId}`;
}

export function userKey(name: string): string {
  return usersPrefix + encodeName(name);
}

export function grantKey(dbId: string, userId: string): string {
  return `${grantsPrefix}${dbId}/${userId}`;
}

export function continuousQueryKey(dbId: string, name: string): string {
  return `${continuousQueriesPrefix}${dbId}/${encodeName(name)}`;
}

/** What is kept beside the query itself and goes with it. */
export function stateOfContinuousQuery(dbId: string, name: string) {
  const query = `${dbId}/${encodeName(name)}`;
  return {
    progressKey: continuousKeys.progress + query,
    latePrefix: `${continuousKeys.late}${query}/`,
  };
}

export function subscriptionKey(dbId: string, rpId: string, name: string): string {
  return `${subscriptionsPrefix}${dbId}/${rpId}/${encodeName(name)}`;
}

/** `<database id>/<policy id>/<subscription id>/`, below it a part per feed and shard. */
export function cursorsOfSubscription(dbId: string, rpId: string, id: string): string {
  return `${cursorsPrefix}${dbId}/${rpId}/${id}/`;
}

/** Everything beside its record that goes with a database. */
export function prefixesOfDatabase(dbId: string): readonly string[] {
  const prefixes = [
    fieldsPrefix,
    grantsPrefix,
    continuousQueriesPrefix,
    subscriptionsPrefix,
    cursorsPrefix,
  ];
  const all = [...prefixes, continuousKeys.progress, continuousKeys.late];
  return all.map((prefix) => `${prefix}${dbId}/`);
}

/** Likewise with a policy. */
export function prefixesOfPolicy(dbId: string, rpId: string): readonly string[] {
  return [subscriptionsPrefix, cursorsPrefix].map((prefix) => `${prefix}${dbId}/${rpId}/`);
}

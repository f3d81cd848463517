/** Messages of citadel.v1.Cluster, both ways. */

import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';

export interface InfoNode {
  readonly uuid: string;
  /** `http://host:port`; '' = only the address that was asked is known. */
  readonly grpcUrl: string;
  readonly httpUrl: string;
  readonly zone: string;
  readonly version: string;
  readonly startedMs: number;
}

export interface InfoStore {
  readonly kind: string;
  readonly shardCount: number;
  readonly replicationFactor: number;
}

export interface InfoAnswer {
  readonly version: string;
  readonly node: string;
  readonly cluster: string;
  readonly mapVersion: number;
  /** Clock of the node that answers, ms since the Unix epoch. */
  readonly nowMs: number;
  readonly nodes: readonly InfoNode[];
  readonly stores: readonly InfoStore[];
  readonly databases: readonly string[];
}

const field = {
  version: 1,
  node: 2,
  cluster: 3,
  mapVersion: 4,
  nowMs: 5,
  nodes: 6,
  stores: 7,
  databases: 8,
} as const;
const nodeField = { uuid: 1, grpcUrl: 2, httpUrl: 3, zone: 4, version: 5, startedMs: 6 } as const;
const storeField = { kind: 1, shardCount: 2, replicationFactor: 3 } as const;

function encodeNode({ uuid, grpcUrl, httpUrl, zone, version, startedMs }: InfoNode): Buffer {
  const writer = new MessageWriter().text(nodeField.uuid, uuid).text(nodeField.grpcUrl, grpcUrl);
  writer.text(nodeField.httpUrl, httpUrl).text(nodeField.zone, zone);
  return writer.text(nodeField.version, version).varint(nodeField.startedMs, startedMs).finish();
}

function decodeNode(message: Uint8Array): InfoNode {
  const node = { uuid: '', grpcUrl: '', httpUrl: '', zone: '', version: '', startedMs: 0 };
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === nodeField.uuid) node.uuid = reader.text();
    else if (reader.field === nodeField.grpcUrl) node.grpcUrl = reader.text();
    else if (reader.field === nodeField.httpUrl) node.httpUrl = reader.text();
    else if (reader.field === nodeField.zone) node.zone = reader.text();
    else if (reader.field === nodeField.version) node.version = reader.text();
    else if (reader.field === nodeField.startedMs) node.startedMs = reader.number;
  }
  return node;
}

function encodeStore({ kind, shardCount, replicationFactor }: InfoStore): Buffer {
  return new MessageWriter()
    .text(storeField.kind, kind)
    .varint(storeField.shardCount, shardCount)
    .varint(storeField.replicationFactor, replicationFactor)
    .finish();
}

function decodeStore(message: Uint8Array): InfoStore {
  const store = { kind: '', shardCount: 0, replicationFactor: 0 };
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === storeField.kind) store.kind = reader.text();
    else if (reader.field === storeField.shardCount) store.shardCount = reader.number;
    else if (reader.field === storeField.replicationFactor) store.replicationFactor = reader.number;
  }
  return store;
}

export function encodeInfo(info: InfoAnswer): Buffer {
  const writer = new MessageWriter(1024).text(field.version, info.version);
  writer.text(field.node, info.node).text(field.cluster, info.cluster);
  writer.varint(field.mapVersion, info.mapVersion).varint(field.nowMs, info.nowMs);
  for (const node of info.nodes) writer.message(field.nodes, encodeNode(node));
  for (const store of info.stores) writer.message(field.stores, encodeStore(store));
  for (const name of info.databases) writer.message(field.databases, Buffer.from(name));
  return writer.finish();
}

export function decodeInfo(message: Uint8Array): InfoAnswer {
  const found = { version: '', node: '', cluster: '', mapVersion: 0, nowMs: 0 };
  const nodes: InfoNode[] = [];
  const stores: InfoStore[] = [];
  const databases: string[] = [];
  for (const reader = new MessageReader(message); reader.next(); ) {
    if (reader.field === field.version) found.version = reader.text();
    else if (reader.field === field.node) found.node = reader.text();
    else if (reader.field === field.cluster) found.cluster = reader.text();
    else if (reader.field === field.mapVersion) found.mapVersion = reader.number;
    else if (reader.field === field.nowMs) found.nowMs = reader.number;
    else if (reader.field === field.nodes) nodes.push(decodeNode(reader.bytes));
    else if (reader.field === field.stores) stores.push(decodeStore(reader.bytes));
    else if (reader.field === field.databases) databases.push(reader.text());
  }
  return { ...found, nodes, stores, databases };
}

/**
 * Services and methods as grpc-js wants them: messages pass as bytes, so that reading and writing them is
 * ours (wire/), with our errors.
 */

import type { MethodDefinition } from '@grpc/grpc-js';

type Bytes = Buffer;

function asItIs(bytes: Bytes): Bytes {
  return bytes;
}

type Direction = 'unary' | 'answers' | 'both';

function method(
  service: string,
  name: string,
  direction: Direction,
): MethodDefinition<Bytes, Bytes> {
  return {
    path: `/${service}/${name}`,
    requestStream: direction === 'both',
    responseStream: direction !== 'unary',
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
}

export const serviceNames = {
  dataNode: 'citadel.internal.v1.DataNode',
  peer: 'citadel.internal.v1.Peer',
  health: 'grpc.health.v1.Health',
  reflection: 'grpc.reflection.v1.ServerReflection',
  reflectionAlpha: 'grpc.reflection.v1alpha.ServerReflection',
  keyValue: 'citadel.v1.KeyValue',
  timeSeries: 'citadel.v1.TimeSeries',
  cluster: 'citadel.v1.Cluster',
} as const;

const { dataNode, peer, health, reflection, reflectionAlpha } = serviceNames;
const { keyValue, timeSeries, cluster } = serviceNames;

export const dataNodeService = {
  WriteStream: method(dataNode, 'WriteStream', 'both'),
  WriteShards: method(dataNode, 'WriteShards', 'answers'),
  Scan: method(dataNode, 'Scan', 'answers'),
  Schema: method(dataNode, 'Schema', 'answers'),
  KvGet: method(dataNode, 'KvGet', 'answers'),
  KvScan: method(dataNode, 'KvScan', 'answers'),
  Status: method(dataNode, 'Status', 'unary'),
  Digest: method(dataNode, 'Digest', 'unary'),
  DropData: method(dataNode, 'DropData', 'unary'),
  GetMap: method(dataNode, 'GetMap', 'unary'),
} as const;

export const peerService = { Exchange: method(peer, 'Exchange', 'both') } as const;

export const healthService = {
  Check: method(health, 'Check', 'unary'),
  Watch: method(health, 'Watch', 'answers'),
} as const;

export const reflectionService = {
  ServerReflectionInfo: method(reflection, 'ServerReflectionInfo', 'both'),
} as const;

export const reflectionAlphaService = {
  ServerReflectionInfo: method(reflectionAlpha, 'ServerReflectionInfo', 'both'),
} as const;

export const keyValueService = {
  Put: method(keyValue, 'Put', 'unary'),
  Delete: method(keyValue, 'Delete', 'unary'),
  WriteStream: method(keyValue, 'WriteStream', 'both'),
  Get: method(keyValue, 'Get', 'answers'),
  List: method(keyValue, 'List', 'answers'),
} as const;

export const timeSeriesService = {
  Write: method(timeSeries, 'Write', 'unary'),
  WriteStream: method(timeSeries, 'WriteStream', 'both'),
  Query: method(timeSeries, 'Query', 'answers'),
} as const;

export const clusterService = { Info: method(cluster, 'Info', 'unary') } as const;

/** What both sides of a connection agree on. */
export const messageSizeMax = 64 * 1024 * 1024 + 64 * 1024;
export const messageLimits = {
  'grpc.max_receive_message_length': messageSizeMax,
  'grpc.max_send_message_length': messageSizeMax,
} as const;

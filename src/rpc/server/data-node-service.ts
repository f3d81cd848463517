/** The data node's interface as a gRPC service: decode, ask, encode. */

import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import type { DataNodeApi, KvReads } from '../data-node-api.ts';
import { decodeKvGet, decodeKvScan } from '../wire/kv-requests.ts';
import { mapToValue } from '../wire/map-message.ts';
import {
  decodeDigest,
  decodeDrop,
  decodeScan,
  decodeSchema,
  emptyMessage,
  encodeMessage,
} from '../wire/requests.ts';
import { type ServiceHost, streaming, unary } from './call-scope.ts';
import { writeFrames } from './write-frames.ts';
import type { WriteStreams } from './write-streams.ts';

/** Callers ask per worker thread; only one stream may answer, or blocks would lose their order. */
function onlyOne<T>(streams: readonly AsyncIterable<T>[]): AsyncIterable<T> {
  const [first] = streams;
  if (first === undefined || streams.length > 1) {
    throw new CitadelError(
      'unsupported',
      `cannot answer shards of ${streams.length} threads in one stream; ask per thread`,
    );
  }
  return first;
}

function kvOf({ kv }: DataNodeApi): KvReads {
  if (kv !== undefined) return kv;
  throw new CitadelError('redirect', 'no key-value shards are here');
}

export function makeDataNodeService(
  host: ServiceHost,
  dataNode: DataNodeApi,
  writes: WriteStreams,
): UntypedServiceImplementation {
  return {
    WriteStream: writes.handler,
    WriteShards: streaming(host, (message, { signal }) =>
      writeFrames(host, dataNode, message, signal),
    ),
    Scan: streaming(host, (message, { signal }) => {
      const { shards, plan, options } = decodeScan(message);
      return onlyOne(dataNode.scan(shards, plan, signal, options));
    }),
    Schema: streaming(host, (message, { signal }) => {
      const { shards, plan, options } = decodeSchema(message);
      return onlyOne(dataNode.schema(shards, plan, signal, options));
    }),
    KvGet: streaming(host, (message, { signal }) => {
      const { table, parts, options } = decodeKvGet(message);
      return onlyOne(kvOf(dataNode).get(table, parts, signal, options));
    }),
    KvScan: streaming(host, (message, { signal }) => {
      const { shards, plan, options } = decodeKvScan(message);
      return onlyOne(kvOf(dataNode).scan(shards, plan, signal, options));
    }),
    Status: unary(host, async () => encodeMessage(await dataNode.status())),
    Digest: unary(host, async (message, { signal }) => {
      const { kind, shards, horizon } = decodeDigest(message);
      return encodeMessage(await dataNode.digest(kind, shards, horizon, signal));
    }),
    DropData: unary(host, async (message) => {
      const { dbId, rpId } = decodeDrop(message);
      await dataNode.dropData(dbId, rpId);
      return emptyMessage;
    }),
    GetMap: unary(host, async () => encodeMessage(mapToValue(host.view.map))),
  };
}

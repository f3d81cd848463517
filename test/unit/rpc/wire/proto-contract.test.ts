/** What is written by hand is what a protobuf library makes of proto/, and the descriptors are those of proto/. */

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  loadFileDescriptorSetFromBuffer,
  loadSync,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  clusterService,
  dataNodeService,
  healthService,
  keyValueService,
  peerService,
  reflectionAlphaService,
  reflectionService,
  serviceNames,
  timeSeriesService,
} from '../../../../src/rpc/methods.ts';
import { descriptorSetText } from '../../../../src/rpc/server/descriptor-set.ts';
import { decodeAnswer, encodeAnswer, encodeExchange } from '../../../../src/rpc/wire/exchange.ts';
import { encodeBatch } from '../../../../src/rpc/wire/peer-batch.ts';
import { decodeMessage, encodeMessage } from '../../../../src/rpc/wire/requests.ts';
import {
  decodeStreamWrites,
  decodeWrites,
  encodeGivenUp,
  encodeStreamWrites,
  encodeWrites,
} from '../../../../src/rpc/wire/writes.ts';

const folder = fileURLToPath(new URL('../../../../proto/', import.meta.url));
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.proto'))
  .sort();
const options = { keepCase: true, longs: Number, defaults: true } as const;
const loaded = loadSync(files, { ...options, includeDirs: [folder] });
const dataNode = loaded[serviceNames.dataNode] as ServiceDefinition;
const peer = loaded[serviceNames.peer] as ServiceDefinition;

/** Full name -> its descriptor, of everything in a package that has one. */
function descriptorsOf(definition: PackageDefinition): Map<string, unknown> {
  const types = Object.entries(definition).filter(([, item]) => 'format' in item);
  return new Map(
    types.map(([name, item]) => [name, (item as MessageTypeDefinition<object, object>).type]),
  );
}

test('the committed descriptors are those of proto/', () => {
  const committed = loadFileDescriptorSetFromBuffer(
    Buffer.from(descriptorSetText, 'base64'),
    options,
  );
  const names = (definition: PackageDefinition) => Object.keys(definition).sort();
  expect(names(committed)).toEqual(names(loaded));
  for (const [name, type] of descriptorsOf(loaded)) {
    expect(simplify(descriptorsOf(committed).get(name))).toEqual(simplify(type));
  }
});

/** Field names, numbers and types; tools differ in what else they fill in. */
function simplify(type: unknown): unknown {
  const {
    name,
    field = [],
    value = [],
  } = type as {
    name: string;
    field?: { name: string; number: number; type: string; label: string }[];
    value?: { name: string; number: number }[];
  };
  return {
    name,
    fields: field.map((one) => [one.name, one.number, one.type, one.label]),
    values: value.map((one) => [one.name, one.number]),
  };
}

test('every method that is served is in proto/, and the other way round', () => {
  const services = {
    [serviceNames.dataNode]: dataNodeService,
    [serviceNames.peer]: peerService,
    [serviceNames.health]: healthService,
    [serviceNames.reflection]: reflectionService,
    [serviceNames.reflectionAlpha]: reflectionAlphaService,
    [serviceNames.keyValue]: keyValueService,
    [serviceNames.timeSeries]: timeSeriesService,
    [serviceNames.cluster]: clusterService,
  };
  for (const [name, methods] of Object.entries(services)) {
    const definition = loaded[name] as ServiceDefinition;
    const facts = ([key, { path, requestStream, responseStream }]: [
      string,
      { path: string; requestStream: boolean; responseStream: boolean },
    ]) => [key, path, requestStream, responseStream];
    expect(Object.entries(methods).map(facts)).toEqual(Object.entries(definition).map(facts));
  }
});

test('requests by hand are the bytes that a library writes and reads', async () => {
  const size = fc.oneof(fc.nat(300), fc.integer({ min: 16_000, max: 17_000 }));
  await fc.assert(
    fc.property(size, (length) => {
      const frame = new Uint8Array(length).fill(7);
      const request = {
        shard: 1,
        epoch: 2,
        mapVersion: 3,
        writeId: new Uint8Array(16),
        level: 'one' as const,
        frame,
      };
      const requests = [request, { ...request, shard: 2, isFallback: true, sentMs: 0.5 }];
      const bytes = encodeWrites(requests);
      const method = dataNode.WriteShards!;
      const foreign = method.requestDeserialize(bytes) as { values: Buffer; frames: Buffer[] };
      expect(foreign.frames.map((one) => Buffer.compare(one, frame))).toEqual([0, 0]);
      expect(decodeWrites(method.requestSerialize(foreign))).toStrictEqual(requests);
      const stream = dataNode.WriteStream!;
      const sent = encodeStreamWrites(2 ** 40, requests);
      const read = stream.requestDeserialize(sent) as { first: number; frames: Buffer[] };
      expect(read.first).toBe(2 ** 40);
      expect(read.frames.map((one) => Buffer.compare(one, frame))).toEqual([0, 0]);
      const back = decodeStreamWrites(stream.requestSerialize(read));
      expect([back.first, back.givenUp, back.requests.length]).toEqual([2 ** 40, 0, 2]);
      expect(encodeStreamWrites(back.first, back.requests).equals(sent)).toBe(true);
    }),
    { numRuns: 30 },
  );
  const stream = dataNode.WriteStream!;
  const message = stream.requestSerialize({ given_up: 2 ** 40 });
  expect(message.equals(encodeGivenUp(2 ** 40))).toBe(true);
  expect(decodeStreamWrites(message)).toStrictEqual({ first: 0, requests: [], givenUp: 2 ** 40 });
});

test('values are field 1 of every message that has them', () => {
  const value = { shards: [1, 2], text: 'ä' };
  const bytes = encodeMessage(value);
  for (const name of ['Scan', 'Schema', 'Digest', 'DropData']) {
    const method = dataNode[name]!;
    expect(method.requestSerialize(method.requestDeserialize(bytes)).equals(bytes)).toBe(true);
  }
  for (const name of [
    'WriteStream',
    'WriteShards',
    'Scan',
    'Schema',
    'Status',
    'Digest',
    'GetMap',
  ]) {
    const method = dataNode[name]!;
    const foreign = method.responseSerialize(method.responseDeserialize(bytes));
    expect(decodeMessage(foreign)).toStrictEqual(value);
  }
});

test('exchanges by hand are read by a library, and its answers by us', async () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const { Exchange } = peer;
  await fc.assert(
    fc.property(number, number, fc.uint8Array({ maxLength: 400 }), (ping, mapVersion, bytes) => {
      const messages = [{ kind: 'tstore' as const, shard: 1, bytes }];
      const foreign = Exchange!.requestDeserialize(encodeExchange({ messages, ping, mapVersion }));
      expect(foreign).toEqual({ batch: encodeBatch(messages), ping, map_version: mapVersion });
      const answer = { pong: ping, mapVersion };
      expect(Exchange!.responseDeserialize(encodeAnswer(answer))).toEqual({
        pong: ping,
        map_version: mapVersion,
      });
      const written = Exchange!.responseSerialize({ pong: ping, map_version: mapVersion });
      expect(decodeAnswer(written)).toEqual(answer);
    }),
  );
});

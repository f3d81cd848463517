/** Requests from elsewhere are checked before anything works with them. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import type { ClusterMap } from '../../../../src/model/cluster.ts';
import type { SchemaPlan, ShardPlan } from '../../../../src/model/plan.ts';
import { checkSchemaPlan, checkShardPlan } from '../../../../src/rpc/wire/check-plan.ts';
import { decodeMap, mapToValue } from '../../../../src/rpc/wire/map-message.ts';
import {
  decodeDigest,
  decodeDrop,
  decodeScan,
  decodeSchema,
  encodeMessage,
} from '../../../../src/rpc/wire/requests.ts';
import { decodeValue } from '../../../../src/rpc/wire/value-reader.ts';
import { encodeValue } from '../../../../src/rpc/wire/value-writer.ts';
import { decodeStreamWrites, decodeWrites } from '../../../../src/rpc/wire/writes.ts';
import { makeMap, makeNodeRecord } from '../../../support/rpc-node.ts';
import { anyValue } from './arbitrary-values.ts';

const raw: ShardPlan = {
  dbId: '00000000000000a1',
  rpId: '00000000000000b2',
  measurement: 'cpu',
  range: { min: 0n, max: 10n },
  where: {
    kind: 'binary',
    op: 'or',
    left: { kind: 'call', name: 'abs', args: [{ kind: 'field', name: 'v', type: 'float' }] },
    right: {
      kind: 'binary',
      op: '!~',
      left: { kind: 'tag', name: 'host' },
      right: { kind: 'regex', pattern: 'x' },
    },
  },
  dimensions: ['host'],
  descending: true,
  output: { kind: 'raw', columns: [{ source: 'tag', name: 'host', type: 'string' }], rowLimit: 5 },
};

const aggregate: ShardPlan = {
  ...raw,
  where: undefined,
  output: {
    kind: 'aggregate',
    aggregates: [{ fn: 'max', field: 'v', type: 'unsigned' }],
    intervalNs: 60n,
    offsetNs: -1n,
    extras: [{ source: 'field', name: 'w', type: 'boolean' }],
    bucketLimit: 0,
  },
};

const schema: SchemaPlan = {
  dbId: raw.dbId,
  rpId: undefined,
  measurements: ['cpu'],
  where: { kind: 'binary', op: '=', left: { kind: 'measurement' }, right: { kind: 'null' } },
  range: { min: 0n, max: 1n },
  ask: { kind: 'tag-values', keys: undefined },
};

function isRefused(run: () => unknown): boolean {
  try {
    run();
  } catch (error) {
    if (error instanceof CitadelError) return true;
    throw error;
  }
  return false;
}

test('plans pass unchanged, with fields that this release does not know', () => {
  const later = { ...raw, hint: 'x' };
  expect(checkShardPlan(decodeValue(encodeValue(later)))).toStrictEqual(later);
  expect(checkShardPlan(decodeValue(encodeValue(aggregate)))).toStrictEqual(aggregate);
  expect(checkSchemaPlan(decodeValue(encodeValue(schema)))).toStrictEqual(schema);
});

/** Each path to a leaf of a value. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, item]) => pathsOf(item, [...path, key]));
}

function replaceAt(value: unknown, path: readonly string[], by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  const copy = Array.isArray(value) ? [...value] : { ...(value as object) };
  const record = copy as Record<string, unknown>;
  record[key] = replaceAt(record[key], rest, by);
  return copy;
}

test.each([
  ['raw', raw, checkShardPlan],
  ['aggregate', aggregate, checkShardPlan],
  ['schema', schema, checkSchemaPlan],
] as const)('no field of a plan may be of another type: %s', (_name, plan, check) => {
  const optional = ['where', 'rpId', 'measurements', 'range', 'keys'];
  for (const path of pathsOf(plan)) {
    const isOptional = path.some((key) => optional.includes(key)) && path.length === 1;
    if (isOptional) continue;
    const last = path.at(-1) ?? '';
    if (last === 'keys' || last === 'rpId') continue;
    const wrong = replaceAt(plan, path, { not: 'this' });
    expect([path, isRefused(() => check(wrong))]).toEqual([path, true]);
  }
});

test('whatever comes as a request, nothing but a CitadelError comes out', async () => {
  const readers = [
    decodeWrites,
    decodeStreamWrites,
    decodeScan,
    decodeSchema,
    decodeDigest,
    decodeDrop,
    decodeMap,
  ];
  await fc.assert(
    fc.property(anyValue, fc.uint8Array({ maxLength: 60 }), (value, bytes) => {
      for (const read of readers) {
        isRefused(() => read(encodeMessage(value)));
        isRefused(() => read(bytes));
      }
    }),
    { numRuns: 300 },
  );
});

test('a map comes back as it was', () => {
  const map = makeMap(7, [makeNodeRecord('a'), makeNodeRecord('b', { zone: 'z' })], 3);
  expect(decodeMap(encodeValue(mapToValue(map)))).toStrictEqual(map);
});

test('a map that lacks anything is refused', () => {
  const value = mapToValue(makeMap(7, [makeNodeRecord('a')], 1)) as ClusterMap;
  const optional = ['learner', 'leaving'];
  for (const path of pathsOf(value)) {
    if (optional.includes(path.at(-1) ?? '')) continue;
    const wrong = encodeValue(replaceAt(value, path, null));
    expect([path, isRefused(() => decodeMap(wrong))]).toEqual([path, true]);
  }
});

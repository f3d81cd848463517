/**
 * What the public API writes by hand is what a protobuf library reads by proto/, and the other way round; both ways
 * together give back what went in. Messages that make no sense are refused, never misread.
 */

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitadelError } from '../../../../src/base/errors.ts';
import { encodeText } from '../../../../src/base/text.ts';
import { itemOf, listOf } from '../../../../src/model/key-list.ts';
import { decodeInfo, encodeInfo } from '../../../../src/rpc/api/cluster-messages.ts';
import {
  type ApiColumn,
  decodeColumn,
  encodeColumn,
} from '../../../../src/rpc/api/column-messages.ts';
import {
  decodeGet,
  decodeList,
  decodeRows,
  decodeValues,
  encodeGet,
  encodeList,
  encodeRows,
  encodeValues,
} from '../../../../src/rpc/api/kv-read-messages.ts';
import {
  decodeKvStreamWrite,
  decodeKvWriteAnswer,
  decodePut,
  encodeKvStreamWrite,
  encodeKvWrite,
  encodeKvWriteAnswer,
} from '../../../../src/rpc/api/kv-write-messages.ts';
import {
  decodeQueryAnswer,
  encodeQueryAnswer,
} from '../../../../src/rpc/api/query-answer-messages.ts';
import {
  decodeQuery,
  decodeWriteMessage,
  encodeQuery,
  encodeWriteMessage,
} from '../../../../src/rpc/api/time-series-messages.ts';

const folder = fileURLToPath(new URL('../../../../proto/', import.meta.url));
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.proto'),
);
const loaded = loadSync(files, {
  keepCase: true,
  longs: String,
  defaults: true,
  oneofs: true,
  includeDirs: [folder],
});
const keyValue = loaded['citadel.v1.KeyValue'] as ServiceDefinition;
const timeSeries = loaded['citadel.v1.TimeSeries'] as ServiceDefinition;
const cluster = loaded['citadel.v1.Cluster'] as ServiceDefinition;

type Fields = Record<string, unknown>;
const bytes = fc.uint8Array({ maxLength: 40 });
const items = fc.array(bytes, { maxLength: 60 });

/** Items of a list as a library has read it. */
function itemsIn(list: unknown): Uint8Array[] {
  if (list === null) return [];
  const { bytes: all, ends } = list as { bytes: Buffer; ends: number[] };
  return ends.map((end, i) => new Uint8Array(all.subarray(ends[i - 1] ?? 0, end)));
}

function itemsOf(list: { bytes: Uint8Array; ends: Uint32Array }): Uint8Array[] {
  return [...list.ends].map((_, i) => new Uint8Array(itemOf(list, i)));
}

test('a batch of pairs by hand is what a library reads, and back', async () => {
  await fc.assert(
    fc.property(
      fc.array(fc.tuple(bytes, bytes), { maxLength: 60 }),
      fc.boolean(),
      (pairs, hasId) => {
        const keys = listOf(pairs.map(([key]) => key));
        const values = listOf(pairs.map(([, value]) => value));
        const writeId = hasId ? new Uint8Array(16).fill(9) : undefined;
        const write = {
          table: 'tä',
          keys,
          values,
          consistency: 'quorum',
          writeId,
          notAfterMs: 2 ** 41,
        };
        const { requestDeserialize, requestSerialize } = keyValue.Put!;
        const foreign = requestDeserialize(encodeKvWrite(write)) as Fields;
        expect([foreign.table, foreign.consistency, foreign.not_after_ms]).toEqual([
          'tä',
          'quorum',
          String(2 ** 41),
        ]);
        expect(itemsIn(foreign.keys)).toEqual(pairs.map(([key]) => key));
        expect(itemsIn(foreign.values)).toEqual(pairs.map(([, value]) => value));
        const back = decodePut(requestSerialize(foreign));
        expect(itemsOf(back.keys)).toEqual(pairs.map(([key]) => key));
        expect(itemsOf(back.values!)).toEqual(pairs.map(([, value]) => value));
        expect(back.writeId === undefined ? undefined : new Uint8Array(back.writeId)).toEqual(
          writeId,
        );
        expect([back.table, back.consistency, back.notAfterMs]).toEqual(['tä', 'quorum', 2 ** 41]);
      },
    ),
  );
});

test('messages of a stream carry puts and deletes with their numbers', () => {
  const keys = listOf([Buffer.from('a'), Buffer.from('b')]);
  const base = { table: 't', keys, consistency: '', writeId: undefined, notAfterMs: 0 };
  const { requestDeserialize, responseDeserialize } = keyValue.WriteStream!;
  for (const values of [listOf([Buffer.from('1'), Buffer.from('')]), undefined]) {
    const message = encodeKvStreamWrite({ id: 7, write: { ...base, values } });
    const foreign = requestDeserialize(message) as Fields;
    expect([foreign.id, foreign.batch]).toEqual(['7', values === undefined ? 'delete' : 'put']);
    const { id, write } = decodeKvStreamWrite(message);
    expect(id).toBe(7);
    expect(itemsOf(write.keys)).toEqual([...itemsOf(keys)]);
    expect(write.values && itemsOf(write.values)).toEqual(values && itemsOf(values));
  }
  const failure = { code: 'timeout', message: 'timeout', details: '{}' };
  const answer = { id: 3, copies: 2, level: 'quorum', failure };
  expect(decodeKvWriteAnswer(encodeKvWriteAnswer(answer))).toEqual(answer);
  expect(responseDeserialize(encodeKvWriteAnswer(answer))).toMatchObject({ copies: 2, failure });
});

test('reads of keys by hand are what a library reads, and back', async () => {
  await fc.assert(
    fc.property(items, fc.nat(1000), (all, start) => {
      const list = listOf(all);
      const get = encodeGet({ table: 't', keys: list, read: 'quorum' });
      const asked = keyValue.Get!.requestDeserialize(get) as Fields;
      expect(itemsIn(asked.keys)).toEqual(all);
      expect(itemsOf(decodeGet(get).keys)).toEqual(all);
      const present = Uint8Array.from(all, ({ length }) => length % 2);
      const values = encodeValues({ start, present, values: list });
      const read = keyValue.Get!.responseDeserialize(values) as Fields;
      expect([Number(read.start), [...(read.present as Buffer)]]).toEqual([start, [...present]]);
      expect(itemsIn(read.values)).toEqual(all);
      expect(itemsOf(decodeValues(values).values)).toEqual(all);
      const rows = encodeRows({ keys: list, values: list });
      expect(itemsIn((keyValue.List!.responseDeserialize(rows) as Fields).keys)).toEqual(all);
      expect(itemsOf(decodeRows(rows).values)).toEqual(all);
    }),
  );
  const list = {
    table: 't',
    prefix: encodeText('p'),
    from: encodeText('a'),
    until: encodeText('z'),
    limit: 5,
    read: 'one',
  };
  const foreign = keyValue.List!.requestDeserialize(encodeList(list)) as Fields;
  expect(foreign).toMatchObject({ table: 't', limit: '5', read: 'one' });
  expect(decodeList(keyValue.List!.requestSerialize(foreign))).toEqual(list);
});

const columns: readonly ApiColumn[] = [
  { type: 'float', values: Float64Array.of(1.5, -0, 3e300), valid: undefined },
  { type: 'float', values: Float64Array.of(1, 0, 2), valid: Uint8Array.of(1, 0, 1) },
  {
    type: 'integer',
    values: BigInt64Array.of(-1n, 2n ** 63n - 1n, -(2n ** 63n)),
    valid: undefined,
  },
  { type: 'unsigned', values: BigUint64Array.of(0n, 1n, 2n ** 64n - 1n), valid: undefined },
  { type: 'boolean', values: Uint8Array.of(1, 0, 1), valid: undefined },
  {
    type: 'string',
    codes: Uint32Array.of(1, 0, 1),
    dictionary: ['', 'ü'],
    valid: Uint8Array.of(1, 1, 0),
  },
  { type: 'cells', cells: ['a', null, ['x', 'y']] },
  { type: 'cells', cells: [1.5, 2n ** 60n, false] },
];

test('columns of every type come back as they were', () => {
  for (const column of columns) expect(decodeColumn(encodeColumn(column))).toEqual(column);
  expect(decodeColumn(encodeColumn(undefined))).toBeUndefined();
  const small: ApiColumn = {
    type: 'integer',
    values: Float64Array.of(-1, 0, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 32, -(2 ** 32)),
    valid: undefined,
  };
  const wide = [-1n, 0n, 2n ** 53n - 1n, -(2n ** 53n) + 1n, 2n ** 32n, -(2n ** 32n)];
  expect(decodeColumn(encodeColumn(small))).toMatchObject({ values: BigInt64Array.from(wide) });
});

test('points and answers of queries are what a library reads, and back', () => {
  const times = BigInt64Array.of(-5n, 0n, 2n ** 62n);
  const fields = columns
    .filter(({ type }) => type !== 'cells')
    .map((column, i) => ({ name: `f${i}`, column }));
  const points = [{ measurement: 'm', tags: [['a', 'ä']] as const, times, fields }];
  const write = {
    id: 4,
    database: 'db',
    policy: '',
    precision: '',
    consistency: '',
    lines: new Uint8Array(0),
    points,
  };
  const message = encodeWriteMessage(write);
  const foreign = timeSeries.Write!.requestDeserialize(message) as { points: Fields[] };
  expect(foreign.points[0]).toMatchObject({
    measurement: 'm',
    times: ['-5', '0', String(2n ** 62n)],
  });
  expect(decodeWriteMessage(message)).toEqual(write);
  expect(decodeWriteMessage(timeSeries.Write!.requestSerialize(foreign))).toEqual({
    ...write,
    lines: new Uint8Array(0),
  });
  const series = {
    name: 'm',
    tags: [['a', 'b']] as const,
    columns: ['time', 'x'],
    rowCount: 3,
    times,
    values: [columns[0]],
    zone: '',
  };
  const answer = { statement: 1, messages: ['careful'], code: '', error: '', series };
  expect(decodeQueryAnswer(encodeQueryAnswer(answer))).toEqual(answer);
  expect(timeSeries.Query!.responseDeserialize(encodeQueryAnswer(answer))).toMatchObject({
    statement: 1,
    series: { columns: ['time', 'x'], row_count: 3 },
  });
  const query = {
    database: 'db',
    policy: 'rp',
    query: 'SELECT 1',
    params: new Map<string, string | number | bigint | boolean>([
      ['a', 'x'],
      ['b', 1.5],
      ['c', 5n],
      ['d', true],
    ]),
  };
  expect(decodeQuery(encodeQuery(query))).toEqual(query);
  const asked = timeSeries.Query!.requestDeserialize(encodeQuery(query)) as Fields;
  expect(decodeQuery(timeSeries.Query!.requestSerialize(asked))).toEqual(query);
});

test('what a node tells of the cluster is what a library reads, and back', () => {
  const node = {
    uuid: 'u',
    grpcUrl: 'http://a:1',
    httpUrl: '',
    zone: 'z',
    version: '1',
    startedMs: 2 ** 41,
  };
  const store = { kind: 'kstore', shardCount: 16, replicationFactor: 2 };
  const info = {
    version: '1',
    node: 'u',
    cluster: 'c',
    mapVersion: 9,
    nowMs: 2 ** 41,
    nodes: [node],
    stores: [store],
    databases: ['db'],
  };
  expect(decodeInfo(encodeInfo(info))).toEqual(info);
  expect(cluster.Info!.responseDeserialize(encodeInfo(info))).toMatchObject({
    now_ms: String(2 ** 41),
    nodes: [{ grpc_url: 'http://a:1', started_ms: String(2 ** 41) }],
  });
});

test('lists that make no sense are refused', () => {
  const list = (ends: number[], size: number) => ({ bytes: Buffer.alloc(size), ends });
  const put = (keys: object, values: object) =>
    keyValue.Put!.requestSerialize({ table: 't', keys, values });
  const refused = [
    put(list([3, 2], 3), list([0, 0], 0)),
    put(list([2], 3), list([0], 0)),
    put(list([4], 3), list([0], 0)),
    put(list([1, 2], 2), list([0], 0)),
    keyValue.Put!.requestSerialize({ table: 't', write_id: Buffer.alloc(3) }),
  ];
  for (const message of refused) {
    expect(() => decodePut(message)).toThrow(CitadelError);
  }
});

test('no bytes make a reader do anything but read or refuse', async () => {
  const readers = [decodePut, decodeKvStreamWrite, decodeGet, decodeList, decodeValues, decodeRows];
  const others = [decodeWriteMessage, decodeQuery, decodeQueryAnswer, decodeInfo, decodeColumn];
  await fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (message) => {
      for (const read of [...readers, ...others]) {
        try {
          read(message);
        } catch (error) {
          expect(error).toBeInstanceOf(CitadelError);
        }
      }
    }),
    { numRuns: 500 },
  );
});

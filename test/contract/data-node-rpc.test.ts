/**
 * One suite for both forms of a data node: in this process, and as its remote twin over real sockets.
 * Whoever holds a DataNodeApi must not be able to tell which one it is.
 */

import { afterEach, describe, expect, test } from 'vitest';
import { CitadelError, type ErrorCode } from '../../src/base/errors.ts';
import type {
  RawBlock,
  ScanBlock,
  SchemaBlock,
  SchemaPlan,
  ShardPlan,
} from '../../src/model/plan.ts';
import type { DataNodeApi, WriteShardRequest } from '../../src/rpc/data-node-api.ts';
import { createFakeDataNode, type FakeDataNode } from '../support/fake-data-node.ts';
import { makeMap, startRpcNode } from '../support/rpc-node.ts';

interface Subject {
  readonly api: DataNodeApi;
  readonly behind: FakeDataNode;
}

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function inProcess(behind: FakeDataNode): Promise<Subject> {
  return { api: behind, behind };
}

async function overSockets(behind: FakeDataNode): Promise<Subject> {
  const server = await startRpcNode('a', { dataNode: behind });
  const client = await startRpcNode('b', { dataNode: createFakeDataNode() });
  closers.push(server.close, client.close);
  client.view.set(makeMap(2, [server.record, client.record]));
  return { api: client.clients.dataNode('a'), behind };
}

const subjects = [
  ['in the process', inProcess],
  ['over sockets', overSockets],
] as const;

function makeWrite(size = 100): WriteShardRequest {
  return {
    shard: 3,
    epoch: 7,
    mapVersion: 2,
    writeId: Uint8Array.from({ length: 16 }, (_, i) => i),
    level: 'quorum',
    isFallback: true,
    frame: Uint8Array.from({ length: size }, (_, i) => i * 7),
  };
}

const plan: ShardPlan = {
  dbId: '00000000000000a1',
  rpId: '00000000000000b2',
  measurement: 'cpu \udc80',
  range: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
  where: {
    kind: 'binary',
    op: 'and',
    left: {
      kind: 'binary',
      op: '=~',
      left: { kind: 'tag', name: 'host' },
      right: { kind: 'regex', pattern: '^a.*' },
    },
    right: {
      kind: 'binary',
      op: '>',
      left: { kind: 'call', name: 'abs', args: [{ kind: 'field', name: 'v', type: 'integer' }] },
      right: { kind: 'integer', value: 9007199254740993n },
    },
  },
  dimensions: ['host'],
  descending: false,
  output: { kind: 'raw', columns: [{ source: 'field', name: 'v', type: 'float' }], rowLimit: 0 },
};

const schemaPlan: SchemaPlan = {
  dbId: plan.dbId,
  rpId: undefined,
  measurements: ['cpu'],
  where: undefined,
  range: undefined,
  ask: { kind: 'tag-values', keys: ['host'] },
};

function makeBlock(number: number, rows = 3): RawBlock {
  const times = BigInt64Array.from({ length: rows }, (_, row) => BigInt(number * rows + row));
  return {
    kind: 'raw',
    group: [`host${number}`],
    times,
    columns: [
      { type: 'float', values: Float64Array.from(times, Number), valid: undefined },
      undefined,
      {
        type: 'string',
        codes: new Uint32Array(rows),
        dictionary: ['ä', '\udc81'],
        valid: new Uint8Array(rows).fill(1),
      },
    ],
    series: ['cpu,host=a'],
    seriesOfRow: new Uint32Array(rows),
  };
}

async function collect<T>(streams: readonly AsyncIterable<T>[]): Promise<T[]> {
  const all: T[] = [];
  for (const stream of streams) for await (const block of stream) all.push(block);
  return all;
}

async function errorOf(promise: Promise<unknown>): Promise<CitadelError> {
  const error = await promise.then(
    () => new Error('it went well'),
    (reason: unknown) => reason,
  );
  if (error instanceof CitadelError) return error;
  throw error;
}

/** Resolves when `is` holds; the test's own time limit ends a wait in vain. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const never = new AbortController().signal;

const codes: readonly ErrorCode[] = [
  'invalid-argument',
  'not-found',
  'already-exists',
  'conflict',
  'redirect',
  'overloaded',
  'unavailable',
  'timeout',
  'cancelled',
  'limit-exceeded',
  'too-large',
  'disk-full',
  'read-only',
  'corrupt',
  'locked',
  'unsupported',
  'unsupported-version',
  'unauthorized',
  'internal',
];

describe.each(subjects)('a data node %s', (_where, make) => {
  test('gets writes whole and answers them whole', async () => {
    const { api, behind } = await make(createFakeDataNode());
    const request = makeWrite(6_001);
    const expected = { ...request, frame: request.frame.slice() };
    expect(await api.writeShard(request)).toEqual({
      origin: '00',
      sequence: 1,
      copies: 1,
      levelReached: 'one',
    });
    expect(behind.writes).toStrictEqual([expected]);
  });

  test('takes a frame of many megabytes, which owns its buffer', async () => {
    const { api, behind } = await make(createFakeDataNode());
    const size = 8 * 1024 * 1024;
    await api.writeShard({ ...makeWrite(), frame: new Uint8Array(size).fill(3) });
    const frame = behind.writes[0]?.frame;
    expect([frame?.length, frame?.every((byte) => byte === 3)]).toEqual([size, true]);
    expect([frame?.byteOffset, frame?.buffer.byteLength]).toEqual([0, frame?.length]);
  });

  test.each(codes)('passes on errors whole: %s', async (code) => {
    const { api, behind } = await make(createFakeDataNode());
    const message = `cannot: "ünlike" 100% ${code}\nsecond line`;
    const details = { shard: 3, offset: 2n ** 63n, path: 'ä/日本' };
    behind.onWrite = async () => {
      throw new CitadelError(code, message, { details });
    };
    const error = await errorOf(api.writeShard(makeWrite()));
    expect([error.code, error.message, error.details]).toEqual([code, message, details]);
  });

  test('streams blocks in order, plan and blocks unchanged', async () => {
    const plans: ShardPlan[] = [];
    const { api, behind } = await make(createFakeDataNode());
    behind.onScan = async function* (asked) {
      plans.push(asked);
      for (let i = 0; i < 500; i++) yield makeBlock(i, i % 7);
    };
    const blocks = await collect(api.scan([3], plan, never));
    expect(plans).toStrictEqual([plan]);
    expect(blocks).toStrictEqual(Array.from({ length: 500 }, (_, i) => makeBlock(i, i % 7)));
  });

  test('gives a block as soon as it is there, not when the next one is', async () => {
    let goOn: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { api, behind } = await make(createFakeDataNode());
    behind.onScan = async function* () {
      yield makeBlock(1);
      await waiting;
      yield makeBlock(2);
    };
    const [stream] = api.scan([3], plan, never);
    const iterator = stream![Symbol.asyncIterator]();
    expect((await iterator.next()).value).toStrictEqual(makeBlock(1));
    goOn();
    expect((await iterator.next()).value).toStrictEqual(makeBlock(2));
    expect((await iterator.next()).done).toBe(true);
  });

  test('fails a stream with the error of the scan, behind the blocks before it', async () => {
    const { api, behind } = await make(createFakeDataNode());
    behind.onScan = async function* () {
      yield makeBlock(1);
      throw new CitadelError('limit-exceeded', 'too many buckets', { details: { limit: 5 } });
    };
    const [stream] = api.scan([3], plan, never);
    const seen: ScanBlock[] = [];
    const read = (async () => {
      for await (const block of stream!) seen.push(block);
    })();
    const error = await errorOf(read);
    expect([error.code, error.message]).toEqual(['limit-exceeded', 'too many buckets']);
    expect(error.details).toEqual({ limit: 5 });
    expect(seen).toStrictEqual([makeBlock(1)]);
  });

  test('a slow reader holds the scan back', async () => {
    let given = 0;
    const { api, behind } = await make(createFakeDataNode());
    behind.onScan = async function* () {
      for (; given < 1_000; given++) yield makeBlock(given, 10_000);
    };
    const [stream] = api.scan([3], plan, never);
    const iterator = stream![Symbol.asyncIterator]();
    await iterator.next();
    // Until it stands still for a while: what is under way is bounded, however long we wait.
    let before = -1;
    while (given !== before) {
      before = given;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(given).toBeLessThan(200);
    await iterator.return?.();
  });

  test('the signal ends a scan that waits, on both sides', async () => {
    const { api, behind } = await make(createFakeDataNode());
    let isOver = false;
    behind.onScan = async function* (_plan, signal) {
      try {
        yield makeBlock(1);
        await new Promise<void>((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new CitadelError('cancelled', 'over')));
        });
      } finally {
        isOver = true;
      }
    };
    const controller = new AbortController();
    const [stream] = api.scan([3], plan, controller.signal);
    const iterator = stream![Symbol.asyncIterator]();
    await iterator.next();
    const pending = errorOf(iterator.next());
    controller.abort();
    expect((await pending).code).toBe('cancelled');
    await until(() => isOver);
  });

  test('leaving the iteration ends the scan', async () => {
    const { api, behind } = await make(createFakeDataNode());
    let isOver = false;
    behind.onScan = async function* () {
      try {
        for (let i = 0; ; i++) yield makeBlock(i, 5_000);
      } finally {
        isOver = true;
      }
    };
    for (const stream of api.scan([3], plan, never)) {
      for await (const block of stream) {
        expect(block.kind).toBe('raw');
        break;
      }
    }
    await until(() => isOver);
  });

  test('a write that is given up is given up behind it too', async () => {
    const { api, behind } = await make(createFakeDataNode());
    const controller = new AbortController();
    let isAsked = false;
    let isGivenUp = false;
    behind.writeShard = (_request, signal) =>
      new Promise((_resolve, reject) => {
        isAsked = true;
        signal?.addEventListener('abort', () => {
          isGivenUp = true;
          reject(new CitadelError('cancelled', 'write cancelled'));
        });
      });
    const pending = errorOf(api.writeShard(makeWrite(), controller.signal));
    await until(() => isAsked);
    controller.abort();
    expect((await pending).code).toBe('cancelled');
    await until(() => isGivenUp);
  });

  test('writes of one turn fare each as they do, none waits for another', async () => {
    const { api, behind } = await make(createFakeDataNode());
    let goOn: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    behind.onWrite = async ({ shard }) => {
      if (shard === 1) await waiting;
      if (shard === 2) throw new CitadelError('redirect', 'not here', { details: { shard } });
    };
    const isGivenUp = new AbortController();
    const write = (shard: number, signal?: AbortSignal) =>
      api.writeShard({ ...makeWrite(), shard }, signal);
    const slow = write(1);
    const refused = errorOf(write(2));
    const good = write(3);
    const givenUp = write(1, isGivenUp.signal);
    const refusal = await refused;
    expect([refusal.code, refusal.details]).toEqual(['redirect', { shard: 2 }]);
    expect((await good).sequence).toBe(1);
    if (behind !== api) {
      isGivenUp.abort();
      expect((await errorOf(givenUp)).code).toBe('cancelled');
    }
    goOn();
    expect((await slow).copies).toBe(1);
  });

  test('many large writes of one turn all arrive', async () => {
    const { api, behind } = await make(createFakeDataNode());
    const writes = Array.from({ length: 300 }, (_, shard) => ({ ...makeWrite(20_000), shard }));
    await Promise.all(writes.map((write) => api.writeShard(write)));
    expect(behind.writes.map(({ shard }) => shard).sort((a, b) => a - b)).toEqual(
      writes.map(({ shard }) => shard),
    );
    expect(behind.writes.every(({ frame }) => frame[19_999] === ((19_999 * 7) & 255))).toBe(true);
  });

  test('what is cancelled before it begins never begins', async () => {
    const { api, behind } = await make(createFakeDataNode());
    behind.onScan = async function* (_plan, signal) {
      if (signal.aborted) throw new CitadelError('cancelled', 'the scan was cancelled');
      yield makeBlock(1);
    };
    const error = await errorOf(collect(api.scan([3], plan, AbortSignal.abort())));
    expect(error.code).toBe('cancelled');
  });

  test('answers questions about names', async () => {
    const block: SchemaBlock = { measurement: 'cpu', keys: ['host'], values: ['a'], count: 0 };
    const asked: SchemaPlan[] = [];
    const { api, behind } = await make(createFakeDataNode());
    behind.schema = (_shards, wanted) => {
      asked.push(wanted);
      return [
        (async function* () {
          yield block;
        })(),
      ];
    };
    expect(await collect(api.schema([3], schemaPlan, never))).toStrictEqual([block]);
    expect(asked).toStrictEqual([schemaPlan]);
  });

  test('passes on the read options', async () => {
    const seen: unknown[] = [];
    const { api, behind } = await make(createFakeDataNode());
    behind.scan = (_shards, _plan, _signal, options) => {
      seen.push(options);
      return [(async function* () {})()];
    };
    const marks = [{ shard: 3, origin: '00ff', sequence: 9 }];
    await collect(api.scan([3], plan, never, { level: 'quorum', mapVersion: 4, marks }));
    await collect(api.scan([3], plan, never));
    expect(seen).toStrictEqual([{ level: 'quorum', mapVersion: 4, marks }, undefined]);
  });

  test('tells its status, drops data and digests shards', async () => {
    const { api, behind } = await make(createFakeDataNode());
    const digest = {
      shard: 1,
      versions: { '00ff': 3, aa: 2 },
      parts: [{ name: 'p', digest: '00', cells: 2 ** 40 }],
    };
    behind.digest = async (kind, shards, horizon) => {
      expect([kind, shards, horizon]).toEqual(['kstore', [1, 2], Infinity]);
      return [digest];
    };
    expect(await api.status()).toStrictEqual(await behind.status());
    await api.dropData(plan.dbId, undefined);
    await api.dropData(plan.dbId, plan.rpId);
    expect(behind.dropped).toStrictEqual([
      { dbId: plan.dbId, rpId: undefined },
      { dbId: plan.dbId, rpId: plan.rpId },
    ]);
    expect(await api.digest('kstore', [1, 2], Infinity, never)).toStrictEqual([digest]);
  });
});

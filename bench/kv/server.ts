/** One node, fsync always: keys over gRPC and over HTTP with JSON, in batches and one by one. */

import { Channel } from '../../client/channel.ts';
import { type ByteList, listOf } from '../../src/model/key-list.ts';
import {
  decodeRows,
  decodeValues,
  encodeGet,
  encodeList,
} from '../../src/rpc/api/kv-read-messages.ts';
import { encodeKvWrite } from '../../src/rpc/api/kv-write-messages.ts';
import { keyValueService } from '../../src/rpc/methods.ts';
import { type CitadelProcess, startCitadel } from '../../test/support/citadel-process.ts';
import { findFreePort } from '../../test/support/free-port.ts';
import { readMemory } from '../load/process-facts.ts';
import { batchSize, type Keys, measure, type Result, value } from './workload.ts';

const deadlineMs = 60_000;
const getCount = 100_000;
const singleCount = 5_000;
const clients = 64;
const largeValue = new Uint8Array(10_000).fill(9);
const largeCount = 10_000;
const largeBatch = 100;
const table = 'bench';
const noBytes = new Uint8Array(0);

export interface Caller {
  put(keys: readonly Uint8Array[], value: Uint8Array): Promise<unknown>;
  get(keys: readonly Uint8Array[]): Promise<unknown>;
  /** Resolves with how many keys there were. */
  list(): Promise<number>;
}

function repeated(bytes: Uint8Array, count: number): ByteList {
  return listOf(new Array<Uint8Array>(count).fill(bytes));
}

export class GrpcCaller implements Caller {
  readonly #channel: Channel;

  constructor(address: string) {
    this.#channel = new Channel(address, '');
  }

  put(keys: readonly Uint8Array[], one: Uint8Array): Promise<unknown> {
    const message = encodeKvWrite({
      table,
      keys: listOf(keys),
      values: repeated(one, keys.length),
      consistency: '',
      writeId: undefined,
      notAfterMs: 0,
    });
    return this.#channel.unary(keyValueService.Put.path, message, deadlineMs);
  }

  async get(keys: readonly Uint8Array[]): Promise<void> {
    const message = encodeGet({ table, keys: listOf(keys), read: '' });
    for await (const part of this.#channel.stream(keyValueService.Get.path, message, deadlineMs)) {
      if (decodeValues(part).present.includes(0)) throw new Error('a key is missing');
    }
  }

  async list(): Promise<number> {
    const everything = { prefix: noBytes, from: noBytes, until: noBytes, limit: 0, read: '' };
    const message = encodeList({ table, ...everything });
    let count = 0;
    for await (const part of this.#channel.stream(keyValueService.List.path, message, deadlineMs)) {
      count += decodeRows(part).keys.ends.length;
    }
    return count;
  }

  close(): void {
    this.#channel.close();
  }
}

class JsonCaller implements Caller {
  readonly #server: CitadelProcess;

  constructor(server: CitadelProcess) {
    this.#server = server;
  }

  async put(keys: readonly Uint8Array[], one: Uint8Array): Promise<void> {
    const ValueBase64 = Buffer.from(one).toString('base64');
    const items = keys.map((key) => ({
      KeyBase64: Buffer.from(key).toString('base64'),
      ValueBase64,
    }));
    await this.#ask('/kv/put', items, 204);
  }

  async get(keys: readonly Uint8Array[]): Promise<void> {
    const items = keys.map((key) => ({ KeyBase64: Buffer.from(key).toString('base64') }));
    const body = await this.#ask('/kv/get', items, 200);
    const found = JSON.parse(body.toString()) as { Value?: null }[];
    if (found.some(({ Value }) => Value === null)) throw new Error('a key is missing');
  }

  async list(): Promise<number> {
    const options = { timeoutMs: deadlineMs };
    const { body } = await this.#server.request('/kv/list', { table }, options);
    return (JSON.parse(body.toString()) as unknown[]).length;
  }

  async #ask(path: string, items: readonly object[], expected: number): Promise<Buffer> {
    const headers = { 'content-type': 'application/json' };
    const options = { method: 'POST', headers, body: JSON.stringify(items), timeoutMs: deadlineMs };
    const { status, body } = await this.#server.request(path, { table }, options);
    if (status !== expected) throw new Error(`${path}: ${status} ${body.toString().slice(0, 200)}`);
    return body;
  }
}

interface Rows {
  readonly name: string;
  readonly caller: Caller;
  readonly pid: number;
}

/** `fresh`: keys that nobody has put yet. */
async function benchCaller({ name, caller, pid }: Rows, keys: Keys): Promise<Result[]> {
  const calls = Math.floor(keys.count / batchSize);
  const batch = { operations: batchSize, concurrency: 4, pid };
  const gets = { ...batch, calls: getCount / batchSize };
  const newest = Math.max(0, keys.count - 100_000);
  return [
    await measure({
      ...{ what: `${name} put, 1,000 a batch`, calls, ...batch },
      call: (i) => caller.put(keys.slice(i * batchSize, (i + 1) * batchSize), value),
    }),
    await measure({
      ...{ what: `${name} get of the newest, 1,000 a batch`, ...gets },
      call: () => caller.get(keys.some(batchSize, newest)),
    }),
  ];
}

async function benchReads({ name, caller, pid }: Rows, keys: Keys): Promise<Result[]> {
  const gets = { calls: getCount / batchSize, operations: batchSize, concurrency: 4, pid };
  let listed = 0;
  return [
    await measure({
      ...{ what: `${name} get after a restart, 1,000 a batch`, ...gets },
      call: () => caller.get(keys.some(batchSize)),
    }),
    await measure({
      ...{ what: `${name} list`, calls: 1, operations: keys.count, concurrency: 1, pid },
      call: async () => {
        listed = await caller.list();
        if (listed < keys.count) throw new Error(`a list of ${listed} keys`);
      },
    }),
  ];
}

async function benchSingle({ name, caller, pid }: Rows, keys: Keys): Promise<Result[]> {
  const one = { calls: singleCount, operations: 1, concurrency: clients, pid };
  return [
    await measure({
      ...{ what: `${name} put, 64 clients, one key`, ...one },
      call: (i) => caller.put([keys.at(i % keys.count)], value),
    }),
    await measure({
      ...{ what: `${name} get, 64 clients, one key`, ...one },
      call: (i) => caller.get([keys.at(i % keys.count)]),
    }),
  ];
}

function benchLarge({ name, caller, pid }: Rows, keys: Keys): Promise<Result> {
  const calls = Math.min(largeCount, keys.count) / largeBatch;
  return measure({
    ...{
      what: `${name} put of 10 KB, 100 a batch`,
      calls,
      operations: largeBatch,
      concurrency: 4,
      pid,
    },
    call: (i) => caller.put(keys.slice(i * largeBatch, (i + 1) * largeBatch), largeValue),
  });
}

/** `nodeArgs`: of the server's Node, such as --cpu-prof. */
export async function benchServer(
  keys: Keys,
  names: readonly ('gRPC' | 'HTTP JSON')[],
  nodeArgs: readonly string[],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of names) {
    const address = `127.0.0.1:${await findFreePort()}`;
    const server = await startCitadel({
      args: ['-grpc', address, '-log-level', 'error'],
      nodeArgs,
    });
    const grpc = new GrpcCaller(address);
    const caller = name === 'gRPC' ? grpc : new JsonCaller(server);
    try {
      results.push(...(await benchCaller({ name, caller, pid: server.pid }, keys)));
      await server.stop();
      await server.restart();
      const rows = { name, caller, pid: server.pid };
      results.push(...(await benchReads(rows, keys)), ...(await benchSingle(rows, keys)));
      results.push(await benchLarge(rows, keys));
      const { peakBytes } = readMemory(server.pid);
      process.stdout.write(`${name}: ${(peakBytes / 2 ** 20).toFixed(0)} MiB resident at most\n`);
    } finally {
      grpc.close();
      await server.stop();
      await server.cleanUp();
    }
  }
  return results;
}

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
import { batchSize, type Keys, measure, partOf, type Result, value } from './workload.ts';

const deadlineMs = 60_000;
const getCount = 500_000;
const singleCount = 10_000;
const aloneCount = 1_000;
const newestCount = 100_000;
const clients = 64;
/** Batches under way. */
const lanes = 8;
const largeValue = new Uint8Array(10_000).fill(0x7a);
const largeCount = 10_000;
const largeBatch = 100;
const table = 'bench';
const noBytes = new Uint8Array(0);

export interface Caller {
  put(keys: ByteList, value: Uint8Array): Promise<unknown>;
  get(keys: ByteList): Promise<unknown>;
  /** Resolves with how many keys there were. */
  list(): Promise<number>;
}

/** Made once for each value and size of a batch. */
class Repeated {
  #list: ByteList = listOf([]);
  #of: Uint8Array | undefined;

  take(bytes: Uint8Array, count: number): ByteList {
    if (this.#of !== bytes || this.#list.ends.length !== count) {
      this.#of = bytes;
      this.#list = listOf(new Array<Uint8Array>(count).fill(bytes));
    }
    return this.#list;
  }
}

export class GrpcCaller implements Caller {
  readonly #channel: Channel;
  readonly #values = new Repeated();

  constructor(address: string) {
    this.#channel = new Channel(address, '');
  }

  put(keys: ByteList, one: Uint8Array): Promise<unknown> {
    const message = encodeKvWrite({
      table,
      keys,
      values: this.#values.take(one, keys.ends.length),
      consistency: '',
      writeId: undefined,
      notAfterMs: 0,
    });
    return this.#channel.unary(keyValueService.Put.path, message, deadlineMs);
  }

  async get(keys: ByteList): Promise<void> {
    const message = encodeGet({ table, keys, read: '' });
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

function inBase64({ bytes, ends }: ByteList): string[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from(ends, (end, i) => all.toString('base64', ends[i - 1] ?? 0, end));
}

class JsonCaller implements Caller {
  readonly #server: CitadelProcess;

  constructor(server: CitadelProcess) {
    this.#server = server;
  }

  async put(keys: ByteList, one: Uint8Array): Promise<void> {
    const Value = Buffer.from(one).toString();
    const items = inBase64(keys).map((KeyBase64) => ({ KeyBase64, Value }));
    await this.#ask('/kv/put', items, 204);
  }

  async get(keys: ByteList): Promise<void> {
    const items = inBase64(keys).map((KeyBase64) => ({ KeyBase64 }));
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
  const batch = { operations: batchSize, concurrency: lanes, pid };
  const gets = { ...batch, calls: Math.min(getCount, keys.count) / batchSize };
  const newest = keys.mixed(Math.max(0, keys.count - newestCount), keys.count);
  const batches = newest.ends.length / batchSize;
  const batchOf = (i: number) =>
    partOf(newest, (i % batches) * batchSize, ((i % batches) + 1) * batchSize);
  return [
    await measure({
      ...{ what: `${name} put, 1,000 a batch`, calls, ...batch },
      call: (i) => caller.put(keys.slice(i * batchSize, (i + 1) * batchSize), value),
    }),
    await measure({
      ...{ what: `${name} get of the newest, 1,000 a batch`, ...gets },
      call: (i) => caller.get(batchOf(i)),
    }),
  ];
}

async function benchReads({ name, caller, pid }: Rows, keys: Keys): Promise<Result[]> {
  const calls = Math.min(getCount, keys.count) / batchSize;
  const gets = { calls, operations: batchSize, concurrency: lanes, pid };
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

const oneOf = (keys: Keys, i: number) => keys.slice(i % keys.count, (i % keys.count) + 1);

async function benchSingle({ name, caller, pid }: Rows, keys: Keys): Promise<Result[]> {
  const one = { calls: singleCount, operations: 1, concurrency: clients, pid };
  const alone = { calls: aloneCount, operations: 1, concurrency: 1, pid };
  return [
    await measure({
      ...{ what: `${name} put, one client, one key`, ...alone },
      call: (i) => caller.put(oneOf(keys, i), value),
    }),
    await measure({
      ...{ what: `${name} get, one client, one key`, ...alone },
      call: (i) => caller.get(oneOf(keys, i)),
    }),
    await measure({
      ...{ what: `${name} put, 64 clients, one key`, ...one },
      call: (i) => caller.put(oneOf(keys, i), value),
    }),
    await measure({
      ...{ what: `${name} get, 64 clients, one key`, ...one },
      call: (i) => caller.get(oneOf(keys, i)),
    }),
  ];
}

async function benchLarge({ name, caller, pid }: Rows, keys: Keys): Promise<Result[]> {
  const count = Math.min(largeCount, keys.count);
  const work = { calls: count / largeBatch, operations: largeBatch, concurrency: 4, pid };
  return [
    await measure({
      ...{ what: `${name} put of 10 KB, 100 a batch`, ...work },
      call: (i) => caller.put(keys.slice(i * largeBatch, (i + 1) * largeBatch), largeValue),
    }),
    await measure({
      ...{ what: `${name} get of 10 KB, 100 a batch`, ...work },
      call: (i) => caller.get(keys.slice(i * largeBatch, (i + 1) * largeBatch)),
    }),
  ];
}

function tellMemory(name: string, pid: number): void {
  const { peakBytes } = readMemory(pid);
  process.stdout.write(`${name}: ${(peakBytes / 2 ** 20).toFixed(0)} MiB resident at most\n`);
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
      tellMemory(`${name}, while keys are put`, server.pid);
      await server.stop();
      await server.restart();
      const rows = { name, caller, pid: server.pid };
      results.push(...(await benchReads(rows, keys)), ...(await benchSingle(rows, keys)));
      results.push(...(await benchLarge(rows, keys)));
      tellMemory(`${name}, after a restart`, server.pid);
    } finally {
      grpc.close();
      await server.stop();
      await server.cleanUp();
    }
  }
  return results;
}

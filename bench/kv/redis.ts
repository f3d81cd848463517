/** Debian's redis-server with `appendfsync always`, spoken to in pipelines over plain sockets. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../test/support/free-port.ts';
import { makeTempDir, removeTempDir } from '../../test/support/temp-dir.ts';
import { batchSize, itemsOf, type Keys, measure, type Result, value } from './workload.ts';

const program = '/usr/bin/redis-server';
const clients = 64;
/** Pipelines under way. */
const lanes = 8;
const singleCount = 10_000;
const getCount = 500_000;
const lineFeed = 10;

/** Counts whole replies: status, number and bulk ones, as SET and GET give. */
class ReplyCounter {
  #rest: Buffer = Buffer.alloc(0);

  take(part: Buffer): number {
    const bytes = this.#rest.length === 0 ? part : Buffer.concat([this.#rest, part]);
    let at = 0;
    let count = 0;
    for (;;) {
      const end = bytes.indexOf(lineFeed, at);
      if (end < 0) break;
      let next = end + 1;
      if (bytes[at] === 0x24) {
        const size = Number(bytes.toString('latin1', at + 1, end - 1));
        if (size >= 0) next += size + 2;
        if (next > bytes.length) break;
      }
      if (bytes[at] === 0x2d) throw new Error(bytes.toString('latin1', at, end));
      at = next;
      count++;
    }
    this.#rest = bytes.subarray(at);
    return count;
  }
}

class Pipeline {
  readonly #socket: Socket;
  readonly #counter = new ReplyCounter();
  #missing = 0;
  #done: () => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (part: Buffer) => {
      this.#missing -= this.#counter.take(part);
      if (this.#missing === 0) this.#done();
    });
  }

  /** One at a time. */
  send(commands: readonly (readonly Uint8Array[])[]): Promise<void> {
    const parts: Uint8Array[] = [];
    for (const command of commands) {
      parts.push(Buffer.from(`*${command.length}\r\n`));
      for (const word of command) parts.push(Buffer.from(`$${word.length}\r\n`), word, lineEnd);
    }
    this.#missing = commands.length;
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#socket.write(Buffer.concat(parts));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

const lineEnd = Buffer.from('\r\n');
const set = Buffer.from('SET');
const get = Buffer.from('GET');

async function waitUntilUp(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isUp) return;
    await sleep(50);
  }
  throw new Error('redis-server did not start');
}

/** Undefined = it is not installed. */
export async function benchRedis(keys: Keys): Promise<readonly Result[] | undefined> {
  if (!existsSync(program)) return undefined;
  const directory = makeTempDir('redis');
  const port = await findFreePort();
  const settings = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
  const address = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  const server = spawn(program, [...address, ...settings], { stdio: 'ignore' });
  const pid = server.pid!;
  const pipes: Pipeline[] = [];
  try {
    await waitUntilUp(port);
    for (let i = 0; i < clients; i++) pipes.push(new Pipeline(port));
    const calls = Math.floor(keys.count / batchSize);
    const free = [...pipes];
    const on = async (commands: readonly (readonly Uint8Array[])[]) => {
      const pipe = free.pop()!;
      await pipe.send(commands);
      free.push(pipe);
    };
    const puts = (i: number) =>
      itemsOf(keys.slice(i * batchSize, (i + 1) * batchSize)).map((key) => [set, key, value]);
    return [
      await measure({
        ...{
          what: 'redis put, 1,000 a pipeline',
          calls,
          operations: batchSize,
          concurrency: lanes,
          pid,
        },
        call: (i) => on(puts(i)),
      }),
      await measure({
        ...{
          what: 'redis get, 1,000 a pipeline',
          calls: Math.min(getCount, keys.count) / batchSize,
          operations: batchSize,
        },
        ...{
          concurrency: lanes,
          pid,
          call: () => on(itemsOf(keys.some(batchSize)).map((key) => [get, key])),
        },
      }),
      await measure({
        ...{ what: 'redis put, 64 clients, one key', calls: singleCount, operations: 1 },
        ...{ concurrency: clients, pid, call: (i) => on([[set, keys.at(i % keys.count), value]]) },
      }),
      await measure({
        ...{ what: 'redis get, 64 clients, one key', calls: singleCount, operations: 1 },
        ...{ concurrency: clients, pid, call: (i) => on([[get, keys.at(i % keys.count)]]) },
      }),
    ];
  } finally {
    for (const pipe of pipes) pipe.close();
    server.kill('SIGKILL');
    await new Promise((resolve) => server.once('exit', resolve));
    removeTempDir(directory);
  }
}

/** What backup and restore ask nodes: JSON in and out, and streams of bytes. */

import type { IncomingMessage } from 'node:http';
import { describeError, makeUrl, openRequest, readText } from '../../../client/http.ts';
import { CommandError } from '../command-error.ts';

/** A piece may wait for a flush, a first piece for a directory. */
const patienceMs = 120_000;

export interface CopyInfo {
  readonly node: string;
  readonly role: string;
  readonly state: string;
  readonly faults: readonly string[];
}

export interface ClusterInfo {
  readonly version: string;
  readonly node: { readonly uuid: string };
  readonly cluster: { readonly uuid: string; readonly shardCount: number };
  readonly nodes: readonly { readonly uuid: string; readonly httpUrl: string }[];
  readonly shards: Readonly<
    Record<string, readonly { readonly shard: number; readonly copies: readonly CopyInfo[] }[]>
  >;
}

type Query = Readonly<Record<string, string>>;

export class NodeClient {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** By node. */
  readonly #urls = new Map<string, string>();

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#headers = headers;
  }

  async info(): Promise<ClusterInfo> {
    const info = await this.askJson<ClusterInfo>('', '/info', {});
    this.#urls.set(info.node.uuid, this.#url);
    for (const { uuid, httpUrl } of info.nodes) {
      if (uuid !== info.node.uuid && httpUrl !== '') this.#urls.set(uuid, httpUrl);
    }
    return info;
  }

  /** `node` '' = the one that was named. @throws CommandError */
  async askJson<T>(
    node: string,
    path: string,
    query: Query,
    body?: string | Uint8Array,
  ): Promise<T> {
    const answer = await this.#open(node, path, query, body);
    try {
      return JSON.parse(await readText(answer)) as T;
    } catch (error) {
      throw new CommandError(`cannot read the answer of ${path}: ${describeError(error)}`);
    }
  }

  /** @throws CommandError also when the stream breaks */
  async *stream(node: string, path: string, query: Query): AsyncGenerator<Uint8Array> {
    const answer = await this.#open(node, path, query);
    try {
      for await (const part of answer) yield part as Uint8Array;
    } catch (error) {
      throw new CommandError(`the answer of ${path} broke off: ${describeError(error)}`);
    }
  }

  async #open(
    node: string,
    path: string,
    query: Query,
    body?: string | Uint8Array,
  ): Promise<IncomingMessage> {
    const url = node === '' ? this.#url : this.#urls.get(node);
    if (url === undefined) throw new CommandError(`no address of node ${node} is known`);
    let answer: IncomingMessage;
    try {
      answer = await openRequest(makeUrl(url, path, query), {
        method: body === undefined ? 'GET' : 'POST',
        headers: this.#headers,
        timeoutMs: patienceMs,
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw new CommandError(`cannot reach ${url}: ${describeError(error)}`);
    }
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const text = await readText(answer).catch(() => '');
    throw new CommandError(`cannot ask ${url}: it answered ${status} ${text.trim().slice(0, 300)}`);
  }
}

const settleMs = 30_000;
const pollMs = 300;

/** The cluster once `check` finds nothing wrong with it; copies may be on their way. @throws what `check` throws at last */
export async function waitForCluster(
  client: NodeClient,
  check: (info: ClusterInfo) => void,
): Promise<ClusterInfo> {
  for (const startMs = performance.now(); ; ) {
    const info = await client.info();
    try {
      check(info);
      return info;
    } catch (error) {
      if (performance.now() - startMs > settleMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** A node that is alone makes a shard of keys when it is first written to. */
export function isUnmade({ state }: CopyInfo): boolean {
  return state === 'unused';
}

/** Runs tasks, `count` at a time; the first failure ends it. */
export async function runInParallel<T>(
  tasks: readonly T[],
  count: number,
  run: (task: T) => Promise<void>,
): Promise<void> {
  const waiting = [...tasks];
  let failure: unknown;
  const work = async () => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      try {
        await run(task);
      } catch (error) {
        failure ??= error;
        waiting.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: count }, work));
  if (failure !== undefined) throw failure;
}

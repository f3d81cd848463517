/**
 * Clients that read, write and delete a few keys at the same time, and the history of what they were told. An answer that
 * never came leaves a write open for ever; a read that failed tells nothing.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { findViolation, type Operation } from '../support/linearizable.ts';

const timeoutMs = 2_500;
const pauseMs = 10;
export const table = 'registers';

interface WriteFailure {
  readonly applied?: number;
  readonly unknown?: readonly number[];
}

/** Whether the error says for certain that nothing was written. */
function isRefused(body: string): boolean {
  try {
    const { applied, unknown } = JSON.parse(body) as WriteFailure;
    return applied === 0 && unknown?.length === 0;
  } catch {
    return false;
  }
}

export class RegisterLoad {
  readonly #nodes: readonly CitadelProcess[];
  readonly #history = new Map<string, Operation[]>();
  #isRunning = false;
  #clients: Promise<unknown> = Promise.resolve();
  #valueCount = 0;
  /** Reads and writes that were answered. */
  reads = 0;
  writes = 0;

  constructor(nodes: readonly CitadelProcess[]) {
    this.#nodes = nodes;
  }

  start(clientCount: number, keys: readonly string[]): void {
    this.#isRunning = true;
    const clients = Array.from({ length: clientCount }, (_, i) =>
      this.#client(keys[i % keys.length]!),
    );
    this.#clients = Promise.all(clients);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#clients;
  }

  /** What is wrong, key by key. */
  violations(): string[] {
    return [...this.#history].flatMap(([key, history]) => {
      const violation = findViolation(history);
      return violation === undefined ? [] : [`${key}: ${violation}`];
    });
  }

  async #client(key: string): Promise<void> {
    while (this.#isRunning) {
      const node = this.#nodes[Math.floor(Math.random() * this.#nodes.length)]!;
      const dice = Math.random();
      const isAnswered =
        dice < 0.5
          ? await this.read(node, key, 'quorum')
          : await this.write(node, key, dice < 0.9 ? this.newValue() : undefined);
      if (!isAnswered) await sleep(pauseMs);
    }
  }

  newValue(): string {
    return `v${this.#valueCount++}`;
  }

  /** False = it failed. */
  async read(node: CitadelProcess, key: string, level: string): Promise<boolean> {
    const start = performance.now();
    try {
      const params = { table, keys: key, read: level };
      const answer = await node.request('/kv/get', params, { timeoutMs });
      const end = performance.now();
      // Before the first write nobody knows the table: the register is empty.
      const isUnknown = answer.status === 404 && answer.text().includes('table not found');
      if (answer.status !== 200 && !isUnknown) return false;
      const [item] = isUnknown ? [] : (answer.json() as { Value: string | null }[]);
      this.#note(key, { kind: 'read', value: item?.Value ?? undefined, start, end });
      this.reads++;
      return true;
    } catch {
      return false;
    }
  }

  /** `value` undefined = delete. False = whether it was written is unknown, or it was not. */
  async write(node: CitadelProcess, key: string, value: string | undefined): Promise<boolean> {
    const start = performance.now();
    const open: Operation = { kind: 'write', value, start, end: Number.POSITIVE_INFINITY };
    try {
      const path = value === undefined ? '/kv/delete' : '/kv/put';
      const body = value === undefined ? key : `${key}=${value}`;
      const params = { table, consistency: 'quorum' };
      const answer = await node.request(path, params, { method: 'POST', body, timeoutMs });
      const end = performance.now();
      if (answer.status === 204) {
        this.#note(key, { ...open, end });
        this.writes++;
        return true;
      }
      if (!isRefused(answer.text())) this.#note(key, open);
    } catch {
      this.#note(key, open);
    }
    return false;
  }

  #note(key: string, operation: Operation): void {
    const history = this.#history.get(key);
    if (history === undefined) this.#history.set(key, [operation]);
    else history.push(operation);
  }
}

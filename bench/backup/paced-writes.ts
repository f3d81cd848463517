/** Small writes at an even pace, each timed; one that takes long does not hold up the next ones. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { CitadelProcess } from '../../test/support/citadel-process.ts';

const everyMs = 10;
const rowsPerWrite = 50;

export interface WriteTimes {
  /** ms, ascending. */
  readonly ms: Float64Array;
  readonly refused: number;
}

export class PacedWrites {
  readonly #server: CitadelProcess;
  readonly #ms: number[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  #refused = 0;
  #isStopped = false;

  constructor(server: CitadelProcess) {
    this.#server = server;
    this.#running = this.#run();
  }

  async stop(): Promise<WriteTimes> {
    this.#isStopped = true;
    await this.#running;
    await Promise.all(this.#pending);
    return { ms: Float64Array.from(this.#ms).sort(), refused: this.#refused };
  }

  async #run(): Promise<void> {
    await this.#server.request('/create', { db: 'live' }, { method: 'POST' });
    const startMs = performance.now();
    for (let i = 0; !this.#isStopped; i++) {
      const write = this.#write(i).finally(() => this.#pending.delete(write));
      this.#pending.add(write);
      await sleep(Math.max(0, startMs + (i + 1) * everyMs - performance.now()));
    }
  }

  async #write(i: number): Promise<void> {
    const lines = Array.from(
      { length: rowsPerWrite },
      (_, row) => `cpu,host=h${row} user=${i % 97},system=${row % 13},idle=7 ${i}`,
    );
    const before = performance.now();
    const options = { method: 'POST', body: lines.join('\n') };
    const { status } = await this.#server.request(
      '/write',
      { db: 'live', precision: 's' },
      options,
    );
    if (status === 204) this.#ms.push(performance.now() - before);
    else this.#refused++;
  }
}

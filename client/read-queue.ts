/** Single gets, gathered: what is asked while enough batches are under way goes in the next one. */

import { CitadelError } from '../src/base/errors.ts';
import { type ByteList, listOf } from '../src/model/key-list.ts';
import { batchEntriesMax } from './batches.ts';

const waitingMax = 100_000;
const underWayMax = 2;

interface Waiting {
  readonly key: Uint8Array;
  readonly resolve: (value: Uint8Array | undefined) => void;
  readonly reject: (error: unknown) => void;
}

type Ask = (keys: ByteList) => Promise<(Uint8Array | undefined)[]>;

export class ReadQueue {
  readonly #ask: Ask;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #isPlanned = false;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  add(key: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#waiting.length >= waitingMax) {
      return Promise.reject(
        new CitadelError('overloaded', 'too many reads wait for an answer: await some of them'),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      this.#plan();
    });
  }

  #plan(): void {
    if (this.#isPlanned || this.#underWay >= underWayMax || this.#waiting.length === 0) return;
    this.#isPlanned = true;
    // What is asked in this turn goes together.
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#underWay++;
      void this.#askBatch(this.#waiting.splice(0, batchEntriesMax));
    });
  }

  /** Never rejects: each failure goes to those it is of. */
  async #askBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const values = await this.#ask(listOf(batch.map(({ key }) => key)));
      for (const [i, { resolve }] of batch.entries()) resolve(values[i]);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#underWay--;
      this.#plan();
    }
  }
}

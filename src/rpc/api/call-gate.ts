/** How much of clients may be under way at once, all connections together. */

import { CitadelError } from '../../base/errors.ts';

const callsMax = 4_096;

export class CallGate {
  readonly #bytesMax: number;
  #calls = 0;
  #bytes = 0;

  /** `bytesMax`: of requests; one call is always let in. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Returns what to call when the call is over. @throws CitadelError `overloaded` */
  enter(bytes: number): () => void {
    const isFull = this.#calls > 0 && this.#bytes + bytes > this.#bytesMax;
    if (isFull || this.#calls >= callsMax) {
      throw new CitadelError('overloaded', 'too much is under way here, retry shortly', {
        details: { calls: this.#calls, bytes: this.#bytes },
      });
    }
    this.#calls++;
    this.#bytes += bytes;
    return () => {
      this.#calls--;
      this.#bytes -= bytes;
    };
  }
}

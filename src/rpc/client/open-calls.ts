/**
 * Calls under way to one node: bounded in number and bytes, and failed when they have waited too long.
 */

import { CitadelError } from '../../base/errors.ts';
import type { Clock } from '../../env/env.ts';

const callsMax = 1_024;
const requestBytesMax = 64 * 1024 * 1024;

export interface OpenCall {
  /** Something came from the node. */
  heard(): void;
  end(): void;
}

interface Entry {
  readonly bytes: number;
  heardMs: number;
  readonly fail: (error: CitadelError) => void;
}

export function unanswered(node: string): CitadelError {
  return new CitadelError('unavailable', `node ${node} does not answer`);
}

export class OpenCalls {
  readonly #node: string;
  readonly #clock: Clock;
  readonly #entries = new Set<Entry>();
  #bytes = 0;

  constructor(node: string, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
  }

  /**
   * `fail` ends the call with the error. One call is always let in.
   *
   * @throws CitadelError `overloaded`
   */
  begin(bytes: number, fail: (error: CitadelError) => void): OpenCall {
    const count = this.#entries.size;
    if (count >= callsMax || (count > 0 && this.#bytes + bytes > requestBytesMax)) {
      throw new CitadelError(
        'overloaded',
        `cannot call node ${this.#node}: too much is under way to it, retry shortly`,
        { details: { calls: count, bytes: this.#bytes } },
      );
    }
    const entry: Entry = { bytes, heardMs: this.#clock.monotonicMs(), fail };
    this.#entries.add(entry);
    this.#bytes += bytes;
    return {
      heard: () => {
        entry.heardMs = this.#clock.monotonicMs();
      },
      end: () => {
        if (this.#entries.delete(entry)) this.#bytes -= bytes;
      },
    };
  }

  /** Fails those that have heard nothing for `silenceMs` or longer, and says whether there were any. */
  failWaiting(silenceMs: number, error: () => CitadelError): boolean {
    const lastMs = this.#clock.monotonicMs() - silenceMs;
    const waiting = [...this.#entries].filter(({ heardMs }) => heardMs <= lastMs);
    for (const { fail } of waiting) fail(error());
    return waiting.length > 0;
  }

  failAll(message: string): void {
    for (const entry of this.#entries) entry.fail(new CitadelError('unavailable', message));
  }
}

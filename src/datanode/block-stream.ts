/**
 * The consumer's end of a stream from a worker: an async iterable that gives credit for what it was
 * taken from, and cancels the scan when its consumer leaves.
 */

import { CitadelError } from '../base/errors.ts';
import type { StreamBlock } from './worker/messages.ts';
import { type Parcel, unpackBlocks } from './worker/transfer-blocks.ts';

export interface StreamControl {
  readonly open: () => void;
  readonly credit: (bytes: number) => void;
  readonly cancel: () => void;
}

export class BlockStream {
  readonly #control: StreamControl;
  #arrived: Parcel[] = [];
  #ended = false;
  #error: CitadelError | undefined;
  #wake: () => void = () => undefined;

  constructor(control: StreamControl) {
    this.#control = control;
  }

  /** Blocks of one message. */
  push(parcel: Parcel): void {
    this.#arrived.push(parcel);
    this.#wake();
  }

  /** No more blocks will come; what arrived before is still given. */
  end(error: CitadelError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  /** The work starts with the first pull. */
  async *blocks(signal: AbortSignal): AsyncGenerator<StreamBlock> {
    if (signal.aborted) throw new CitadelError('cancelled', 'the scan was cancelled');
    const cancel = () => this.#control.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    this.#control.open();
    try {
      for (;;) {
        const next = this.#arrived.shift();
        if (next !== undefined) {
          yield* unpackBlocks<StreamBlock>(next);
          // Only what was used up makes room for more.
          if (!this.#ended) this.#control.credit(next.bytes);
        } else if (this.#ended) {
          if (this.#error !== undefined) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', cancel);
      this.#arrived = [];
      if (!this.#ended) this.#control.cancel();
    }
  }
}

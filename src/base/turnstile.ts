/**
 * Lets long works of one thread run in turn, one slice each time the event loop comes round, so that
 * two hundred of them hold up reads and writes no longer than one of them does.
 */

interface Waiting {
  readonly signal: AbortSignal | undefined;
  readonly go: () => void;
}

export class Turnstile {
  readonly #yieldNow: () => Promise<void>;
  #queue: Waiting[] = [];
  #isTurning = false;

  /** `yieldNow` lets pending I/O run. */
  constructor(yieldNow: () => Promise<void>) {
    this.#yieldNow = yieldNow;
  }

  /** Whether others wait for their turn. */
  get isCrowded(): boolean {
    return this.#queue.length > 0;
  }

  /** Resolves when it is this work's turn, or soon after its signal has fired. */
  turn(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push({ signal, go: resolve });
      if (!this.#isTurning) this.#run().catch(() => undefined);
    });
  }

  async #run(): Promise<void> {
    this.#isTurning = true;
    while (this.#queue.length > 0) {
      await this.#yieldNow();
      const [next, ...others] = this.#queue;
      next?.go();
      // Who was cancelled only waits to give back what it holds.
      this.#queue = others.filter(({ signal, go }) => {
        if (signal?.aborted === true) go();
        return signal?.aborted !== true;
      });
    }
    this.#isTurning = false;
  }
}

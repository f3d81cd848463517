/**
 * An AbortController for what is begun a thousand times a second. Node's own changes the prototype of each signal it
 * makes, so that every later look at one is slow: two a query took a twelfth of the main thread's work.
 *
 * A signal has the face of AbortSignal, but is none of the platform's: AbortSignal.any and what else checks its kind
 * refuse it. Listeners must not throw: one that does keeps the later ones from hearing.
 */

type Listener = Parameters<AbortSignal['addEventListener']>[1];

class StopSignal implements AbortSignal {
  aborted = false;
  reason: unknown = undefined;
  onabort = null;
  #listeners: Listener[] = [];

  /** Each listener hears at most once. */
  addEventListener(type: string, listener: Listener): void {
    if (type !== 'abort' || this.aborted || this.#listeners.includes(listener)) return;
    this.#listeners.push(listener);
  }

  removeEventListener(_type: string, listener: Listener): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Not for others: only its controller fires a signal. */
  dispatchEvent(): boolean {
    return false;
  }

  stop(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason ?? new DOMException('This operation was aborted', 'AbortError');
    if (this.#listeners.length === 0) return;
    const event = new Event('abort');
    // One by one: what a listener takes away must not be called.
    for (let next = this.#listeners.shift(); next !== undefined; next = this.#listeners.shift()) {
      if (typeof next === 'function') next.call(this, event);
      else next.handleEvent(event);
    }
  }
}

export class StopController implements AbortController {
  readonly #signal = new StopSignal();

  get signal(): AbortSignal {
    return this.#signal;
  }

  /** The first call counts. */
  abort(reason?: unknown): void {
    this.#signal.stop(reason);
  }
}

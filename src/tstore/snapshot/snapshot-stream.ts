/**
 * A snapshot on its way: what it holds is held from the moment it is made, and let go when the stream ends,
 * is returned early, fails, or its signal fires.
 */

import { CitadelError } from '../../base/errors.ts';
import type { StoreState } from '../store/store-state.ts';
import { type PinnedStore, streamStore } from './take-snapshot.ts';

export class SnapshotStream implements AsyncGenerator<Uint8Array> {
  private readonly pieces: AsyncGenerator<Uint8Array>;
  private readonly release: () => void;
  private readonly signal: AbortSignal;

  /** `pin`: what of the store, in this turn. */
  constructor(state: StoreState, pin: () => PinnedStore, signal: AbortSignal) {
    const pinned = pin();
    const letGo = state.hold();
    this.signal = signal;
    this.pieces = streamStore(state, pinned, signal);
    this.release = () => {
      signal.removeEventListener('abort', this.release);
      letGo();
      // Ends a stream that nobody reads any more, and lets go of the file it was at.
      this.pieces.return(undefined).catch(() => undefined);
    };
    signal.addEventListener('abort', this.release);
  }

  /** Errors: `corrupt`, `cancelled`. */
  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.signal.aborted) throw new CitadelError('cancelled', 'the snapshot was cancelled');
    try {
      const result = await this.pieces.next();
      if (result.done !== true) return result;
    } catch (error) {
      this.release();
      throw error;
    }
    this.release();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.pieces.return(undefined);
    this.release();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<Uint8Array, undefined>> {
    this.release();
    return this.pieces.throw(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

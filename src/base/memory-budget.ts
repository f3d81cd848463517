/**
 * What queries hold in memory, counted in bytes, roughly: one pool for all queries of a thread, one
 * account for each. Whoever keeps rows, groups, texts or buckets says so before it keeps more.
 *
 * Estimates count what grows with the data: arrays, texts, objects per row, group or bucket. Small
 * change is left out; the limits leave room for it.
 */

import { CitadelError } from './errors.ts';

export interface MemoryLimits {
  /** Of one query, bytes. */
  readonly queryBytes: number;
  /** Of all queries of this thread together, bytes. */
  readonly totalBytes: number;
}

export const unlimitedMemory: MemoryLimits = {
  queryBytes: Number.POSITIVE_INFINITY,
  totalBytes: Number.POSITIVE_INFINITY,
};

/** Names the settings, so that who reads the error knows what to change. */
function exceededByOne(needed: number, limit: number): CitadelError {
  return new CitadelError(
    'limit-exceeded',
    `query memory limit exceeded: (${needed}/${limit} bytes), max-query-memory raises it`,
  );
}

function exceededByAll(needed: number, limit: number): CitadelError {
  return new CitadelError(
    'limit-exceeded',
    `query memory limit exceeded: (${needed}/${limit} bytes by all queries), total-query-memory raises it`,
  );
}

export class MemoryPool {
  readonly limits: MemoryLimits;
  #usedBytes = 0;
  #peakBytes = 0;

  constructor(limits: MemoryLimits) {
    this.limits = limits;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** To be closed, whatever happens. */
  open(): MemoryAccount {
    return new MemoryAccount(this, (bytes) => {
      this.#usedBytes += bytes;
      if (this.#usedBytes > this.#peakBytes) this.#peakBytes = this.#usedBytes;
    });
  }
}

export class MemoryAccount {
  readonly #pool: MemoryPool;
  readonly #book: (bytes: number) => void;
  readonly #whole: MemoryAccount | undefined;
  #usedBytes = 0;
  #isClosed = false;

  /** `whole`: of which it is a part. */
  constructor(pool: MemoryPool, book: (bytes: number) => void, whole?: MemoryAccount) {
    this.#pool = pool;
    this.#book = book;
    this.#whole = whole;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** What it may still take: work that can be cut into slices cuts them to a part of it. */
  get freeBytes(): number {
    if (this.#whole !== undefined) return this.#whole.freeBytes;
    const { queryBytes, totalBytes } = this.#pool.limits;
    const free = Math.min(queryBytes - this.#usedBytes, totalBytes - this.#pool.usedBytes);
    return Math.max(0, free);
  }

  /** Gives back when negative. @throws CitadelError `limit-exceeded`; nothing is taken then. */
  take(bytes: number): void {
    if (this.#isClosed) return;
    const { queryBytes, totalBytes } = this.#pool.limits;
    if (bytes > 0) {
      const own = this.#usedBytes + bytes;
      if (own > queryBytes) throw exceededByOne(own, queryBytes);
      const all = this.#pool.usedBytes + bytes;
      if (all > totalBytes) throw exceededByAll(all, totalBytes);
    }
    this.#book(bytes);
    this.#usedBytes += bytes;
  }

  /** A part that can be closed before the whole; what it takes counts for both. */
  openPart(): MemoryAccount {
    return new MemoryAccount(this.#pool, (bytes) => this.take(bytes), this);
  }

  /** Gives everything back; what is taken or given back afterwards does not count. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#book(-this.#usedBytes);
    this.#usedBytes = 0;
  }
}

/** What one holder of an account has taken: it says how much it holds, not how much more. */
export class HeldMemory {
  readonly #account: MemoryAccount | undefined;
  #bytes = 0;

  /** Without an account nothing is counted. */
  constructor(account: MemoryAccount | undefined) {
    this.#account = account;
  }

  /** @throws CitadelError `limit-exceeded` */
  set(bytes: number): void {
    if (bytes === this.#bytes) return;
    this.#account?.take(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** @throws CitadelError `limit-exceeded` */
  add(bytes: number): void {
    this.set(this.#bytes + bytes);
  }

  free(): void {
    this.set(0);
  }
}

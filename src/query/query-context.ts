/** What every query runs with, and the small things that all of them need. */

import { CitadelError } from '../base/errors.ts';
import type { MemoryAccount } from '../base/memory-budget.ts';
import type { QueryPorts } from './ports.ts';

export interface QueryContext {
  /** The `db` parameter; '' = none. */
  readonly database: string;
  /** The `rp` parameter; '' = the database's default. */
  readonly policy: string;
  /** What `now()` is, ns since the Unix epoch. */
  readonly nowNs: bigint;
  readonly ports: QueryPorts;
  readonly signal: AbortSignal;
  /** Rows per piece, about; default 4096. */
  readonly chunkRows?: number;
  /** Lets other work of the thread run; called between slices of a few milliseconds. */
  readonly yieldNow?: () => Promise<void>;
  /** What the query may hold; undefined = as much as it likes. */
  readonly memory?: MemoryAccount | undefined;
}

/** Grammar that parses but that this release cannot run. */
export function unsupported(what: string): CitadelError {
  return new CitadelError('unsupported', `${what} is not supported yet`);
}

export function invalid(message: string): CitadelError {
  return new CitadelError('invalid-argument', message);
}

/** @throws CitadelError `cancelled`: `query interrupted`, when nobody waits for the answer. */
export function checkSignal(signal: AbortSignal): void {
  if (!signal.aborted) return;
  const { reason } = signal;
  throw reason instanceof CitadelError
    ? reason
    : new CitadelError('cancelled', 'query interrupted');
}

/** About 5 ms of work: merging, computing and printing a value take some 0.1 µs together. */
const valuesPerSlice = 50_000;

/** Counts work and lets the thread's other work run between slices. */
export class Pacer {
  readonly #context: QueryContext;
  #values = 0;

  constructor(context: QueryContext) {
    this.#context = context;
  }

  /** Undefined: goes on at once. */
  spend(values: number): Promise<void> | undefined {
    checkSignal(this.#context.signal);
    this.#values += values;
    if (this.#values < valuesPerSlice) return undefined;
    this.#values = 0;
    return this.#context.yieldNow?.();
  }
}

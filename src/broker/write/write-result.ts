/**
 * One answer for all lines of a request, by the worst that happened to any of them: unknown, not
 * stored for now, refused by content, stored.
 */

import { CitadelError, type ErrorCode } from '../../base/errors.ts';
import { WriteOutcome } from '../../lineprotocol/write-outcome.ts';
import type { ConsistencyLevel, WriteShardResponse } from '../../rpc/data-node-api.ts';
import type { WriteReport } from '../requests.ts';

/** Errors that say for certain that nothing was stored. */
const notStoredCodes: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'disk-full',
  'read-only',
  'redirect',
]);

export class WriteResult {
  /** What the lines themselves say. */
  readonly lines = new WriteOutcome();
  storedCount = 0;
  #copies = 0;
  #level: ConsistencyLevel = 'all';
  failedCount = 0;
  #unknown: unknown;
  #notStored: CitadelError | undefined;

  /** A frame that was acknowledged. */
  addStored({ copies, levelReached }: WriteShardResponse, rowCount: number): void {
    this.storedCount += rowCount;
    if (this.#copies !== 0 && copies >= this.#copies) return;
    this.#copies = copies;
    this.#level = levelReached;
  }

  /** By the frame with the fewest copies. */
  get report(): WriteReport {
    return { copies: this.#copies, level: this.#level };
  }

  /** A frame that was not acknowledged. */
  addFailure(error: unknown, rowCount: number): void {
    this.failedCount += rowCount;
    if (error instanceof CitadelError && notStoredCodes.has(error.code)) this.#notStored ??= error;
    else this.#unknown ??= error;
  }

  /** What made the fate of some lines unknown, for the log. */
  get unknownCause(): unknown {
    return this.#unknown;
  }

  /** Whether nothing could be taken though something was there. */
  get isUnreadable(): boolean {
    return this.lines.parsedCount === 0 && this.lines.malformedCount > 0;
  }

  /** Undefined = everything is stored. */
  error(): CitadelError | undefined {
    if (this.#unknown !== undefined) {
      return new CitadelError('timeout', 'timeout', { cause: this.#unknown });
    }
    if (this.#notStored !== undefined) return this.#notStored;
    const failure = this.lines.compose();
    if (failure === undefined) return undefined;
    const { droppedCount: dropped, malformedCount: malformed } = this.lines;
    return new CitadelError('invalid-argument', failure.message, {
      details: { stored: this.storedCount, dropped, malformed },
    });
  }
}

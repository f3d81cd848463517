/**
 * One answer for all lines of a request, by the worst that happened to any of them: unknown, not
 * stored for now, refused by content, stored.
 */

import { CitadelError } from '../../base/errors.ts';
import { decodeText } from '../../base/text.ts';
import type { LineError } from '../../lineprotocol/parsed-batch.ts';

/** A body of nothing but bad lines must not be answered with more than about this. */
const errorTextMax = 1024 * 1024;

export class WriteOutcome {
  /** Rows that were taken by the parser, stored or not. */
  parsedCount = 0;
  storedCount = 0;
  failedCount = 0;
  droppedCount = 0;
  #dropReason: string | undefined;
  #lineErrors: string[] = [];
  #lineErrorSize = 0;
  #unknown: unknown;
  #notStored: CitadelError | undefined;

  addLineErrors(errors: readonly LineError[]): void {
    for (const { line, reason } of errors) {
      if (this.#lineErrorSize > errorTextMax) return;
      const text = `unable to parse '${decodeText(line)}': ${reason}`;
      this.#lineErrorSize += text.length;
      this.#lineErrors.push(text);
    }
  }

  addDropped(reason: string, count: number): void {
    this.droppedCount += count;
    this.#dropReason ??= reason;
  }

  /** A frame that was not acknowledged. */
  addFailure(error: unknown, rowCount: number): void {
    this.failedCount += rowCount;
    const code = error instanceof CitadelError ? error.code : 'internal';
    const isNotStored =
      code === 'overloaded' || code === 'disk-full' || code === 'read-only' || code === 'redirect';
    if (isNotStored) this.#notStored ??= error as CitadelError;
    else this.#unknown ??= error;
  }

  /** What made the fate of some lines unknown, for the log. */
  get unknownCause(): unknown {
    return this.#unknown;
  }

  /** Whether the parser could take nothing though something was there. */
  get isUnreadable(): boolean {
    return this.parsedCount === 0 && this.#lineErrors.length > 0;
  }

  /** Undefined = everything is stored. */
  error(): CitadelError | undefined {
    const lineErrors = this.#lineErrors.join('\n');
    if (this.isUnreadable) return new CitadelError('invalid-argument', lineErrors);
    if (this.#unknown !== undefined) {
      return new CitadelError('timeout', 'timeout', { cause: this.#unknown });
    }
    if (this.#notStored !== undefined) return this.#notStored;
    if (this.#dropReason !== undefined) return partialWrite(this.#dropReason, this.droppedCount);
    return lineErrors === '' ? undefined : partialWrite(lineErrors, 0);
  }
}

function partialWrite(reason: string, dropped: number): CitadelError {
  return new CitadelError('invalid-argument', `partial write: ${reason} dropped=${dropped}`);
}

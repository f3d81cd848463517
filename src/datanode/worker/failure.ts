/** A CitadelError as it crosses threads. */

import { CitadelError, type ErrorCode } from '../../base/errors.ts';

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | bigint>>;
}

export function toFailure(error: unknown): Failure {
  if (error instanceof CitadelError) {
    return { code: error.code, message: error.message, details: error.details };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'internal', message: `internal error: ${text}`, details: {} };
}

export function fromFailure({ code, message, details }: Failure): CitadelError {
  return new CitadelError(code, message, { details });
}

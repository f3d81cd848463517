/**
 * Errors: one class for what can happen, one for what cannot.
 *
 * The code, and nothing else, decides on retry and on the HTTP or gRPC status. Codes are append-only.
 */

/** Facts for logs and support (shard, offset, bytes); never secrets, never whole points. */
type Details = Readonly<Record<string, string | number | bigint>>;

export type ErrorCode =
  | 'invalid-argument'
  | 'not-found'
  | 'already-exists'
  | 'conflict'
  | 'redirect'
  | 'overloaded'
  | 'unavailable'
  | 'timeout'
  | 'cancelled'
  | 'limit-exceeded'
  | 'too-large'
  | 'disk-full'
  | 'read-only'
  | 'corrupt'
  | 'locked'
  | 'unsupported'
  | 'unsupported-version'
  | 'unauthorized'
  | 'internal'
  | 'forbidden';

const retryableCodes: ReadonlySet<ErrorCode> = new Set([
  'redirect',
  'overloaded',
  'unavailable',
  'timeout',
  'disk-full',
]);

export class CitadelError extends Error {
  override readonly name = 'CitadelError';
  readonly code: ErrorCode;
  readonly details: Details;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { details?: Details } = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return retryableCodes.has(this.code);
  }
}

export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** States what must already be true; failing it means this code is wrong, not its input. */
export function invariant(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new InvariantError(claim);
}

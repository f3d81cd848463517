/**
 * The one table of our error codes and gRPC's, and how an error travels whole: code and details in a
 * trailer, the message as gRPC's own. Without the trailer an error was made by a connection, not by a node.
 */

import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { CitadelError, type ErrorCode } from '../base/errors.ts';
import { printableText } from '../base/text.ts';

export const errorTrailer = 'citadel-error-bin';
/** Trailers must stay well below the 64 KiB that HTTP/2 allows for headers. */
const messageLengthMax = 4_096;
const detailsLengthMax = 16_384;

type GrpcError = Pick<ServiceError, 'code' | 'details' | 'metadata'>;

const statusOfCode: Readonly<Record<ErrorCode, status>> = {
  'invalid-argument': status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  conflict: status.FAILED_PRECONDITION,
  redirect: status.ABORTED,
  overloaded: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  timeout: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  'limit-exceeded': status.RESOURCE_EXHAUSTED,
  'too-large': status.OUT_OF_RANGE,
  'disk-full': status.RESOURCE_EXHAUSTED,
  'read-only': status.FAILED_PRECONDITION,
  corrupt: status.DATA_LOSS,
  locked: status.FAILED_PRECONDITION,
  unsupported: status.UNIMPLEMENTED,
  'unsupported-version': status.FAILED_PRECONDITION,
  unauthorized: status.PERMISSION_DENIED,
  internal: status.INTERNAL,
  forbidden: status.PERMISSION_DENIED,
};

/** For errors that gRPC itself made. What is not here says nothing about the call: `unavailable`. */
const codeOfStatus: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.CANCELLED]: 'cancelled',
  [status.INVALID_ARGUMENT]: 'invalid-argument',
  [status.DEADLINE_EXCEEDED]: 'timeout',
  [status.UNIMPLEMENTED]: 'unsupported',
  [status.UNAUTHENTICATED]: 'unauthorized',
  [status.PERMISSION_DENIED]: 'unauthorized',
};

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(statusOfCode, text);
}

type Details = CitadelError['details'];

interface ErrorFacts {
  readonly code: ErrorCode;
  readonly details: Details;
}

/** JSON; a bigint is `{"n": "decimal"}`. */
export function encodeErrorFacts({ code, details }: ErrorFacts): string {
  const toJson = (_key: string, value: unknown) =>
    typeof value === 'bigint' ? { n: value.toString() } : value;
  const text = JSON.stringify({ code, details }, toJson);
  return text.length <= detailsLengthMax ? text : JSON.stringify({ code, details: {} });
}

function detailOf(value: unknown): string | number | bigint | undefined {
  if (typeof value === 'string' || typeof value === 'number') return value;
  const digits = (value as { n?: unknown } | null)?.n;
  return typeof digits === 'string' && /^-?\d{1,40}$/.test(digits) ? BigInt(digits) : undefined;
}

/** Undefined for what is no error of ours. */
export function decodeErrorFacts(text: string): ErrorFacts | undefined {
  try {
    const facts: unknown = JSON.parse(text);
    const { code, details } = facts as { code: unknown; details: Record<string, unknown> };
    if (!isErrorCode(code)) return undefined;
    const known: Record<string, string | number | bigint> = {};
    for (const [key, value] of Object.entries(details)) {
      const detail = detailOf(value);
      if (detail !== undefined) known[key] = detail;
    }
    return { code, details: known };
  } catch {
    // A newer or foreign node's trailer: the gRPC status still says what kind of failure it is.
    return undefined;
  }
}

export function toGrpcError(error: CitadelError, trailers = new Metadata()): GrpcError {
  trailers.set(errorTrailer, Buffer.from(encodeErrorFacts(error)));
  const details = printableText(error.message).slice(0, messageLengthMax);
  return { code: statusOfCode[error.code], details, metadata: trailers };
}

/** `node`: whom the call was for, told in messages about the connection. */
export function fromGrpcError(
  error: Pick<StatusObject, 'code' | 'details'> & { readonly metadata?: Metadata | undefined },
  node: string,
): CitadelError {
  const [trailer] = error.metadata?.get(errorTrailer) ?? [];
  const facts = trailer === undefined ? undefined : decodeErrorFacts(trailer.toString());
  if (facts !== undefined) {
    return new CitadelError(facts.code, error.details, { details: facts.details });
  }
  if (error.code === status.RESOURCE_EXHAUSTED && /larger than max/.test(error.details)) {
    return new CitadelError('too-large', `cannot talk to node ${node}: ${error.details}`);
  }
  const code = codeOfStatus[error.code] ?? 'unavailable';
  return new CitadelError(code, `cannot talk to node ${node}: ${error.details}`, {
    details: { node, grpcStatus: error.code },
  });
}

/** Nobody listens at the address: no call got through. */
export function isRefused(error: Pick<StatusObject, 'code' | 'details'>): boolean {
  return error.code === status.UNAVAILABLE && /ECONNREFUSED/.test(error.details);
}

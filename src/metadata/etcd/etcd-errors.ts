/**
 * What the etcd client throws, as the errors of a metadata store.
 *
 * Everything that is not a clear refusal is `unavailable`: whether a change happened is then unknown.
 */

import {
  EtcdAuthenticationFailedError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
} from 'etcd3';
import { CitadelError } from '../../base/errors.ts';

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The call never left this process, so it may be made again elsewhere whatever it does. */
export function wasNeverSent(error: unknown): boolean {
  return /No connection established|Name resolution failed/.test(messageOf(error));
}

export function isLeaseGone(error: unknown): boolean {
  return error instanceof EtcdLeaseInvalidError;
}

/** History before the asked revision is gone. */
export function isCompacted(error: unknown): boolean {
  return /required revision has been compacted/.test(messageOf(error));
}

/** An answer of etcd, not a failure to get one: another server would say the same. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof CitadelError ||
    error instanceof EtcdLeaseInvalidError ||
    error instanceof GRPCInvalidArgumentError ||
    error instanceof EtcdPermissionDeniedError ||
    error instanceof EtcdAuthenticationFailedError ||
    isCompacted(error)
  );
}

export function toCitadelError(error: unknown): CitadelError {
  if (error instanceof CitadelError) return error;
  const reason = messageOf(error);
  const options = { cause: error };
  if (isLeaseGone(error)) return new CitadelError('not-found', 'lease has ended', options);
  if (error instanceof GRPCInvalidArgumentError) {
    return new CitadelError('invalid-argument', `etcd refuses the request: ${reason}`, options);
  }
  const isForbidden =
    error instanceof EtcdPermissionDeniedError ||
    error instanceof EtcdAuthenticationFailedError ||
    (error instanceof GRPCFailedPreconditionError && /auth/.test(reason));
  if (isForbidden) {
    return new CitadelError('unauthorized', `etcd lets us not in: ${reason}`, options);
  }
  return new CitadelError('unavailable', `cannot reach etcd: ${reason}`, options);
}

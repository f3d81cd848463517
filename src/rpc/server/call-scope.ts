/**
 * What every handler of calls between nodes is wrapped in: greeting checked, cancellation and deadline
 * as an AbortSignal, errors as statuses, our map's version in every answer.
 */

import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import type { Log, Timers } from '../../env/env.ts';
import type { MapSource, RpcIdentity } from '../contract.ts';
import { checkGreeting, greetingHeader, mapVersionHeader } from '../greeting.ts';
import type { PeerGreeting } from '../peer-api.ts';
import { toGrpcError } from '../status.ts';
import { type Send, sendBlocks } from './send-blocks.ts';

type SurfaceCall = Pick<ServerUnaryCall<Buffer, Buffer>, 'metadata' | 'cancelled' | 'once'>;

export interface ServiceHost {
  readonly identity: RpcIdentity;
  readonly view: MapSource;
  readonly timers: Timers;
  readonly log: Log;
  /** As Host.noteDropped: messages die as soon as they are read. */
  readonly noteDropped: (bytes: number) => void;
}

export interface CallScope {
  readonly caller: PeerGreeting;
  /** The caller left, its deadline passed or the connection broke. */
  readonly signal: AbortSignal;
}

export function mapVersionMetadata(host: ServiceHost): Metadata {
  const metadata = new Metadata();
  metadata.set(mapVersionHeader, String(host.view.map.version));
  return metadata;
}

/** @throws CitadelError as `checkGreeting` */
export function callerOf(call: Pick<SurfaceCall, 'metadata'>, host: ServiceHost): PeerGreeting {
  const [greeting] = call.metadata.get(greetingHeader);
  return checkGreeting(greeting?.toString(), host.identity);
}

/** Made once: a reason of its own for each call would cost more than the call's other bookkeeping. */
export const callerLeft = new CitadelError('cancelled', 'the caller left');

interface OpenScope extends CallScope {
  /** The answer is out: what gRPC says of the call from now on is no cancellation. */
  readonly finish: () => void;
}

function openScope(call: SurfaceCall, host: ServiceHost): OpenScope {
  const caller = callerOf(call, host);
  const controller = new AbortController();
  let isFinished = false;
  const leave = () => {
    if (!isFinished) controller.abort(callerLeft);
  };
  call.once('cancelled', leave);
  if (call.cancelled) leave();
  const finish = () => {
    isFinished = true;
  };
  return { caller, signal: controller.signal, finish };
}

/** What a caller gets to hear; anything unexpected is logged here, with its stack. */
export function toAnswerable(error: unknown, host: ServiceHost, path: string): CitadelError {
  if (error instanceof CitadelError) return error;
  host.log.error('rpc.call.failed', {
    path,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return new CitadelError('internal', 'internal error', { details: { node: host.identity.node } });
}

function toStatus(error: unknown, host: ServiceHost, path: string) {
  return toGrpcError(toAnswerable(error, host, path), mapVersionMetadata(host));
}

export function unary(
  host: ServiceHost,
  run: (message: Buffer, scope: CallScope) => Promise<Buffer>,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const answer = async (): Promise<Buffer> => {
      const scope = openScope(call, host);
      const bytes = await run(call.request, scope);
      scope.finish();
      return bytes;
    };
    answer().then(
      (bytes) => {
        call.sendMetadata(mapVersionMetadata(host));
        callback(null, bytes);
      },
      (error: unknown) => callback(toStatus(error, host, call.getPath())),
    );
  };
}

/** Resolves when the connection has taken the message; rejects when the call is over. */
function sendTo(
  call: { write(bytes: Buffer, done: () => void): boolean },
  signal: AbortSignal,
): Send {
  return (bytes) =>
    new Promise((resolve, reject) => {
      const stop = () => reject(callerLeft);
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      call.write(bytes, () => {
        signal.removeEventListener('abort', stop);
        resolve();
      });
    });
}

/** Sends what `open` gives, as fast as the caller reads. */
export function streaming(
  host: ServiceHost,
  open: (message: Buffer, scope: CallScope) => AsyncIterable<object>,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    const run = async (): Promise<void> => {
      const scope = openScope(call, host);
      const blocks = open(call.request, scope);
      call.sendMetadata(mapVersionMetadata(host));
      await sendBlocks(blocks, sendTo(call, scope.signal), host.timers);
      scope.finish();
    };
    run().then(
      () => call.end(),
      (error: unknown) => call.emit('error', toStatus(error, host, call.getPath())),
    );
  };
}

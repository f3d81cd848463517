/**
 * Calls to one node over one long-lived channel: deadlines, cancellation, limits, errors as they were
 * thrown there, and what answers tell of the cluster map.
 */

import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  connectivityState,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import type { RpcOptions } from '../contract.ts';
import { channelCredentials, channelName } from '../credentials.ts';
import { formatGreeting, greetingHeader, mapVersionHeader } from '../greeting.ts';
import { messageLimits } from '../methods.ts';
import { fromGrpcError } from '../status.ts';
import { addressOf } from './address.ts';
import { OpenCalls, unanswered } from './open-calls.ts';

/** Of the receiving side of a stream of blocks: bytes under way before the reader has read them. */
const windowBytes = 1024 * 1024;

const channelOptions = {
  ...messageLimits,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A connection that nobody else shares: its fate says something about this node only.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc-node.flow_control_window': windowBytes,
} as const;

export interface CallLimits {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A channel to the node's server; the caller closes it. */
export function openChannel(url: string, tls: RpcOptions['tls']): Client {
  const options = { ...channelOptions, ...channelName(tls) };
  return new Client(addressOf(url), channelCredentials(tls), options);
}

export function greetingMetadata({ identity, view }: RpcOptions, node: string): Metadata {
  const metadata = new Metadata();
  metadata.set(greetingHeader, formatGreeting(identity, view.map.version, node));
  return metadata;
}

/** 0 when the answer does not say. */
export function mapVersionIn(metadata: Metadata | undefined): number {
  const [version] = metadata?.get(mapVersionHeader) ?? [];
  const number = Number(version);
  return Number.isSafeInteger(number) ? number : 0;
}

function cancelled(): CitadelError {
  return new CitadelError('cancelled', 'the call was cancelled');
}

export class NodeCalls {
  readonly url: string;
  readonly #options: RpcOptions;
  readonly #node: string;
  readonly #open: OpenCalls;
  readonly #onMapVersion: (version: number) => void;
  #client: Client;
  #isClosed = false;
  #isSilent = false;

  /** `onMapVersion`: the version of the map that the node has, told by each answer. */
  constructor(
    options: RpcOptions,
    node: string,
    target: { readonly url: string; readonly onMapVersion: (version: number) => void },
  ) {
    this.#options = options;
    this.#node = node;
    this.url = target.url;
    this.#onMapVersion = target.onMapVersion;
    this.#open = new OpenCalls(node, options.env.clock);
    this.#client = openChannel(target.url, options.tls);
  }

  /**
   * The node answers again: a channel that waits before its next attempt is replaced, and one that is stuck
   * in an attempt if the node was silent.
   */
  refresh(wasSilent: boolean): void {
    const state = this.#client.getChannel().getConnectivityState(false);
    const isStuck = wasSilent && state === connectivityState.CONNECTING;
    if (state !== connectivityState.TRANSIENT_FAILURE && !isStuck) return;
    this.#client.close();
    this.#client = openChannel(this.url, this.#options.tls);
  }

  /** What waits for so long is failed; once something was, new calls are failed at once until `endSilence`. */
  failSilent(silenceMs: number): void {
    if (this.#open.failWaiting(silenceMs, () => unanswered(this.#node))) this.beginSilence();
  }

  /** New calls are failed at once until `endSilence`. */
  beginSilence(): void {
    this.#isSilent = true;
  }

  /** The link to the node is no longer silent. */
  endSilence(): void {
    this.#isSilent = false;
  }

  close(message: string): void {
    this.#isClosed = true;
    this.#open.failAll(message);
    this.#client.close();
  }

  unary(method: string, message: Buffer, limits: CallLimits): Promise<Buffer> {
    const { signal } = limits;
    if (signal?.aborted) return Promise.reject(cancelled());
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const settle = (run: () => void) => {
        signal?.removeEventListener('abort', stop);
        entry.end();
        run();
      };
      const fail = (error: CitadelError) => {
        settle(() => reject(error));
        call.cancel();
      };
      const stop = () => fail(cancelled());
      const entry = this.#open.begin(message.length, fail);
      const call = this.#startUnary(method, message, limits, (error, answer) => {
        settle(() => {
          if (answer !== undefined) resolve(answer);
          else reject(this.errorOf(error));
        });
      });
      call.on('metadata', (metadata) => this.#onMapVersion(mapVersionIn(metadata)));
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** The call starts with the first pull; leaving the iteration ends it. */
  async *stream(method: string, message: Buffer, limits: CallLimits): AsyncGenerator<Buffer> {
    const { signal } = limits;
    if (signal?.aborted) throw cancelled();
    this.checkOpen();
    let failure: CitadelError | undefined;
    const fail = (error: CitadelError) => {
      failure ??= error;
      call.cancel();
    };
    const stop = () => fail(cancelled());
    const entry = this.#open.begin(message.length, fail);
    const metadata = greetingMetadata(this.#options, this.#node);
    const options = deadlineIn(limits.deadlineMs);
    const client = this.#client;
    const call = client.makeServerStreamRequest(method, asItIs, asItIs, message, metadata, options);
    call.on('metadata', (answer) => this.#onMapVersion(mapVersionIn(answer)));
    // The iteration sees errors too; this one is for those that come when nobody iterates any more.
    call.on('error', () => undefined);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      for await (const part of call) {
        if (failure !== undefined) break;
        entry.heard();
        yield part as Buffer;
        entry.heard();
      }
    } catch (error) {
      throw failure ?? this.errorOf(error as ServiceError);
    } finally {
      signal?.removeEventListener('abort', stop);
      entry.end();
      call.cancel();
    }
    if (failure !== undefined) throw failure;
  }

  /**
   * A stream both ways that stays open, without a deadline; limits and what becomes of it when the node is silent are up to
   * the caller.
   */
  duplex(method: string): ClientDuplexStream<Buffer, Buffer> {
    const metadata = greetingMetadata(this.#options, this.#node);
    const stream = this.#client.makeBidiStreamRequest(method, asItIs, asItIs, metadata);
    stream.on('metadata', (answer) => this.#onMapVersion(mapVersionIn(answer)));
    return stream;
  }

  /** @throws CitadelError `unavailable` when no call may begin now */
  checkOpen(): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
  }

  /** What an error of a call means. */
  errorOf(error: ServiceError | null): CitadelError {
    if (error === null) return new CitadelError('internal', 'the call ended without an answer');
    this.#onMapVersion(mapVersionIn(error.metadata));
    return fromGrpcError(error, this.#node);
  }

  #startUnary(
    method: string,
    message: Buffer,
    { deadlineMs }: CallLimits,
    done: (error: ServiceError | null, answer?: Buffer) => void,
  ): ClientUnaryCall {
    const metadata = greetingMetadata(this.#options, this.#node);
    const options = deadlineIn(deadlineMs);
    return this.#client.makeUnaryRequest(method, asItIs, asItIs, message, metadata, options, done);
  }

  /** Why no call may begin now. */
  #refusal(): CitadelError | undefined {
    if (this.#isClosed) {
      return new CitadelError('unavailable', `the connection to node ${this.#node} was closed`);
    }
    return this.#isSilent ? unanswered(this.#node) : undefined;
  }
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

/** gRPC wants a point in time of its own clock. */
function deadlineIn(delayMs: number): CallOptions {
  return { deadline: Date.now() + delayMs };
}

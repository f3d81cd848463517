/** Calls to one node: promises and async iterations over gRPC, each with a deadline, errors as the node threw them. */

import {
  type CallOptions,
  ChannelCredentials,
  Client,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { CitadelError } from '../src/base/errors.ts';
import { messageLimits } from '../src/rpc/methods.ts';
import { fromGrpcError } from '../src/rpc/status.ts';

/** Bytes of an answer under way before the reader has read them. */
const windowBytes = 4 * 1024 * 1024;

const channelOptions = {
  ...messageLimits,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc-node.flow_control_window': windowBytes,
} as const;

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

function deadlineIn(ms: number): CallOptions {
  return { deadline: Date.now() + ms };
}

export class Channel {
  readonly address: string;
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(address: string, authorization: string) {
    this.address = address;
    if (authorization !== '') this.#metadata.set('authorization', authorization);
    this.#client = new Client(address, ChannelCredentials.createInsecure(), channelOptions);
  }

  /** @throws CitadelError */
  unary(path: string, message: Buffer, deadlineMs: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const options = deadlineIn(deadlineMs);
      const done = (error: ServiceError | null, answer?: Buffer) => {
        if (answer !== undefined) resolve(answer);
        else reject(this.#explain(error));
      };
      this.#client.makeUnaryRequest(path, asItIs, asItIs, message, this.#metadata, options, done);
    });
  }

  /** Fails when nothing comes for `quietMs`. Leaving the iteration ends the call. @throws CitadelError */
  async *stream(path: string, message: Buffer, quietMs: number): AsyncGenerator<Buffer> {
    const metadata = this.#metadata;
    const call = this.#client.makeServerStreamRequest(path, asItIs, asItIs, message, metadata);
    let isQuiet = false;
    const cut = () => {
      isQuiet = true;
      call.cancel();
    };
    let timer = setTimeout(cut, quietMs);
    call.on('error', () => undefined);
    try {
      for await (const part of call) {
        clearTimeout(timer);
        yield part as Buffer;
        timer = setTimeout(cut, quietMs);
      }
    } catch (error) {
      if (isQuiet) {
        throw new CitadelError('timeout', `node ${this.address} did not answer for ${quietMs} ms`);
      }
      throw this.#explain(error as ServiceError);
    } finally {
      clearTimeout(timer);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #explain(error: ServiceError | null): CitadelError {
    if (error === null) return new CitadelError('internal', 'the call ended without an answer');
    return fromGrpcError(error, this.address);
  }
}

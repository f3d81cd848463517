/**
 * What every handler of the public API is wrapped in: how much may be under way, the caller's leaving and its deadline as an
 * AbortSignal, back-pressure, errors as statuses.
 */

import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerDuplexStream,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import type { Log, Timers } from '../../env/env.ts';
import { toGrpcError } from '../status.ts';
import type { CallGate } from './call-gate.ts';

/** A client that takes no byte of its answer for so long is gone. */
const patienceMs = 60_000;
/** Messages of one stream that are not answered yet, and their bytes; one is always taken. */
const streamMessagesMax = 64;
const streamBytesMax = 16 * 1024 * 1024;

export interface ApiHost {
  readonly timers: Pick<Timers, 'after'>;
  readonly log: Log;
  readonly gate: CallGate;
  /** Streams of requests that are open: ended when the server stops, for a client may hold one for ever. */
  readonly streams: Set<{ stop(): void }>;
}

export interface ApiCall {
  /** The caller left, its deadline passed or the connection broke. */
  readonly signal: AbortSignal;
  /** The header, whole; '' = none. */
  readonly authorization: string;
  /** The other end of the connection: an IP address. */
  readonly address: string;
}

type Surface = {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getPath(): string;
  getPeer(): string;
  once(event: 'cancelled', run: () => void): unknown;
};

const stopping = new CitadelError('unavailable', 'the node is stopping');
const callerLeft = new CitadelError('cancelled', 'the caller left');

/** `ipv4:127.0.0.1:999`, `127.0.0.1:999` or `[::1]:999` -> the address alone. */
function addressIn(peer: string): string {
  const text = peer.replace(/^ipv[46]:/, '').replace(/:\d+$/, '');
  return text.replace(/^\[(.*)\]$/, '$1');
}

/** Made for every call, so what few of them ask for is found when it is asked for. */
class OpenCall implements ApiCall {
  readonly #call: Surface;
  #controller: AbortController | undefined;
  #isFinished = false;

  constructor(call: Surface) {
    this.#call = call;
    call.once('cancelled', () => this.#leave());
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#call.cancelled) this.#leave();
    return this.#controller.signal;
  }

  get authorization(): string {
    const [authorization = ''] = this.#call.metadata.get('authorization');
    return authorization.toString();
  }

  get address(): string {
    return addressIn(this.#call.getPeer());
  }

  /** The answer is out: what gRPC says of the call from now on is no cancellation. */
  finish(): void {
    this.#isFinished = true;
  }

  #leave(): void {
    if (!this.#isFinished) this.#controller?.abort(callerLeft);
  }
}

/** What a caller gets to hear; anything unexpected is logged here, with its stack. */
export function explainFailure(error: unknown, host: ApiHost, path: string): CitadelError {
  if (error instanceof CitadelError) return error;
  host.log.error('api call failed', {
    path,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return new CitadelError('internal', 'internal error');
}

export function serveUnary(
  host: ApiHost,
  run: (message: Buffer, call: ApiCall) => Promise<Buffer>,
): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    const answer = async (): Promise<Buffer> => {
      const leave = host.gate.enter(call.request.length);
      try {
        const open = new OpenCall(call);
        const bytes = await run(call.request, open);
        open.finish();
        return bytes;
      } finally {
        leave();
      }
    };
    answer().then(
      (bytes) => callback(null, bytes),
      (error: unknown) => callback(toGrpcError(explainFailure(error, host, call.getPath()))),
    );
  };
}

type Writable = Pick<ServerWritableStream<Buffer, Buffer>, 'write'>;

/** Resolves when the connection has taken the message; rejects when the call is over or the client takes nothing. */
function send(call: Writable, piece: Buffer, host: ApiHost, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(callerLeft);
    const stop = (error: CitadelError) => {
      patience.cancel();
      signal.removeEventListener('abort', leave);
      reject(error);
    };
    const leave = () => stop(callerLeft);
    const patience = host.timers.after(patienceMs, () =>
      stop(new CitadelError('timeout', 'the client does not take the answer')),
    );
    signal.addEventListener('abort', leave, { once: true });
    call.write(piece, () => {
      patience.cancel();
      signal.removeEventListener('abort', leave);
      resolve();
    });
  });
}

/** One piece is on its way while the next one is made, no more. */
async function sendAll(
  call: Writable,
  pieces: AsyncIterable<Buffer>,
  host: ApiHost,
  signal: AbortSignal,
): Promise<void> {
  let sent = Promise.resolve();
  try {
    for await (const piece of pieces) {
      await sent;
      sent = send(call, piece, host, signal);
      // Looked at with the next piece, or below.
      sent.catch(() => undefined);
    }
  } finally {
    await sent;
  }
}

/** Sends what `open` gives, as fast as the caller reads. */
export function serveStream(
  host: ApiHost,
  open: (message: Buffer, call: ApiCall) => AsyncIterable<Buffer>,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    const run = async (): Promise<void> => {
      const leave = host.gate.enter(call.request.length);
      try {
        const scope = new OpenCall(call);
        await sendAll(call, open(call.request, scope), host, scope.signal);
        scope.finish();
      } finally {
        leave();
      }
    };
    run().then(
      () => call.end(),
      (error: unknown) =>
        call.emit('error', toGrpcError(explainFailure(error, host, call.getPath()))),
    );
  };
}

export interface StreamService {
  /** Answers one message. */
  readonly run: (message: Buffer, call: ApiCall) => Promise<Buffer>;
  /** The answer to a message that failed. @throws CitadelError when there can be none: the stream ends with it */
  readonly refuse: (message: Buffer, error: CitadelError) => Buffer;
}

/** Each message is answered on its own; a client that sends more than is answered is held back. */
export function serveDuplex(
  host: ApiHost,
  service: StreamService,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => new DuplexServer(host, service, call).start();
}

class DuplexServer {
  readonly #host: ApiHost;
  readonly #service: StreamService;
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #scope: OpenCall;
  #messages = 0;
  #bytes = 0;
  #isEnded = false;
  #isStopping = false;

  constructor(host: ApiHost, service: StreamService, call: ServerDuplexStream<Buffer, Buffer>) {
    this.#host = host;
    this.#service = service;
    this.#call = call;
    this.#scope = new OpenCall(call);
  }

  start(): void {
    const call = this.#call;
    call.on('data', (message: Buffer) => this.#take(message));
    call.on('end', () => {
      this.#isEnded = true;
      this.#endWhenIdle();
    });
    this.#host.streams.add(this);
    call.once('cancelled', () => this.#host.streams.delete(this));
    call.once('finish', () => this.#host.streams.delete(this));
  }

  /** What was taken is answered; the client learns that nothing else is. */
  stop(): void {
    this.#isStopping = true;
    this.#call.pause();
    this.#endWhenIdle();
  }

  #take(message: Buffer): void {
    this.#messages++;
    this.#bytes += message.length;
    if (this.#messages >= streamMessagesMax || this.#bytes >= streamBytesMax) this.#call.pause();
    this.#serve(message).then(
      () => {
        this.#messages--;
        this.#bytes -= message.length;
        if (this.#call.isPaused() && !this.#isStopping) this.#call.resume();
        this.#endWhenIdle();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  async #serve(message: Buffer): Promise<void> {
    const answer = await this.#answer(message);
    await send(this.#call, answer, this.#host, this.#scope.signal);
  }

  async #answer(message: Buffer): Promise<Buffer> {
    try {
      const leave = this.#host.gate.enter(message.length);
      try {
        return await this.#service.run(message, this.#scope);
      } finally {
        leave();
      }
    } catch (error) {
      const failure = explainFailure(error, this.#host, this.#call.getPath());
      return this.#service.refuse(message, failure);
    }
  }

  #fail(error: unknown): void {
    this.#call.pause();
    const failure = explainFailure(error, this.#host, this.#call.getPath());
    this.#call.emit('error', toGrpcError(failure));
  }

  #endWhenIdle(): void {
    if (this.#messages > 0) return;
    if (this.#isEnded) {
      this.#scope.finish();
      this.#call.end();
    } else if (this.#isStopping) this.#fail(stopping);
  }
}

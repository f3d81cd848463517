/**
 * The receiving end of streams of writes: each write is begun when it comes and answered by its number when its fate is
 * known; answers of one turn of the event loop leave in one message. A message that cannot be read ends the stream.
 *
 * Whoever does not read its answers is not read from either.
 */

import type { ServerDuplexStream } from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import type { DataNodeApi, WriteShardRequest } from '../data-node-api.ts';
import { toGrpcError } from '../status.ts';
import { takeMessage } from '../wire/requests.ts';
import { ValueWriter } from '../wire/value-writer.ts';
import { decodeStreamWrites, toValue } from '../wire/writes.ts';
import {
  callerLeft,
  callerOf,
  mapVersionMetadata,
  type ServiceHost,
  toAnswerable,
} from './call-scope.ts';
import { writeOne } from './write-frames.ts';

type Stream = ServerDuplexStream<Buffer, Buffer>;

class OpenStream {
  readonly #host: ServiceHost;
  readonly #dataNode: DataNodeApi;
  readonly #stream: Stream;
  /** Writes under way, by number. */
  readonly #open = new Map<number, AbortController>();
  #outcomes: object[] = [];
  #isEnding = false;
  #isOver = false;

  constructor(host: ServiceHost, dataNode: DataNodeApi, stream: Stream) {
    this.#host = host;
    this.#dataNode = dataNode;
    this.#stream = stream;
    stream.on('data', (message: Buffer) => this.#receive(message));
    stream.on('drain', () => stream.resume());
    stream.on('end', () => this.end());
    stream.once('cancelled', () => this.#leave());
  }

  /** Ends when what is under way is answered; what still comes is refused. */
  end(): void {
    this.#isEnding = true;
    this.#endWhenDone();
  }

  #leave(): void {
    this.#isOver = true;
    for (const controller of this.#open.values()) controller.abort(callerLeft);
    this.#open.clear();
  }

  #receive(message: Buffer): void {
    if (this.#isOver) return;
    try {
      const { first, requests, givenUp } = decodeStreamWrites(message);
      this.#host.noteDropped(message.length);
      this.#open.get(givenUp)?.abort(callerLeft);
      for (const [i, request] of requests.entries()) void this.#begin(first + i, request);
    } catch (error) {
      this.#stream.pause();
      this.#leave();
      const answerable = toAnswerable(error, this.#host, this.#stream.getPath());
      this.#stream.emit('error', toGrpcError(answerable, mapVersionMetadata(this.#host)));
    }
  }

  /** Never rejects. */
  async #begin(number: number, request: WriteShardRequest): Promise<void> {
    const { signal } = this.#track(number);
    const outcome = this.#isEnding
      ? this.#refuse()
      : await writeOne(this.#host, this.#dataNode, request, signal);
    this.#open.delete(number);
    if (this.#isOver) return;
    this.#outcomes.push(toValue({ index: number, ...outcome }));
    if (this.#outcomes.length > 1) return;
    const flush = () => this.#flush();
    this.#host.timers.yieldNow().then(flush, flush);
  }

  #track(number: number): AbortController {
    const controller = new AbortController();
    this.#open.set(number, controller);
    return controller;
  }

  #refuse() {
    const failure = new CitadelError('unavailable', 'the node takes no more writes');
    return { mapVersion: this.#host.view.map.version, answer: undefined, failure };
  }

  #flush(): void {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    if (this.#isOver) return;
    const writer = new ValueWriter();
    writer.add(outcomes);
    if (!this.#stream.write(takeMessage(writer))) this.#stream.pause();
    this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (!this.#isEnding || this.#isOver || this.#open.size > 0 || this.#outcomes.length > 0) return;
    this.#isOver = true;
    this.#stream.end();
  }
}

export interface WriteStreams {
  readonly handler: (stream: Stream) => void;
  /** Ends all streams when what is under way is answered, so that a server can stop. */
  end(): void;
}

export function makeWriteStreams(host: ServiceHost, dataNode: DataNodeApi): WriteStreams {
  const open = new Set<OpenStream>();
  let isEnded = false;

  function handler(stream: Stream): void {
    try {
      callerOf(stream, host);
    } catch (error) {
      const answerable = toAnswerable(error, host, stream.getPath());
      stream.emit('error', toGrpcError(answerable, mapVersionMetadata(host)));
      return;
    }
    stream.sendMetadata(mapVersionMetadata(host));
    const writes = new OpenStream(host, dataNode, stream);
    open.add(writes);
    stream.once('cancelled', () => open.delete(writes));
    stream.once('finish', () => open.delete(writes));
    if (isEnded) writes.end();
  }

  return {
    handler,
    end() {
      isEnded = true;
      for (const writes of open) writes.end();
    },
  };
}

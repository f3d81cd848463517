/**
 * Writes to one node over one stream that lives as long as both do: a message per batch, answers by number, in any order. A
 * call for each batch costs more than twice as much.
 *
 * When the stream breaks all that is not answered fails; whether it was carried out is then unknown. The next batch opens a
 * new stream, and numbers begin anew.
 *
 * Invariant: at most one batch is handed to gRPC and not yet taken by the connection.
 */

import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import type { Host } from '../../env/env.ts';
import { dataNodeService } from '../methods.ts';
import { decodeOutcomes, encodeGivenUp, encodeStreamWrites } from '../wire/writes.ts';
import type { NodeCalls } from './node-calls.ts';
import { copiesDropped, type PendingWrite } from './pending-write.ts';

export interface WriteStreamOptions {
  readonly host: Pick<Host, 'noteDropped'>;
  readonly calls: Pick<NodeCalls, 'checkOpen' | 'duplex' | 'errorOf'>;
  /** The version of the map that the node has, told by each answer. */
  readonly onMapVersion: (version: number) => void;
  /** The next batch may be sent. */
  readonly onReady: () => void;
  /** The node is of a release without such streams: it has not looked at these. */
  readonly onUnsupported: (writes: readonly PendingWrite[]) => void;
}

type Stream = ClientDuplexStream<Buffer, Buffer>;

export class WriteStream {
  readonly #options: WriteStreamOptions;
  #stream: Stream | undefined;
  /** Of the open stream, by number. */
  #pending = new Map<number, PendingWrite>();
  #nextNumber = 1;
  #isSending = false;

  constructor(options: WriteStreamOptions) {
    this.#options = options;
  }

  /** False: the connection has not taken the batch before yet. */
  get isReady(): boolean {
    return !this.#isSending;
  }

  /** Errors go to the writes. */
  send(batch: readonly PendingWrite[]): void {
    try {
      this.#options.calls.checkOpen();
      this.#stream ??= this.#open();
      const requests = batch.map(({ request }) => request);
      const message = encodeStreamWrites(this.#nextNumber, requests);
      this.#options.host.noteDropped(message.length * copiesDropped);
      this.#expect(this.#stream, batch);
      this.#write(this.#stream, message);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  close(): void {
    this.#stream?.cancel();
  }

  #expect(stream: Stream, batch: readonly PendingWrite[]): void {
    for (const pending of batch) {
      const number = this.#nextNumber++;
      this.#pending.set(number, pending);
      pending.onGivenUp = () => {
        if (this.#stream !== stream || !this.#pending.delete(number)) return;
        stream.write(encodeGivenUp(number));
      };
    }
  }

  #write(stream: Stream, message: Buffer): void {
    this.#isSending = true;
    stream.write(message, () => {
      if (this.#stream !== stream) return;
      this.#isSending = false;
      this.#options.onReady();
    });
  }

  #open(): Stream {
    const stream = this.#options.calls.duplex(dataNodeService.WriteStream.path);
    stream.on('data', (message: Buffer) => this.#onAnswers(stream, message));
    stream.on('end', () => {
      this.#onBroken(
        stream,
        new CitadelError('unavailable', 'the node ended the stream of writes'),
      );
    });
    stream.on('error', (error: ServiceError) => {
      const isUnsupported = error.code === status.UNIMPLEMENTED;
      this.#onBroken(stream, isUnsupported ? undefined : this.#options.calls.errorOf(error));
    });
    return stream;
  }

  #onAnswers(stream: Stream, message: Buffer): void {
    if (this.#stream !== stream) return;
    try {
      for (const { index, mapVersion, answer, failure } of decodeOutcomes(message)) {
        const pending = this.#pending.get(index);
        this.#pending.delete(index);
        // Before the failure: whoever is redirected waits for the newer map.
        this.#options.onMapVersion(mapVersion);
        if (answer !== undefined) pending?.resolve(answer);
        else pending?.reject(failure);
      }
    } catch (error) {
      this.#onBroken(stream, error);
      stream.cancel();
    }
  }

  /** `error` undefined: the node knows no such streams. */
  #onBroken(stream: Stream, error: unknown): void {
    if (this.#stream !== stream) return;
    const pending = [...this.#pending.values()];
    this.#stream = undefined;
    this.#pending = new Map();
    this.#nextNumber = 1;
    this.#isSending = false;
    if (error === undefined) this.#options.onUnsupported(pending);
    else for (const { reject } of pending) reject(error);
    this.#options.onReady();
  }
}

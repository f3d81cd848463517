/**
 * Collects request bodies: bounded each, and bounded together, so that many large or stalled uploads
 * cannot eat the memory.
 */

import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { CitadelError } from '../../base/errors.ts';
import { ArrivingBody } from './arriving-body.ts';
import { BodyRooms } from './body-room.ts';

const inflateChunk = 256 * 1024;

export function tooLarge(): CitadelError {
  return new CitadelError('too-large', 'Request Entity Too Large');
}

/**
 * Hands over the parts of a body as they come; ends with the body. When `take` throws, the rest of the
 * body is read and thrown away: the connection stays, the answer still goes over it.
 */
function receive(request: IncomingMessage, take: (part: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onData = (part: Buffer): void => {
      try {
        take(part);
      } catch (error) {
        settle();
        reject(error);
      }
    };
    const onEnd = (): void => {
      settle();
      resolve();
    };
    const onBreak = (error?: Error): void => {
      settle();
      reject(error ?? new Error('the connection was closed'));
    };
    const settle = (): void => {
      request.off('data', onData).off('end', onEnd).off('error', onBreak).off('close', onBreak);
    };
    request.on('data', onData).on('end', onEnd).on('error', onBreak).on('close', onBreak);
    if (request.destroyed) onBreak();
  });
}

export class BodyCollector {
  readonly #sizeMax: number;
  readonly #totalMax: number;
  readonly #unpackRoom: number;
  readonly #rooms = new BodyRooms();
  readonly #noteDropped: (bytes: number) => void;
  #held = 0;

  /**
   * `totalMax` bounds what all requests hold together. A single body that is allowed fits always,
   * unless a body may be of any size (`sizeMax` is the largest number). `noteDropped` hears of the parts that
   * bodies came in.
   */
  constructor(sizeMax: number, totalMax: number, noteDropped: (bytes: number) => void) {
    this.#sizeMax = sizeMax;
    this.#noteDropped = noteDropped;
    const isBounded = sizeMax < Number.MAX_SAFE_INTEGER;
    this.#totalMax = isBounded ? Math.max(totalMax, sizeMax) : totalMax;
    this.#unpackRoom = isBounded ? sizeMax : 0;
  }

  get heldBytes(): number {
    return this.#held;
  }

  /** @throws CitadelError `too-large` */
  checkAnnouncedSize(headers: IncomingMessage['headers']): void {
    const announced = Number(headers['content-length'] ?? 0);
    if (announced > this.#sizeMax) throw tooLarge();
  }

  /**
   * The whole body. The caller gives its size back with `release` when done with it.
   *
   * @throws CitadelError `too-large`, `overloaded`, `invalid-argument` when the client breaks off
   */
  async collect(request: IncomingMessage): Promise<Buffer> {
    const announced = Number(request.headers['content-length'] ?? 0);
    const body = new ArrivingBody(this.#rooms, announced);
    try {
      await receive(request, (part) => {
        this.#hold(part.length);
        body.add(part);
        if (body.size > this.#sizeMax) throw tooLarge();
      });
    } catch (error) {
      this.release(body.size);
      body.abandon();
      if (error instanceof CitadelError) throw error;
      throw new CitadelError('invalid-argument', 'unexpected EOF', { cause: error });
    }
    this.#noteDropped(body.size);
    return body.finish();
  }

  /**
   * Room for what a packed body says it unpacks to; to be given back with `release`.
   *
   * @throws CitadelError `too-large`, `overloaded`
   */
  reserve(size: number): void {
    if (size > this.#sizeMax) throw tooLarge();
    this.#hold(size, this.#unpackRoom);
  }

  release(size: number): void {
    this.#held -= size;
  }

  /** Nobody will look at these bytes again: their memory may serve the next body. */
  forget(body: Buffer): void {
    this.#rooms.giveBack(body);
  }

  /**
   * The whole body, unpacked; its size too is to be given back with `release`.
   *
   * @throws CitadelError `invalid-argument` with Go's words, `too-large`, `overloaded`
   */
  async gunzip(body: Buffer): Promise<Buffer> {
    if (body.length === 0) throw new CitadelError('invalid-argument', 'EOF');
    const parts: Buffer[] = [];
    let size = 0;
    const inflate = createGunzip({ chunkSize: inflateChunk });
    try {
      inflate.end(body);
      for await (const part of inflate) {
        // The packed body counts as well, and one that is allowed must fit.
        this.#hold(part.length, this.#unpackRoom);
        size += part.length;
        parts.push(part);
        if (size > this.#sizeMax) throw tooLarge();
      }
    } catch (error) {
      this.release(size);
      if (error instanceof CitadelError) throw error;
      throw explainGunzip(error);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
  }

  #hold(size: number, extraMax = 0): void {
    if (this.#held + size > this.#totalMax + extraMax) {
      throw new CitadelError('overloaded', 'request throttled, too many bytes in flight');
    }
    this.#held += size;
  }
}

function explainGunzip(error: unknown): CitadelError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : '';
  if (code === 'Z_BUF_ERROR') return new CitadelError('invalid-argument', 'unexpected EOF');
  if (message.includes('header')) {
    return new CitadelError('invalid-argument', 'gzip: invalid header');
  }
  if (message.includes('data check')) {
    return new CitadelError('invalid-argument', 'gzip: invalid checksum');
  }
  return new CitadelError('invalid-argument', 'flate: corrupt input before offset 0');
}

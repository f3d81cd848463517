/**
 * Sends an answer while it is being made: a piece waits until the client has taken the ones before, but
 * for a few small ones, and a client that takes nothing for a while is dropped, so that it holds neither
 * memory nor a scan.
 */

import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import { CitadelError } from '../../base/errors.ts';
import type { Timers } from '../../env/env.ts';

/** A client that accepts no byte for so long is gone. */
const patienceMs = 60_000;
/** Fast, and already most of what deflate can do for JSON. */
const gzipLevel = 3;

export interface StreamOptions {
  readonly gzip: boolean;
  readonly timers: Pick<Timers, 'after'>;
}

function openSink(response: ServerResponse, gzip: boolean): Writable {
  if (!gzip) return response;
  const compressor = createGzip({ level: gzipLevel, flush: constants.Z_SYNC_FLUSH });
  compressor.pipe(response);
  response.once('close', () => compressor.destroy());
  return compressor;
}

/**
 * Hands over a small piece without waiting, as far as the sink has room: a short answer then leaves in
 * one packet with its head and end. False = not done.
 */
function writeSmall(sink: Writable, bytes: Uint8Array): boolean {
  if (sink.destroyed) throw new CitadelError('cancelled', 'client closed the connection');
  if (sink.writableLength + bytes.length >= sink.writableHighWaterMark) return false;
  sink.write(bytes);
  return true;
}

function writeAll(sink: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new CitadelError('cancelled', 'client closed the connection'));
    sink.once('close', onClose);
    sink.write(bytes, (error) => {
      sink.off('close', onClose);
      if (error) reject(new CitadelError('cancelled', 'client closed the connection'));
      else resolve();
    });
  });
}

/**
 * Resolves when the last piece has been handed to the system; the response is ended.
 *
 * @throws what making the pieces throws, and CitadelError `cancelled` when the client goes away; the
 *   response is then destroyed, which a client sees as an answer cut short.
 */
export async function streamResponse(
  response: ServerResponse,
  pieces: AsyncIterable<Uint8Array>,
  { gzip, timers }: StreamOptions,
): Promise<void> {
  const sink = openSink(response, gzip);
  // The write callbacks report errors; without a listener the stream would throw them again.
  sink.on('error', () => undefined);
  try {
    for await (const piece of pieces) {
      if (piece.length === 0 || writeSmall(sink, piece)) continue;
      const patience = timers.after(patienceMs, () => response.destroy());
      try {
        await writeAll(sink, piece);
      } finally {
        patience.cancel();
      }
    }
    sink.end();
  } catch (error) {
    response.destroy();
    throw error;
  }
}

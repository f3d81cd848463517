/** Answers that stream: the head with the first piece or soon, then piece after piece as the client takes them. */

import type { FastifyReply } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import { StopController } from '../../base/stop-signal.ts';
import type { Env } from '../../env/env.ts';
import { streamResponse } from './response-stream.ts';

/** A client learns so soon that its answer is being made. */
const headAfterMs = 20;

/** Aborted when the client leaves before its answer is complete. */
export function watchClient(reply: FastifyReply): AbortController {
  const controller = new StopController();
  reply.raw.once('close', () => {
    if (reply.raw.writableFinished) return;
    controller.abort(new CitadelError('cancelled', 'client closed the connection'));
  });
  return controller;
}

/**
 * 200, whatever the pieces do: what fails later cuts the answer short, which a client can see. Headers are those of the
 * raw response; what was set on the reply alone is left behind.
 */
export async function streamAnswer(
  { env }: { readonly env: Pick<Env, 'timers' | 'log'> },
  reply: FastifyReply,
  pieces: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<void> {
  const { request, raw } = reply;
  const gzip = (request.headers['accept-encoding'] ?? '').includes('gzip');
  reply.hijack();
  raw.setHeader('Content-Type', contentType);
  if (gzip) raw.setHeader('Content-Encoding', 'gzip');
  raw.writeHead(200);
  const head = env.timers.after(headAfterMs, () => raw.flushHeaders());
  try {
    await streamResponse(raw, pieces, { gzip, timers: env.timers });
  } catch (error) {
    if (error instanceof CitadelError && error.code === 'cancelled') return;
    const text = error instanceof Error ? error.stack : String(error);
    env.log.error('answer cut short', { path: request.routeOptions.url, error: text });
  } finally {
    head.cancel();
  }
}

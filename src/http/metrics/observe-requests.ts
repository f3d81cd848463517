/** Measures every routed request, answered or broken off. */

import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../env/env.ts';
import type { Metrics } from './metrics.ts';

export function observeRequests(
  app: FastifyInstance,
  metrics: Metrics,
  clock: Pick<Clock, 'monotonicMs'>,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    const startMs = clock.monotonicMs();
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    const { method } = request;
    reply.raw.once('close', () => {
      const seconds = (clock.monotonicMs() - startMs) / 1000;
      const status = reply.raw.statusCode;
      const requestBytes = request.bodyBytes.length;
      metrics.observe({ route, method, status, seconds, requestBytes });
    });
    done();
  });
}

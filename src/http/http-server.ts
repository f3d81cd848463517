/**
 * The HTTP server: InfluxDB's API and what the node tells about itself.
 */

import type { FastifyInstance } from 'fastify';
import { CitadelError } from '../base/errors.ts';
import { createMetrics } from './metrics/metrics.ts';
import { observeRequests } from './metrics/observe-requests.ts';
import type { HttpOptions, HttpParts } from './parts.ts';
import { addBackupRoutes } from './routes/backup.ts';
import { addClusterRoutes } from './routes/cluster.ts';
import { addCreateRoute } from './routes/create.ts';
import { addInfoRoutes } from './routes/info.ts';
import { addKvRoutes } from './routes/kv.ts';
import { addPingRoutes } from './routes/ping.ts';
import { addPromRoutes } from './routes/prom.ts';
import { addQueryRoute } from './routes/query.ts';
import { addV2Routes } from './routes/v2.ts';
import { addWriteRoute } from './routes/write.ts';
import { addAnswerHeaders } from './server/answer-headers.ts';
import { createApp } from './server/app.ts';
import { watchPauses } from './server/pause-watch.ts';
import { BodyCollector } from './server/request-body.ts';
import { addRouteAccess } from './server/route-access.ts';

const methods = {
  '/ping': ['GET', 'HEAD'],
  '/status': ['GET', 'HEAD'],
  '/health': ['GET'],
  '/write': ['OPTIONS', 'POST'],
  '/query': ['OPTIONS', 'GET', 'POST'],
  '/api/v1/prom/write': ['POST'],
  '/api/v1/prom/read': ['POST'],
  '/api/v2/write': ['OPTIONS', 'POST'],
  '/api/v2/query': ['OPTIONS', 'POST'],
  '/api/v2/delete': ['POST'],
  '/api/v2/buckets': ['GET', 'POST'],
  '/create': ['OPTIONS', 'POST'],
  '/kv/list': ['GET'],
  '/kv/get': ['GET', 'POST'],
  '/kv/put': ['POST'],
  '/kv/delete': ['POST'],
  '/info': ['GET'],
  '/metrics': ['GET'],
  '/debug/vars': ['GET'],
} as const;

export interface HttpServer {
  /** With the port it really has. */
  readonly url: string;
  /** Takes no more requests and waits for those in flight, at most `patienceMs`; then cuts them off. */
  stop(patienceMs: number): Promise<void>;
}

function explainListen(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  const address = `${host || '*'}:${port}`;
  if (code === 'EADDRINUSE') {
    return new CitadelError('unavailable', `cannot listen on ${address}: address already in use`);
  }
  if (code === 'EACCES') {
    return new CitadelError('unavailable', `cannot listen on ${address}: permission denied`);
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new CitadelError('unavailable', `cannot listen on ${address}: no such address here`);
  }
  return error;
}

/** Without a host on all addresses, of both families where there are both. */
async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  const listening: Promise<string> = app.listen({ port, host: host === '' ? '::' : host });
  await listening;
}

/** @throws CitadelError `unavailable` when it cannot listen */
export async function startHttpServer(parts: HttpParts, options: HttpOptions): Promise<HttpServer> {
  const bodies = new BodyCollector(
    options.bodySizeMax,
    options.bodiesSizeMax,
    parts.env.host.noteDropped,
  );
  const app = createApp(bodies, parts.env.log);
  const metrics = createMetrics(parts);
  addAnswerHeaders(app, methods);
  observeRequests(app, metrics, parts.env.clock);
  if (parts.cluster !== undefined) watchPauses(app, parts.env);
  addRouteAccess(app, parts.access, options);
  addPingRoutes(app, parts);
  addWriteRoute(app, parts, bodies);
  addQueryRoute(app, parts);
  addPromRoutes(app, parts, bodies);
  addV2Routes(app, parts);
  addCreateRoute(app, parts);
  addInfoRoutes(app, parts, metrics);
  addClusterRoutes(app, parts);
  addBackupRoutes(app, parts);
  addKvRoutes(app, parts, bodies);
  const { host, port } = options;
  try {
    await listen(app, host, port);
  } catch (error) {
    await app.close();
    throw explainListen(error, host, port);
  }
  const address = app.server.address();
  const realPort = typeof address === 'object' && address !== null ? address.port : port;
  const shownHost = host === '' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shownHost}:${realPort}`,
    stop: async (patienceMs) => {
      const patience = parts.env.timers.after(patienceMs, () => app.server.closeAllConnections());
      await app.close();
      patience.cancel();
    },
  };
}

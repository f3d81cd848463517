/**
 * The HTTP server with the real broker and catalog over a data node that stores nothing, in this
 * process: for everything about requests and answers that needs no stored points.
 */

import { type AccessOptions, createAccess } from '../../src/access/access.ts';
import type { BrokerLimits } from '../../src/broker/parts.ts';
import type { Env } from '../../src/env/env.ts';
import { createNodeEnv } from '../../src/env/node/node-env.ts';
import { startHttpServer } from '../../src/http/http-server.ts';
import type { HttpOptions } from '../../src/http/parts.ts';
import type { OpenCatalog } from '../../src/metadata/catalog.ts';
import type { FakeDataNode } from './fake-data-node.ts';
import { type HttpRequest, type HttpResponse, httpRequest, makeUrl } from './http-client.ts';
import { openInProcessBroker } from './in-process-broker.ts';

export interface InProcessServer {
  readonly url: string;
  readonly catalog: OpenCatalog;
  readonly dataNode: FakeDataNode;
  request(
    path: string,
    params?: Readonly<Record<string, string | undefined>>,
    options?: HttpRequest,
  ): Promise<HttpResponse>;
  stop(patienceMs?: number): Promise<void>;
}

export interface ServerOptions {
  readonly limits?: Partial<BrokerLimits>;
  readonly http?: Partial<HttpOptions>;
  readonly env?: Partial<Env>;
  readonly access?: Partial<AccessOptions>;
  readonly allowChangesByGet?: boolean;
}

export async function startInProcessServer(options: ServerOptions = {}): Promise<InProcessServer> {
  const env = { ...createNodeEnv({ logLevel: 'error', logFormat: 'json' }), ...options.env };
  const { allowChangesByGet = false, limits = {} } = options;
  const inside = await openInProcessBroker(env, { allowChangesByGet, limits });
  const { broker, catalog, dataNode } = inside;
  const accessOptions = { isEnabled: false, sharedSecret: '', ...options.access };
  const access = await createAccess({ ...env, catalog }, accessOptions);
  const facts = {
    version: '0.0.0',
    uuid: 'node',
    clusterUuid: 'cluster',
    dataDir: '/data',
    url: '',
    metadata: 'embedded',
    startedMs: env.clock.wallMs(),
  };
  const server = await startHttpServer(
    { env, broker, catalog, access, facts },
    {
      host: '127.0.0.1',
      port: 0,
      bodySizeMax: 25e6,
      bodiesSizeMax: 100e6,
      asksAtPing: false,
      ...options.http,
    },
  );
  return {
    url: server.url,
    catalog,
    dataNode,
    request: (path, params = {}, request = {}) =>
      httpRequest(makeUrl(server.url, path, params), request),
    async stop(patienceMs = 1_000) {
      await server.stop(patienceMs);
      await inside.close();
    },
  };
}

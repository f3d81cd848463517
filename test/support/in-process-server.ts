/**
 * The HTTP server with the real broker and catalog over a data node that stores nothing, in this
 * process: for everything about requests and answers that needs no stored points.
 */

import { type AccessOptions, createAccess } from '../../src/access/access.ts';
import { createBroker } from '../../src/broker/broker.ts';
import type { BrokerLimits } from '../../src/broker/parts.ts';
import { AckedMarks } from '../../src/broker/route/acked-marks.ts';
import type { Env } from '../../src/env/env.ts';
import { createNodeEnv } from '../../src/env/node/node-env.ts';
import { startHttpServer } from '../../src/http/http-server.ts';
import type { HttpOptions } from '../../src/http/parts.ts';
import { type OpenCatalog, openCatalog } from '../../src/metadata/catalog.ts';
import { openCluster } from '../../src/metadata/cluster-record.ts';
import { ClusterWatch } from '../../src/metadata/cluster-watch.ts';
import { openEmbeddedMetaStore } from '../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../src/metadata/embedded/meta-journal.ts';
import { createFakeDataNode, type FakeDataNode } from './fake-data-node.ts';
import { type HttpRequest, type HttpResponse, httpRequest, makeUrl } from './http-client.ts';

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

const noLimits: BrokerLimits = {
  queryTimeoutMs: 0,
  maxSelectPoint: 0,
  maxSelectSeries: 0,
  maxSelectBuckets: 0,
  maxConcurrentQueries: 0,
};

export async function startInProcessServer(options: ServerOptions = {}): Promise<InProcessServer> {
  const env = { ...createNodeEnv({ logLevel: 'error', logFormat: 'json' }), ...options.env };
  const store = await openEmbeddedMetaStore(env, createMemoryJournal());
  const cluster = { nodeUuid: 'node', clusterUuid: 'cluster', shardCount: 4 };
  await openCluster(store, env.clock, cluster);
  const isAttached = () => true;
  const watching = { self: 'node', clusterUuid: 'cluster', lastMap: undefined, isAttached };
  const view = new ClusterWatch(env, store, watching);
  await view.open();
  const listener = { databasesChanged: () => undefined, failed: () => undefined };
  const catalog = await openCatalog(store, env, listener);
  const dataNode = createFakeDataNode();
  const limits = { ...noLimits, ...options.limits };
  const build = { version: '0.0.0', startedMs: env.clock.wallMs() };
  const ownNode = (uuid: string) => (uuid === 'node' ? dataNode : undefined);
  const route = { env, cluster: view, dataNode: ownNode, marks: new AckedMarks() };
  const { allowChangesByGet = false } = options;
  const defaultLevel = 'auto' as const;
  const parts = { env, catalog, dataNode, route, defaultLevel, limits, build, allowChangesByGet };
  const broker = createBroker(parts);
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
      catalog.close();
      view.close();
      await store.close();
    },
  };
}

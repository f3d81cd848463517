/** The real broker and catalog over a data node that stores nothing, in this process, in any world. */

import { type Broker, createBroker } from '../../src/broker/broker.ts';
import type { BrokerLimits } from '../../src/broker/parts.ts';
import { AckedMarks } from '../../src/broker/route/acked-marks.ts';
import type { Env } from '../../src/env/env.ts';
import { type OpenCatalog, openCatalog } from '../../src/metadata/catalog.ts';
import { openCluster } from '../../src/metadata/cluster-record.ts';
import { ClusterWatch } from '../../src/metadata/cluster-watch.ts';
import { openEmbeddedMetaStore } from '../../src/metadata/embedded/embedded-meta-store.ts';
import { createMemoryJournal } from '../../src/metadata/embedded/meta-journal.ts';
import { createFakeDataNode, type FakeDataNode } from './fake-data-node.ts';

export interface InProcessBroker {
  readonly broker: Broker;
  readonly catalog: OpenCatalog;
  readonly dataNode: FakeDataNode;
  close(): Promise<void>;
}

export interface BrokerOptions {
  readonly limits?: Partial<BrokerLimits>;
  readonly allowChangesByGet?: boolean;
}

const noLimits: BrokerLimits = {
  queryTimeoutMs: 0,
  maxSelectPoint: 0,
  maxSelectSeries: 0,
  maxSelectBuckets: 0,
  maxConcurrentQueries: 0,
};

export async function openInProcessBroker(
  env: Env,
  { limits = {}, allowChangesByGet = false }: BrokerOptions = {},
): Promise<InProcessBroker> {
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
  const build = { version: '0.0.0', startedMs: env.clock.wallMs() };
  const ownNode = (uuid: string) => (uuid === 'node' ? dataNode : undefined);
  const route = { env, cluster: view, dataNode: ownNode, marks: new AckedMarks() };
  const defaultLevel = 'auto' as const;
  const parts = {
    env,
    catalog,
    dataNode,
    route,
    defaultLevel,
    limits: { ...noLimits, ...limits },
    build,
    allowChangesByGet,
  };
  const broker = createBroker(parts);
  return {
    broker,
    catalog,
    dataNode,
    close: async () => {
      catalog.close();
      view.close();
      await store.close();
    },
  };
}

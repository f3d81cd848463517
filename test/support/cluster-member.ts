/**
 * What a node has of metadata (view, session, controller) over any metadata store, without the rest of the
 * node, and the test's hand on all of it.
 */

import type { Env } from '../../src/env/env.ts';
import { checkCluster, makeCluster } from '../../src/metadata/cluster-record.ts';
import { ClusterWatch } from '../../src/metadata/cluster-watch.ts';
import { Controller } from '../../src/metadata/controller/controller.ts';
import type { DecisionRules } from '../../src/metadata/controller/decide.ts';
import type { MetaStore } from '../../src/metadata/meta-store.ts';
import { Session } from '../../src/metadata/session.ts';
import type { ClusterMap, NodeRecord } from '../../src/model/cluster.ts';

export const testClusterUuid = '6f1c2f80-5c0e-4b5d-9f6a-0d6d5a6f7c11';

export interface MemberOptions {
  readonly uuid: string;
  readonly zone?: string;
  readonly ttlMs?: number;
  readonly shardCount?: number;
  readonly replicationFactor?: number;
  readonly lastMap?: ClusterMap;
  readonly rules?: DecisionRules;
  readonly gate?: () => Promise<void>;
}

export interface Member {
  readonly uuid: string;
  readonly store: MetaStore;
  readonly view: ClusterWatch;
  readonly session: Session;
  readonly controller: Controller;
  /** As at a clean stop. */
  close(): Promise<void>;
  /** Nothing is said to anybody: the lease runs out. */
  vanish(): Promise<void>;
}

export function makeNodeRecord(uuid: string, zone = '', startedMs = 1): NodeRecord {
  return {
    uuid,
    storeId: `store of ${uuid}`,
    rpcUrl: `http://${uuid}:7087`,
    httpUrl: `http://${uuid}:7086`,
    snapshotUrl: `http://${uuid}:7088`,
    zone,
    version: '0.0.0',
    startedMs,
    workers: 1,
  };
}

export const hastyRules: DecisionRules = {
  settleMs: 300,
  balanceAfterMs: 600,
  replaceAfterMs: 600_000,
};

/** `store` is the member's own and closed with it. */
export async function openMember(
  env: Pick<Env, 'clock' | 'timers' | 'log'>,
  store: MetaStore,
  options: MemberOptions,
): Promise<Member> {
  const { uuid, lastMap, rules = hastyRules } = options;
  const { shardCount = 16, replicationFactor = 2, ttlMs = 5_000 } = options;
  if (lastMap === undefined) {
    const wanted = { clusterUuid: testClusterUuid, shardCount, replicationFactor };
    checkCluster(await makeCluster(store, env.clock, wanted), wanted);
  }
  let session: Session | undefined;
  const view = new ClusterWatch(env, store, {
    self: uuid,
    clusterUuid: testClusterUuid,
    lastMap,
    isAttached: (ms) => session?.isAttached(ms) ?? false,
  });
  await view.open();
  const node = makeNodeRecord(uuid, options.zone, env.clock.wallMs());
  const attached = new Session(env, view.store, node, { ttlMs, gate: options.gate });
  session = attached;
  const controller = new Controller(env, view, attached, async () => [], rules);
  await attached.start();
  view.onChange((map) => attached.observe(map));
  controller.start();
  return {
    uuid,
    store,
    view,
    session: attached,
    controller,
    async close() {
      await controller.close();
      await attached.close();
      view.close();
      await store.close();
    },
    async vanish() {
      await controller.close();
      view.close();
      await store.close();
      await attached.close();
    },
  };
}

/** citadel.v1.Cluster: what a client needs to find all nodes. */

import type { Rights } from '../access/rights.ts';
import type { StoreKind } from '../model/cluster.ts';
import { encodeInfo } from '../rpc/api/cluster-messages.ts';
import { type ApiCall, type ApiHost, serveUnary } from '../rpc/api/serve.ts';
import type { ApiService } from '../rpc/api/service.ts';
import { identify } from './caller-rights.ts';
import type { GrpcParts } from './parts.ts';

const kinds: readonly StoreKind[] = ['tstore', 'kstore'];

function describeCluster({ env, broker, catalog, facts }: GrpcParts, rights: Rights): Buffer {
  const { map } = broker;
  const known = [...map.nodes.values()].map((node) => ({ ...node, grpcUrl: node.rpcUrl }));
  const { uuid, version, startedMs } = facts;
  // A node that is alone is on no map.
  const alone = { uuid, grpcUrl: '', httpUrl: '', zone: '', version, startedMs };
  return encodeInfo({
    version,
    node: uuid,
    cluster: facts.clusterUuid,
    mapVersion: map.version,
    nowMs: env.clock.wallMs(),
    nodes: known.length === 0 ? [alone] : known,
    stores: kinds.map((kind) => ({
      kind,
      shardCount: map.shards[kind].length,
      replicationFactor: map.replicationFactor,
    })),
    databases: catalog.view.databases
      .map(({ name }) => name)
      .filter((name) => rights.may('READ', name) || rights.may('WRITE', name)),
  });
}

export function makeClusterHandlers(host: ApiHost, parts: GrpcParts): ApiService['handlers'] {
  const info = async (_message: Buffer, call: ApiCall): Promise<Buffer> => {
    return describeCluster(parts, await identify(parts.access, call));
  };
  return { Info: serveUnary(host, info) };
}

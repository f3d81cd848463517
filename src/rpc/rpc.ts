/**
 * All traffic between nodes. gRPC carries calls and peer messages, plain HTTP/1.1 carries snapshots.
 *
 * Order of composition: `openRpcClients`, then the data node (it takes `peers` and `snapshots`), then
 * `startRpcServer` with both. The contract on the wire is in proto/, the bytes in docs/formats/rpc.md.
 */

import { ClusterClients } from './clients.ts';
import type {
  ApiServer,
  ApiServerOptions,
  RpcClients,
  RpcOptions,
  RpcServer,
  RpcServerOptions,
} from './contract.ts';
import { startApi, startServer } from './server/rpc-server.ts';

/** Connects to the nodes of the map and keeps following it. */
export function openRpcClients(options: RpcOptions): RpcClients {
  return new ClusterClients(options);
}

/** @throws CitadelError `unavailable` when an address cannot be bound */
export function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  return startServer(options);
}

/** Serves clients of a node that is alone. @throws CitadelError `unavailable` when the address cannot be bound */
export function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  return startApi(options);
}

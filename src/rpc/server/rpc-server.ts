/** The gRPC server and the snapshot server of a node, started and stopped together. */

import type { ApiService } from '../api/service.ts';
import type { ApiServer, ApiServerOptions, RpcServer, RpcServerOptions } from '../contract.ts';
import { dataNodeService, peerService, serviceNames } from '../methods.ts';
import { startSnapshotServer } from '../snapshots/snapshot-server.ts';
import type { ServiceHost } from './call-scope.ts';
import { makeDataNodeService } from './data-node-service.ts';
import { GrpcServer } from './grpc-server.ts';
import { makePeerService } from './peer-service.ts';
import { makeWriteStreams } from './write-streams.ts';

const graceDefaultMs = 5_000;

function addApi(server: GrpcServer, services: readonly ApiService[]): void {
  for (const { name, methods, handlers, end } of services) {
    server.add(name, methods, handlers);
    server.onStop(end);
  }
}

export async function startServer(options: RpcServerOptions): Promise<RpcServer> {
  const { identity, view, env, dataNode, inbox, listen, tls } = options;
  const host: ServiceHost = {
    identity,
    view,
    timers: env.timers,
    log: env.log,
    noteDropped: env.host.noteDropped,
  };
  const server = new GrpcServer(env.timers);
  const peers = makePeerService(host, inbox);
  const writes = makeWriteStreams(host, dataNode);
  server.add(serviceNames.dataNode, dataNodeService, makeDataNodeService(host, dataNode, writes));
  server.add(serviceNames.peer, peerService, peers.handlers);
  const port = await server.listen(listen.host, listen.port, tls);
  const snapshots = await startSnapshotServer(options, listen.host, listen.snapshotPort).catch(
    (error) => {
      server.cut();
      throw error;
    },
  );
  let closing: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    peers.end();
    writes.end();
    await Promise.all([server.stop(graceMs), snapshots.close(graceMs)]);
  };
  return {
    port,
    snapshotPort: snapshots.port,
    addApi: (services) => addApi(server, services),
    setServing: (serving) => server.health.setServing(serving),
    close: (graceMs = graceDefaultMs) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
}

export async function startApi({ env, listen, services }: ApiServerOptions): Promise<ApiServer> {
  const server = new GrpcServer(env.timers);
  addApi(server, services);
  const port = await server.listen(listen.host, listen.port, undefined);
  let closing: Promise<void> | undefined;
  return {
    port,
    close: (graceMs = graceDefaultMs) => {
      closing ??= server.stop(graceMs);
      return closing;
    },
  };
}

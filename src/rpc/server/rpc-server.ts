/** The gRPC server and the snapshot server of a node, started and stopped together. */

import { Server } from '@grpc/grpc-js';
import { CitadelError } from '../../base/errors.ts';
import type { RpcServer, RpcServerOptions } from '../contract.ts';
import { serverCredentials } from '../credentials.ts';
import {
  dataNodeService,
  healthService,
  messageLimits,
  peerService,
  reflectionAlphaService,
  reflectionService,
} from '../methods.ts';
import { startSnapshotServer } from '../snapshots/snapshot-server.ts';
import type { ServiceHost } from './call-scope.ts';
import { makeDataNodeService } from './data-node-service.ts';
import { type HealthService, makeHealthService } from './health-service.ts';
import { makePeerService, type PeerService } from './peer-service.ts';
import { makeReflectionService } from './reflection-service.ts';

const graceDefaultMs = 5_000;

const serverOptions = {
  ...messageLimits,
  /** Calls and streams per connection. */
  'grpc.max_concurrent_streams': 4_096,
  // Connections of peers that vanished without a word are found by these.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 20_000,
} as const;

interface Services {
  readonly health: HealthService;
  readonly peers: PeerService;
}

function addServices(server: Server, options: RpcServerOptions): Services {
  const { identity, view, env, dataNode, inbox } = options;
  const host: ServiceHost = { identity, view, timers: env.timers, log: env.log };
  const health = makeHealthService();
  const peers = makePeerService(host, inbox);
  const reflection = makeReflectionService();
  server.addService(dataNodeService, makeDataNodeService(host, dataNode));
  server.addService(peerService, peers.handlers);
  server.addService(healthService, health.handlers);
  server.addService(reflectionService, reflection);
  server.addService(reflectionAlphaService, reflection);
  return { health, peers };
}

function bindTo(server: Server, address: string, tls: RpcServerOptions['tls']): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, serverCredentials(tls), (cause, bound) => {
      if (cause === null) return resolve(bound);
      const message = `cannot listen on ${address}: ${cause.message}`;
      return reject(new CitadelError('unavailable', message, { cause }));
    });
  });
}

/** No host = every address: of both families where the machine has both. */
async function bind(server: Server, { listen, tls }: RpcServerOptions): Promise<number> {
  const { host, port } = listen;
  if (host !== '') return bindTo(server, `${host.includes(':') ? `[${host}]` : host}:${port}`, tls);
  try {
    return await bindTo(server, `[::]:${port}`, tls);
  } catch {
    // A machine without IPv6; if the port is the trouble, this one says so.
    return bindTo(server, `0.0.0.0:${port}`, tls);
  }
}

function stop(server: Server, options: RpcServerOptions, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = options.env.timers.after(graceMs, () => server.forceShutdown());
    server.tryShutdown(() => {
      cut.cancel();
      resolve();
    });
  });
}

export async function startServer(options: RpcServerOptions): Promise<RpcServer> {
  const server = new Server(serverOptions);
  const { health, peers } = addServices(server, options);
  const port = await bind(server, options);
  const { host, snapshotPort } = options.listen;
  const snapshots = await startSnapshotServer(options, host, snapshotPort).catch((error) => {
    server.forceShutdown();
    throw error;
  });
  let closing: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    health.setServing(false);
    peers.end();
    health.end();
    await Promise.all([stop(server, options, graceMs), snapshots.close(graceMs)]);
  };
  return {
    port,
    snapshotPort: snapshots.port,
    setServing: (serving) => health.setServing(serving),
    close: (graceMs = graceDefaultMs) => {
      closing ??= close(graceMs);
      return closing;
    },
  };
}

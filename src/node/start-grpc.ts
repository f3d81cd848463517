/** The public gRPC API of a node: on the server that the other nodes use, or alone on one of its own. */

import type { Access } from '../access/access.ts';
import type { Broker } from '../broker/broker.ts';
import type { Env } from '../env/env.ts';
import { makeApiServices } from '../grpc/grpc-api.ts';
import type { ApiServer } from '../rpc/contract.ts';
import { startApiServer } from '../rpc/rpc.ts';
import type { NodeConfig } from './config.ts';
import type { Stores } from './open-stores.ts';

/** Share of the memory budget that requests may take at once. */
const requestsShare = 0.25;

export interface GrpcServing {
  readonly broker: Broker;
  readonly access: Access;
  /** Wall clock. */
  readonly startedMs: number;
}

/** What a single node listens on; undefined = the usual address is taken, and nobody asked for it. */
async function startAlone(
  env: Env,
  { grpc }: NodeConfig,
  services: ReturnType<typeof makeApiServices>,
): Promise<ApiServer | undefined> {
  try {
    return await startApiServer({ env, listen: grpc, services });
  } catch (error) {
    if (grpc.isAsked) throw error;
    env.log.warn('gRPC API is off: set -grpc to an address that is free', { error: String(error) });
    return undefined;
  }
}

/** Resolves with how to stop it. @throws CitadelError `unavailable` when the address cannot be bound */
export async function startGrpc(
  env: Env,
  config: NodeConfig,
  { catalog, metadata, rpc }: Stores,
  { broker, access, startedMs }: GrpcServing,
): Promise<(graceMs: number) => Promise<void>> {
  const { uuid, clusterUuid } = metadata.directory.identity;
  const facts = { version: config.version, uuid, clusterUuid, startedMs };
  const requestBytesMax = Math.floor(config.memoryBytes * requestsShare);
  const services = makeApiServices({
    env,
    broker,
    catalog,
    access,
    facts,
    requestBytesMax,
  });
  if (rpc !== undefined) {
    // Stopped with the server, after this node has given its primaries away.
    rpc.addApi(services);
    return async () => undefined;
  }
  const server = await startAlone(env, config, services);
  return async (graceMs) => server?.close(graceMs);
}

/**
 * What an operator asks of the cluster: POST /cluster/drain, /cluster/remove, /cluster/replicas and /cluster/rebalance, each
 * also as a dry run, and GET /cluster/plan. The answer lists the copies that are made and given up; the controller does it.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CitadelError } from '../../base/errors.ts';
import { isBalanceBy } from '../../metadata/balance-wish.ts';
import type { ClusterAdmin, ReportedLoad, Wish } from '../../metadata/cluster-admin.ts';
import type { KnownMetadata, Reseeder } from '../../metadata/reseed.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { sendJson } from '../server/error-reply.ts';

const adminOnly = { config: { access: 'admin' } } as const;

function isSet(parameters: URLSearchParams, name: string): boolean {
  const text = parameters.get(name);
  return text !== null && text !== 'false';
}

function adminOf({ cluster }: HttpParts): ClusterAdmin {
  if (cluster !== undefined) return cluster;
  throw new CitadelError('conflict', 'this node is alone: there is no cluster to change');
}

/** What the nodes that answer hold and take in. */
async function observeLoads({ broker }: HttpParts): Promise<ReportedLoad[]> {
  const nodes = await broker.observe();
  return nodes.flatMap(({ status }) =>
    (status?.shards ?? []).map((one): ReportedLoad => {
      const { shard, kind = 'tstore', memoryBytes, diskBytes, writtenBytesPerSecond = 0 } = one;
      return { kind, shard, heldBytes: memoryBytes + diskBytes, writtenBytesPerSecond };
    }),
  );
}

async function carryOut(parts: HttpParts, wish: Wish, isDry: boolean): Promise<string> {
  const admin = adminOf(parts);
  const changes = admin.plan(wish, await observeLoads(parts));
  if (!isDry) await admin.apply(wish);
  return `${JSON.stringify({ dryRun: isDry, changes, balancing: admin.balance?.by ?? '' })}\n`;
}

function drainWish(admin: ClusterAdmin, parameters: URLSearchParams): Wish {
  const node = admin.findNode(parameters.get('node') ?? '');
  return { kind: 'mark', node, mark: isSet(parameters, 'cancel') ? undefined : 'drain' };
}

/** @throws CitadelError `conflict` while data would be lost, saying how much */
async function removeWish(
  admin: ClusterAdmin,
  { broker }: HttpParts,
  parameters: URLSearchParams,
): Promise<Wish> {
  const node = admin.findNode(parameters.get('node') ?? '');
  const wish: Wish = { kind: 'mark', node, mark: 'remove' };
  const held = Object.values(broker.map.shards)
    .flat()
    .filter(({ replicas }) => replicas.includes(node)).length;
  if (held === 0) return wish;
  if (broker.map.nodes.has(node)) {
    const message = `cannot remove a node that is alive and holds ${held} copies: drain it first`;
    throw new CitadelError('conflict', message);
  }
  const { shards, entries } = await broker.findLosses(node);
  if (shards.length > 0) {
    const names = shards.map(({ kind, shard }) => `${kind} ${shard}`).join(', ');
    const message = `cannot remove it: ${shards.length} shards have no other whole copy (${names}): start the node again`;
    throw new CitadelError('conflict', message);
  }
  if (entries > 0 && !isSet(parameters, 'force')) {
    const message = `cannot remove it: at least ${entries} writes are known that no other copy has yet; force gives them up until it returns`;
    throw new CitadelError('conflict', message);
  }
  return wish;
}

function replicasWish(parameters: URLSearchParams): Wish {
  return { kind: 'replicas', count: Number(parameters.get('count') ?? Number.NaN) };
}

/** @throws CitadelError `invalid-argument` */
function balanceWish(parameters: URLSearchParams): Wish {
  const by = parameters.get('by') ?? 'load';
  if (!isBalanceBy(by)) {
    throw new CitadelError('invalid-argument', `cannot rebalance by '${by}': by is count or load`);
  }
  return { kind: 'balance', by: isSet(parameters, 'cancel') ? undefined : by };
}

function reseederOf(parts: HttpParts): Reseeder {
  const { reseeder } = adminOf(parts);
  if (reseeder !== undefined) return reseeder;
  throw new CitadelError('conflict', 'this node has no metadata store to reseed');
}

/** What other nodes said under GET /cluster/metadata. @throws CitadelError `invalid-argument` */
function readKnown(body: Uint8Array): KnownMetadata[] {
  try {
    const { others } = JSON.parse(new TextDecoder().decode(body)) as { others?: KnownMetadata[] };
    const isList =
      Array.isArray(others) && others.every(({ shards }) => Array.isArray(shards.tstore));
    if (isList) return others;
  } catch {
    // Said below.
  }
  throw new CitadelError(
    'invalid-argument',
    'expected {"others":[...]} with answers of /cluster/metadata',
  );
}

function addReseedRoutes(app: FastifyInstance, parts: HttpParts): void {
  app.get('/cluster/metadata', adminOnly, async (_request, reply) =>
    sendJson(reply, `${JSON.stringify(await reseederOf(parts).describe())}\n`),
  );
  app.post('/cluster/reseed', adminOnly, async (request: FastifyRequest, reply) => {
    const isDry = isSet(readUrlParameters(request), 'dry-run');
    const others = readKnown(request.bodyBytes);
    const reseeder = reseederOf(parts);
    const plan = isDry ? await reseeder.plan(others) : await reseeder.run(others);
    return sendJson(reply, `${JSON.stringify({ dryRun: isDry, plan })}\n`);
  });
}

export function addClusterRoutes(app: FastifyInstance, parts: HttpParts): void {
  const answer = (path: string, makeWish: (parameters: URLSearchParams) => Promise<Wish>) => {
    app.post(path, adminOnly, async (request: FastifyRequest, reply) => {
      const parameters = readUrlParameters(request);
      const wish = await makeWish(parameters);
      return sendJson(reply, await carryOut(parts, wish, isSet(parameters, 'dry-run')));
    });
  };
  answer('/cluster/drain', async (parameters) => drainWish(adminOf(parts), parameters));
  answer('/cluster/remove', (parameters) => removeWish(adminOf(parts), parts, parameters));
  answer('/cluster/replicas', async (parameters) => replicasWish(parameters));
  answer('/cluster/rebalance', async (parameters) => balanceWish(parameters));
  addReseedRoutes(app, parts);
  app.get('/cluster/plan', adminOnly, async (_request, reply) =>
    sendJson(reply, await carryOut(parts, { kind: 'none' }, true)),
  );
}

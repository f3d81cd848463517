/**
 * What the node knows about itself: /info for people and tools, /metrics for Prometheus, and the
 * little of /debug/vars that clients of InfluxDB look at.
 */

import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../metrics/metrics.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { influxVersion } from '../server/answer-headers.ts';
import { sendJson } from '../server/error-reply.ts';
import { countMoves, describeNode, describeShards } from './describe-cluster.ts';

const indent = 4;
const adminOnly = { config: { access: 'admin' } } as const;

function renderJson(value: unknown, pretty: boolean): string {
  return `${JSON.stringify(value, undefined, pretty ? indent : undefined)}\n`;
}

function uptimeSeconds({ env, facts }: HttpParts): number {
  return Math.max(0, Math.floor((env.clock.wallMs() - facts.startedMs) / 1000));
}

async function describeCluster(parts: HttpParts) {
  const { facts, catalog, broker } = parts;
  const [status, nodes] = await Promise.all([broker.status(), broker.observe()]);
  const { map } = broker;
  return {
    version: facts.version,
    influxVersion,
    node: {
      uuid: facts.uuid,
      url: facts.url,
      dataDir: facts.dataDir,
      started: new Date(facts.startedMs).toISOString(),
      uptimeSeconds: uptimeSeconds(parts),
    },
    cluster: {
      uuid: map.clusterUuid,
      metadata: facts.metadata,
      mapVersion: map.version,
      shardCount: map.shards.tstore.length,
      replicationFactor: map.replicationFactor,
      moves: countMoves(map),
    },
    state: status.state,
    reason: status.reason,
    services: parts.services?.describe() ?? {},
    databases: catalog.view.databases.map(({ name }) => name),
    memory: { usedBytes: status.memoryBytes, budgetBytes: status.memoryBudgetBytes },
    disk: {
      logBytes: status.logBytes,
      storeBytes: status.shards.reduce((sum, { diskBytes }) => sum + diskBytes, 0),
      freeBytes: status.diskFreeBytes,
    },
    nodes: nodes.map((node) => describeNode(node, map, parts.cluster?.marks.get(node.uuid))),
    shards: {
      tstore: describeShards('tstore', map, nodes),
      kstore: describeShards('kstore', map, nodes),
    },
  };
}

function describeVariables(parts: HttpParts) {
  const { stats } = parts.broker;
  const now = new Date(parts.env.clock.wallMs());
  const memory = process.memoryUsage();
  return {
    system: {
      currentTime: now.toISOString(),
      started: new Date(parts.facts.startedMs).toISOString(),
      uptime: uptimeSeconds(parts),
    },
    cmdline: ['citadel'],
    memstats: { Alloc: memory.heapUsed, HeapAlloc: memory.heapUsed, Sys: memory.rss },
    queryExecutor: {
      name: 'queryExecutor',
      tags: null,
      values: {
        queriesActive: stats.queriesActive,
        queriesExecuted: stats.queriesStarted,
        queriesFinished: stats.queriesStarted - stats.queriesActive,
      },
    },
    write: {
      name: 'write',
      tags: null,
      values: {
        pointReq: stats.pointsWritten + stats.pointsDropped + stats.pointsFailed,
        req: stats.writeRequests,
        writeOk: stats.pointsWritten,
        writeDrop: stats.pointsDropped,
        writeError: stats.pointsFailed,
      },
    },
  };
}

async function* renderLines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

export function addInfoRoutes(app: FastifyInstance, parts: HttpParts, metrics: Metrics): void {
  app.get('/info', adminOnly, async (request, reply) => {
    const pretty = readUrlParameters(request).get('pretty');
    const isPretty = pretty !== null && pretty !== 'false';
    return sendJson(reply, renderJson(await describeCluster(parts), isPretty));
  });
  app.get('/cluster/verify', adminOnly, async (_request, reply) => {
    const left = new AbortController();
    reply.raw.once('close', () => left.abort());
    const verdicts = parts.broker.verify(left.signal);
    return reply.type('application/x-ndjson').send(Readable.from(renderLines(verdicts)));
  });
  app.get('/metrics', { config: { access: 'ping' } }, async (_request, reply) => {
    return reply.header('Content-Type', metrics.contentType).send(await metrics.render());
  });
  app.get('/debug/vars', { config: { access: 'open' } }, async (_request, reply) =>
    sendJson(reply, renderJson(describeVariables(parts), false)),
  );
}

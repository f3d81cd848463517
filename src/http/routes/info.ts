/**
 * What the node knows about itself: /info for people and tools, /metrics for Prometheus, and the
 * little of /debug/vars that clients of InfluxDB look at.
 */

import type { FastifyInstance } from 'fastify';
import type { NodeStatus } from '../../broker/requests.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { readUrlParameters } from '../parameters/request-parameters.ts';
import type { HttpParts } from '../parts.ts';
import { influxVersion } from '../server/answer-headers.ts';
import { sendJson } from '../server/error-reply.ts';

const indent = 4;

function renderJson(value: unknown, pretty: boolean): string {
  return `${JSON.stringify(value, undefined, pretty ? indent : undefined)}\n`;
}

function uptimeSeconds({ env, facts }: HttpParts): number {
  return Math.max(0, Math.floor((env.clock.wallMs() - facts.startedMs) / 1000));
}

function describeShards({ shards, facts }: HttpParts, status: NodeStatus) {
  const local = new Map(status.shards.map((shard) => [shard.shard, shard]));
  return shards.map(({ shard, epoch, primary, replicas }) => {
    const replica = local.get(shard);
    return {
      shard,
      epoch,
      primary,
      replicas,
      role: primary === facts.uuid ? 'primary' : 'secondary',
      state: replica?.state ?? 'absent',
      series: replica?.seriesCount ?? 0,
      memoryBytes: replica?.memoryBytes ?? 0,
      diskBytes: replica?.diskBytes ?? 0,
      faults: replica?.faults ?? [],
    };
  });
}

async function describeNode(parts: HttpParts) {
  const { facts, catalog } = parts;
  const status = await parts.broker.status();
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
    cluster: { uuid: facts.clusterUuid, shardCount: parts.shards.length, replicationFactor: 1 },
    state: status.state,
    reason: status.reason,
    databases: catalog.view.databases.map(({ name }) => name),
    memory: { usedBytes: status.memoryBytes, budgetBytes: status.memoryBudgetBytes },
    disk: {
      logBytes: status.logBytes,
      storeBytes: status.shards.reduce((sum, { diskBytes }) => sum + diskBytes, 0),
      freeBytes: status.diskFreeBytes,
    },
    shards: describeShards(parts, status),
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

export function addInfoRoutes(app: FastifyInstance, parts: HttpParts, metrics: Metrics): void {
  app.get('/info', async (request, reply) => {
    const pretty = readUrlParameters(request).get('pretty');
    const isPretty = pretty !== null && pretty !== 'false';
    return sendJson(reply, renderJson(await describeNode(parts), isPretty));
  });
  app.get('/metrics', async (_request, reply) => {
    return reply.header('Content-Type', metrics.contentType).send(await metrics.render());
  });
  app.get('/debug/vars', async (_request, reply) =>
    sendJson(reply, renderJson(describeVariables(parts), false)),
  );
}

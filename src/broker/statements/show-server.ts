/** SHOW STATS and SHOW DIAGNOSTICS: what the node knows about itself, as tables. */

import { formatGoDuration } from '../../influxql/duration.ts';
import { formatTime } from '../../query/format/format-time.ts';
import type { Cell, SeriesPiece } from '../../query/result.ts';
import type { ShardStatus } from '../../rpc/data-node-api.ts';
import type { SubscriberStatus } from '../requests.ts';
import { makeTable } from './make-table.ts';
import type { StatementParts } from './statement-parts.ts';

type Values = Readonly<Record<string, Cell>>;

function makeRow(name: string, values: Values, tags?: SeriesPiece['tags']): SeriesPiece {
  const row = Object.values(values).map((value) =>
    typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value,
  );
  return { ...makeTable(name, Object.keys(values), [row]), tags };
}

function shardRow(shard: ShardStatus): SeriesPiece {
  const { seriesCount, diskBytes, memoryBytes, lsn, replayFrom, partitions, faults } = shard;
  const values = {
    diskBytes,
    memBytes: memoryBytes,
    numFaults: faults.length,
    numPartitions: partitions.length,
    numSeries: seriesCount,
    unflushedEntries: Math.max(0, lsn - replayFrom),
  };
  return makeRow('shard', values, [['id', String(shard.shard)]]);
}

/** Names and tags as InfluxDB has them, and what it does not count. */
function subscriberRow(status: SubscriberStatus): SeriesPiece {
  const { database, policy, name, mode, destination, pointsSent, failures, ...rest } = status;
  const { entriesDropped, lagBytes, lagEntries, pointsRefused } = rest;
  const values = {
    entriesDropped,
    lagBytes,
    lagEntries,
    pointsRefused,
    pointsWritten: pointsSent,
    writeFailures: failures,
  };
  return makeRow('subscriber', values, [
    ['database', database],
    ['destination', destination],
    ['mode', mode],
    ['name', name],
    ['retention_policy', policy],
  ]);
}

/** All together, then each. */
function subscriberRows(all: readonly SubscriberStatus[]): SeriesPiece[] {
  const sums = {
    createFailures: 0,
    pointsWritten: all.reduce((sum, { pointsSent }) => sum + pointsSent, 0),
    writeFailures: all.reduce((sum, { failures }) => sum + failures, 0),
  };
  return [makeRow('subscriber', sums), ...all.map(subscriberRow)];
}

/** `module`: '' = all. */
export async function showStats(parts: StatementParts, module: string): Promise<SeriesPiece[]> {
  const { stats, env, dataNode } = parts;
  const status = await dataNode.status();
  const memory = env.host.memory();
  const all = [
    makeRow('runtime', {
      Alloc: memory.heapUsedBytes,
      HeapAlloc: memory.heapUsedBytes,
      HeapSys: memory.heapTotalBytes,
      External: memory.externalBytes,
      Sys: memory.residentBytes,
    }),
    makeRow('queryExecutor', {
      queriesActive: stats.queriesActive,
      queriesExecuted: stats.queriesStarted,
      queriesFinished: stats.queriesStarted - stats.queriesActive,
      queryDurationNs: BigInt(Math.round(stats.queryMs * 1e6)),
      recoveredPanics: 0,
    }),
    makeRow('cq', {
      queryFail: stats.continuousQueriesFailed,
      queryOk: stats.continuousQueriesOk,
    }),
    makeRow('store', {
      diskFreeBytes: status.diskFreeBytes,
      logBytes: status.logBytes,
      memBytes: status.memoryBytes,
      memBudgetBytes: status.memoryBudgetBytes,
    }),
    ...status.shards.filter(({ kind = 'tstore' }) => kind === 'tstore').map(shardRow),
    ...subscriberRows(stats.subscribers?.() ?? []),
    makeRow('write', {
      pointReq: stats.pointsWritten + stats.pointsDropped + stats.pointsFailed,
      req: stats.writeRequests,
      writeDrop: stats.pointsDropped,
      writeError: stats.pointsFailed,
      writeOk: stats.pointsWritten,
    }),
  ];
  return all.filter(({ name }) => module === '' || name === module);
}

export function showDiagnostics(parts: StatementParts, module: string): SeriesPiece[] {
  const { env, build } = parts;
  const { host, clock } = env;
  const nowMs = clock.wallMs();
  const uptimeNs = BigInt(Math.max(0, nowMs - build.startedMs)) * 1_000_000n;
  const all = [
    makeRow('build', {
      Branch: 'unknown',
      'Build Time': '',
      Commit: 'unknown',
      Version: build.version,
    }),
    makeRow('network', { hostname: host.hostname }),
    makeRow('runtime', {
      GOARCH: host.architecture,
      GOMAXPROCS: host.cpuCount,
      GOOS: host.platform,
      version: host.runtimeVersion,
    }),
    makeRow('system', {
      PID: host.processId,
      currentTime: formatTime(clock.wallNs()),
      started: formatTime(BigInt(build.startedMs) * 1_000_000n),
      uptime: formatGoDuration(uptimeNs),
    }),
  ];
  return all.filter(({ name }) => module === '' || name === module);
}

/**
 * What the node tells Prometheus. Counts are kept where things happen, as plain numbers, and read when
 * somebody asks; only request times are measured here.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { BrokerStats, NodeStatus } from '../../broker/requests.ts';
import type { ClusterMap } from '../../model/cluster.ts';
import type { HttpParts } from '../parts.ts';
import { countMoves } from '../routes/describe-cluster.ts';
import { showReadings } from './show-readings.ts';

const secondsBuckets = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];

export interface ObservedRequest {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  readonly requestBytes: number;
}

export interface Metrics {
  observe(request: ObservedRequest): void;
  readonly contentType: string;
  /** Prometheus text. */
  render(): Promise<string>;
}

interface Reading {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

function readingsOf(stats: BrokerStats): readonly (Reading & { kind: 'counter' | 'gauge' })[] {
  const counter = (name: string, help: string, read: () => number) =>
    ({ kind: 'counter', name: `citadel_${name}_total`, help, read }) as const;
  return [
    counter('write_requests', 'Write requests taken', () => stats.writeRequests),
    counter('points_written', 'Points stored', () => stats.pointsWritten),
    counter('points_dropped', 'Points refused by content', () => stats.pointsDropped),
    counter('points_failed', 'Points not stored or unknown', () => stats.pointsFailed),
    counter('queries_started', 'Queries begun', () => stats.queriesStarted),
    counter('queries_failed', 'Queries with an error', () => stats.queriesFailed),
    {
      kind: 'gauge',
      name: 'citadel_queries_active',
      help: 'Queries under way',
      read: () => stats.queriesActive,
    },
  ];
}

/** Counters that live elsewhere are shown as they are, at the moment of asking. */
function addReadings(registry: Registry, stats: BrokerStats): void {
  for (const { kind, name, help, read } of readingsOf(stats)) {
    const registers = [registry];
    if (kind === 'gauge') {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    } else {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    }
  }
}

/** What the node did about damage on disk. */
function addCare(registry: Registry): (status: NodeStatus) => void {
  const care = [
    ['scrubbed_bytes', 'Bytes on disk read and checked', 'scrubbedBytes'],
    ['scrub_rounds', 'Times that all of them were', 'scrubRounds'],
    ['damage_found', 'Stores and log segments in which damage was found', 'damageFound'],
    ['damage_healed', 'Those whose contents are whole again', 'damageHealed'],
  ] as const;
  const careCounters = care.map(([name, help, field]) => {
    const registers = [registry];
    return { counter: new Counter({ name: `citadel_${name}_total`, help, registers }), field };
  });
  return ({ care: counts }) => {
    for (const { counter, field } of careCounters) {
      counter.reset();
      counter.inc(counts?.[field] ?? 0);
    }
  };
}

/** Gauges from one status of the data node, asked for once per rendering. */
function addStatus(registry: Registry): (status: NodeStatus) => void {
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `citadel_${name}`, help, registers: [registry], labelNames });
  const healthy = gauge('healthy', '1 when reads and writes are taken');
  const memory = gauge('memory_bytes', 'Memtables and caches');
  const budget = gauge('memory_budget_bytes', 'What they may take');
  const log = gauge('log_bytes', 'Commit logs on disk');
  const diskFree = gauge('disk_free_bytes', 'Room in the data directory');
  const shardMemory = gauge('shard_memory_bytes', 'Memtables of a shard', ['kind', 'shard']);
  const shardDisk = gauge('shard_disk_bytes', 'Files of a shard', ['kind', 'shard']);
  const shardSeries = gauge('shard_series', 'Series of a shard', ['kind', 'shard']);
  const shardUnflushed = gauge('shard_unflushed_entries', 'Log entries not in files', [
    'kind',
    'shard',
  ]);
  const shardFaults = gauge('shard_faults', 'Damaged places found on disk', ['kind', 'shard']);
  const shardPrimary = gauge('shard_primary', '1 where this node is primary of the shard', [
    'kind',
    'shard',
  ]);
  const shardEpoch = gauge('shard_epoch', 'Epoch of the shard as this node knows it', [
    'kind',
    'shard',
  ]);
  const shardLag = gauge('shard_lag_entries', 'Entries that others have and this one lacks', [
    'kind',
    'shard',
  ]);
  const shardActive = gauge('shard_active', '1 when the copy here serves reads and writes', [
    'kind',
    'shard',
  ]);
  const showCare = addCare(registry);
  const ofShards = [shardMemory, shardDisk, shardSeries, shardUnflushed, shardFaults];
  ofShards.push(shardPrimary, shardEpoch, shardLag, shardActive);
  return (status) => {
    healthy.set(status.state === 'ok' ? 1 : 0);
    memory.set(status.memoryBytes);
    budget.set(status.memoryBudgetBytes);
    log.set(status.logBytes);
    diskFree.set(status.diskFreeBytes);
    showCare(status);
    // A shard may have left since the last time.
    for (const one of ofShards) one.reset();
    for (const shard of status.shards) {
      const labels = { kind: shard.kind ?? 'tstore', shard: String(shard.shard) };
      shardMemory.set(labels, shard.memoryBytes);
      shardDisk.set(labels, shard.diskBytes);
      shardSeries.set(labels, shard.seriesCount);
      shardUnflushed.set(labels, Math.max(0, shard.lsn - shard.replayFrom));
      shardFaults.set(labels, shard.faults.length);
      const { replication } = shard;
      const isActive = (replication?.phase ?? 'active') === 'active' && shard.state === 'active';
      shardActive.set(labels, isActive ? 1 : 0);
      shardPrimary.set(labels, (replication?.isPrimary ?? true) ? 1 : 0);
      shardEpoch.set(labels, replication?.epoch ?? 1);
      shardLag.set(labels, replication?.lagEntries ?? 0);
    }
  };
}

/** Gauges of the cluster map. */
function addMap(registry: Registry): (map: ClusterMap) => void {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `citadel_cluster_${name}`, help, registers: [registry] });
  const nodes = gauge('nodes', 'Nodes with a live lease, as this one knows');
  const version = gauge('map_version', 'Version of the cluster map known here');
  const missing = gauge('missing_copies', 'Copies of shards on nodes without a live lease');
  const degraded = gauge('degraded_shards', 'Shards whose primary was chosen without a majority');
  const moves = gauge('moves', 'Copies of shards that fill up or leave');
  return (map) => {
    const records = Object.values(map.shards).flat();
    const isAlone = map.nodes.size === 0;
    const isGone = (node: string) => !isAlone && !map.nodes.has(node);
    nodes.set(isAlone ? 1 : map.nodes.size);
    version.set(map.version);
    missing.set(records.reduce((sum, { replicas }) => sum + replicas.filter(isGone).length, 0));
    degraded.set(records.filter((record) => record.degraded).length);
    const { filling, leaving } = countMoves(map);
    moves.set(filling + leaving);
  };
}

export function createMetrics(parts: Pick<HttpParts, 'broker' | 'services' | 'access'>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addReadings(registry, parts.broker.stats);
  const showStatus = addStatus(registry);
  const showMap = addMap(registry);
  const showServices = showReadings(registry);
  const registers = [registry];
  const requests = new Counter({
    name: 'citadel_http_requests_total',
    help: 'Requests answered',
    labelNames: ['route', 'method', 'status'],
    registers,
  });
  const requestBytes = new Counter({
    name: 'citadel_http_request_bytes_total',
    help: 'Bytes of request bodies',
    labelNames: ['route'],
    registers,
  });
  const durations = new Histogram({
    name: 'citadel_http_request_duration_seconds',
    help: 'From the head of a request to the end of its answer',
    labelNames: ['route'],
    buckets: secondsBuckets,
    registers,
  });
  return {
    contentType: registry.contentType,
    observe({ route, method, status, seconds, requestBytes: size }) {
      requests.inc({ route, method, status });
      durations.observe({ route }, seconds);
      if (size > 0) requestBytes.inc({ route }, size);
    },
    async render() {
      showMap(parts.broker.map);
      showServices([...parts.access.readings(), ...(parts.services?.readings() ?? [])]);
      showStatus(await parts.broker.status());
      return registry.metrics();
    },
  };
}

/**
 * Every setting of the server in one table: flag `-name`, environment variable `CITADEL_NAME`, key
 * `name` of the configuration file. Help, parsing and checks all follow from it.
 */

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { FsyncMode } from '../../src/node/config.ts';
import { UsageError } from '../flags/usage-error.ts';
import {
  readChoice,
  readDurationMs,
  readInteger,
  readListenAddress,
  readSize,
} from '../flags/value-readers.ts';

/** The facts about this machine that defaults depend on. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly memoryBytes: number;
  readonly cores: number;
}

export interface Setting<T> {
  readonly group: 'Basics' | 'Storage' | 'Cluster' | 'Limits' | 'Logging';
  /** Name of the value in the help. */
  readonly value: string;
  readonly help: string;
  /** The default as text, read like any other value. */
  readonly fallback: (machine: Machine) => string;
  /** What the help shows when the default depends on the machine. */
  readonly shownDefault?: string;
  readonly read: (text: string, machine: Machine) => T;
}

const shardCountMax = 4096;
const threadsMax = 64;
const memoryBytesMin = 32 * 2 ** 20;
const leaseMsMin = 2_000;
const leaseMsMax = 60_000;
const replaceAfterMsMin = 1_000;
const replicasMax = 7;
const portMax = 65_535;
const noMaximum = Number.MAX_SAFE_INTEGER;

function defaultDataDir({ env }: Machine): string {
  const home = env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share');
  return join(home, 'citadel');
}

function readDirectory(text: string): string {
  if (text.trim() === '') throw new UsageError('expected a directory');
  return resolve(text);
}

/** Empty = keep what the data directory has. */
function readShardCount(text: string): number | undefined {
  if (text === '') return undefined;
  const count = Number(text);
  const fits = /^\d+$/.test(text) && count >= 1 && count <= shardCountMax;
  if (!fits || !Number.isInteger(Math.log2(count))) {
    throw new UsageError(`expected a power of two, 1 to ${shardCountMax}`);
  }
  return count;
}

function readUuid(text: string): string {
  if (text === '') return '';
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
  if (!isUuid)
    throw new UsageError('expected a UUID, such as 0b9d6c1e-3a52-4c7e-9a43-2f6f5b1c8d10');
  return text.toLowerCase();
}

function readUrls(text: string): string[] {
  if (text.trim() === '') return [];
  const urls = text.split(',').map((url) => url.trim());
  const wellFormed = urls.every(
    (url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol),
  );
  if (!wellFormed) throw new UsageError('expected etcd URLs, such as http://10.0.0.1:2379');
  return urls;
}

/** Resolves with `http://HOST:PORT`; '' stays. */
function readGrpcUrl(text: string): string {
  if (text === '') return '';
  const url = `http://${text.replace(/^[a-z]+:\/\//, '')}`;
  const fits = URL.canParse(url) && /:\d+\/?$/.test(url) && new URL(url).hostname !== '';
  if (!fits) throw new UsageError('expected HOST:PORT, such as 10.0.0.1:7087');
  return url.replace(/\/$/, '');
}

/** Part of every key in etcd. */
function readClusterName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return text;
  throw new UsageError('expected letters, digits, dots, dashes and underscores, at most 64');
}

function readZone(text: string): string {
  if (text.length <= 64 && /^[ -~]*$/.test(text)) return text;
  throw new UsageError('expected at most 64 printable ASCII characters');
}

function readLeaseMs(text: string): number {
  const leaseMs = readDurationMs(text);
  if (leaseMs >= leaseMsMin && leaseMs <= leaseMsMax) return leaseMs;
  throw new UsageError('expected 2s to 60s');
}

function readReplaceAfterMs(text: string): number {
  const replaceAfterMs = readDurationMs(text);
  if (replaceAfterMs >= replaceAfterMsMin) return replaceAfterMs;
  throw new UsageError('expected 1s or more');
}

function readFileName(text: string): string {
  return text === '' ? '' : resolve(text);
}

function fileOfEtcd(help: string): Setting<string> {
  return {
    group: 'Cluster',
    value: 'FILE',
    help,
    fallback: () => '',
    shownDefault: 'empty',
    read: readFileName,
  };
}

function readMemory(text: string, { memoryBytes }: Machine): number {
  const bytes = readSize(text, memoryBytes);
  if (bytes < memoryBytesMin) throw new UsageError('expected 32MiB or more');
  return bytes;
}

/** A size, or a share of what -memory gives: known only when all settings are. */
export type ShareOfMemory = (memoryBytes: number) => number;

function readShareOfMemory(text: string): ShareOfMemory {
  if (readSize(text, noMaximum) === 0) return () => Number.POSITIVE_INFINITY;
  return (memoryBytes) => readSize(text, memoryBytes);
}

function memoryLimit(help: string, share: string): Setting<ShareOfMemory> {
  return {
    group: 'Limits',
    value: 'SIZE',
    help: `${help}: a size or a share of -memory (0 = no limit)`,
    fallback: () => share,
    read: readShareOfMemory,
  };
}

/** 0 means no limit, as in InfluxDB. */
function readBodySize(text: string): number {
  const bytes = readSize(text);
  return bytes === 0 ? noMaximum : bytes;
}

function limit(help: string): Setting<number> {
  return {
    group: 'Limits',
    value: 'N',
    help: `${help} (0 = no limit)`,
    fallback: () => '0',
    read: (text) => readInteger(text, { min: 0, max: noMaximum }),
  };
}

function setting<T>(described: Setting<T>): Setting<T> {
  return described;
}

export const settings = {
  db: setting({
    group: 'Basics',
    value: 'DIR',
    help: 'data directory; made when missing',
    fallback: defaultDataDir,
    shownDefault: '$XDG_DATA_HOME/citadel, else ~/.local/share/citadel',
    read: readDirectory,
  }),
  http: setting({
    group: 'Basics',
    value: 'HOST:PORT',
    help: 'address of the HTTP API; :7086 listens on all addresses, IPv6 goes in [brackets]',
    fallback: () => '127.0.0.1:7086',
    read: readListenAddress,
  }),
  threads: setting({
    group: 'Basics',
    value: 'N',
    help: 'threads that store and scan data',
    fallback: ({ cores }) => String(Math.max(1, Math.min(2, cores))),
    shownDefault: '2, or 1 on a single core',
    read: (text) => readInteger(text, { min: 1, max: threadsMax }),
  }),
  memory: setting({
    group: 'Storage',
    value: 'SIZE',
    help: 'memory for recent data and caches: a size or a share of all memory',
    fallback: () => '25%',
    read: readMemory,
  }),
  shards: setting({
    group: 'Storage',
    value: 'N',
    help: 'number of shards, a power of two; fixed when the data directory is made',
    fallback: () => '',
    shownDefault: '16 for a new data directory',
    read: readShardCount,
  }),
  fsync: setting<FsyncMode>({
    group: 'Storage',
    value: 'WHEN',
    help: 'always: an answered write survives a power cut; interval: all but the last -fsync-interval do; never: leave it to the system',
    fallback: () => 'always',
    read: (text) => readChoice(text, ['always', 'interval', 'never']),
  }),
  'fsync-interval': setting({
    group: 'Storage',
    value: 'TIME',
    help: 'time between syncs with -fsync interval',
    fallback: () => '1s',
    read: (text) => {
      const intervalMs = readDurationMs(text);
      if (intervalMs < 1) throw new UsageError('expected 1ms or more');
      return intervalMs;
    },
  }),
  kvstore: setting({
    group: 'Cluster',
    value: 'URLS',
    help: 'etcd URLs, with commas: this node joins the cluster kept there; empty = it keeps its own metadata',
    fallback: () => '',
    shownDefault: 'empty',
    read: readUrls,
  }),
  grpc: setting({
    group: 'Cluster',
    value: 'HOST:PORT',
    help: 'address for traffic between nodes; :7087 listens on all addresses',
    fallback: () => '127.0.0.1:7087',
    read: readListenAddress,
  }),
  url: setting({
    group: 'Cluster',
    value: 'URL',
    help: 'gRPC URL at which other nodes reach this one',
    fallback: () => '',
    shownDefault: 'the -grpc address, with the name of this machine for all addresses',
    read: readGrpcUrl,
  }),
  'snapshot-port': setting({
    group: 'Cluster',
    value: 'PORT',
    help: 'port from which other nodes fetch whole shards, on the host of -grpc; 0 = any free one',
    fallback: () => '0',
    read: (text) => readInteger(text, { min: 0, max: portMax }),
  }),
  cluster: setting({
    group: 'Cluster',
    value: 'NAME',
    help: 'name of the cluster: several can share one etcd',
    fallback: () => 'default',
    read: readClusterName,
  }),
  replicas: setting({
    group: 'Cluster',
    value: 'N',
    help: 'copies of every shard; taken from the first node of a new cluster',
    fallback: () => '2',
    read: (text) => readInteger(text, { min: 1, max: replicasMax }),
  }),
  zone: setting({
    group: 'Cluster',
    value: 'NAME',
    help: 'where this node stands (rack, building): copies of a shard are spread over zones',
    fallback: () => '',
    shownDefault: 'empty',
    read: readZone,
  }),
  consistency: setting<'auto' | 'one' | 'quorum' | 'all'>({
    group: 'Cluster',
    value: 'LEVEL',
    help: 'copies a write must be on before it is answered, when the client does not say: auto, one, quorum or all',
    fallback: () => 'auto',
    read: (text) => readChoice(text, ['auto', 'one', 'quorum', 'all']),
  }),
  lease: setting({
    group: 'Cluster',
    value: 'TIME',
    help: 'a node that etcd has not heard of for so long counts as gone',
    fallback: () => '5s',
    read: readLeaseMs,
  }),
  'replace-after': setting({
    group: 'Cluster',
    value: 'TIME',
    help: 'the copies of a node that was away for so long are made anew on others',
    fallback: () => '10m',
    read: readReplaceAfterMs,
  }),
  'kvstore-user': setting({
    group: 'Cluster',
    value: 'NAME',
    help: 'user for etcd',
    fallback: () => '',
    shownDefault: 'empty',
    read: (text) => text,
  }),
  'kvstore-password-file': fileOfEtcd('file with the password for etcd'),
  'kvstore-ca': fileOfEtcd('certificate authority of etcd, PEM'),
  'kvstore-cert': fileOfEtcd('client certificate for etcd, PEM'),
  'kvstore-key': fileOfEtcd('key of the client certificate, PEM'),
  uuid: setting({
    group: 'Cluster',
    value: 'UUID',
    help: 'id of this node',
    fallback: () => '',
    shownDefault: 'made at first start and kept in the data directory',
    read: readUuid,
  }),
  'max-body-size': setting({
    group: 'Limits',
    value: 'SIZE',
    help: 'largest request body (0 = no limit)',
    fallback: () => '25000000',
    read: readBodySize,
  }),
  'query-timeout': setting({
    group: 'Limits',
    value: 'TIME',
    help: 'queries that run longer are stopped (0 = no limit)',
    fallback: () => '0',
    read: readDurationMs,
  }),
  'max-concurrent-queries': limit('queries running at the same time'),
  'max-select-point': limit('points one SELECT may read'),
  'max-select-series': limit('series one SELECT may read'),
  'max-select-buckets': limit('GROUP BY time() buckets one SELECT may make'),
  'max-query-memory': memoryLimit('memory one query may hold', '25%'),
  'total-query-memory': memoryLimit('memory all queries together may hold', '50%'),
  'log-level': setting<'debug' | 'info' | 'warn' | 'error'>({
    group: 'Logging',
    value: 'LEVEL',
    help: 'debug, info, warn or error',
    fallback: () => 'info',
    read: (text) => readChoice(text, ['debug', 'info', 'warn', 'error']),
  }),
  'log-format': setting<'auto' | 'json' | 'logfmt' | 'text'>({
    group: 'Logging',
    value: 'FORMAT',
    help: 'json, logfmt, text, or auto: text on a terminal, else json',
    fallback: () => 'auto',
    read: (text) => readChoice(text, ['auto', 'json', 'logfmt', 'text']),
  }),
};

export type SettingName = keyof typeof settings;

export type SettingValues = {
  readonly [Name in SettingName]: ReturnType<(typeof settings)[Name]['read']>;
};

export const settingNames = Object.keys(settings) as SettingName[];

export function environmentName(name: string): string {
  return `CITADEL_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** How this node is one of a cluster. */

import { resolve } from 'node:path';
import { UsageError } from '../../flags/usage-error.ts';
import {
  readChoice,
  readDurationMs,
  readInteger,
  readListenAddress,
} from '../../flags/value-readers.ts';
import { type Setting, setting } from './setting.ts';

const leaseMsMin = 2_000;
const leaseMsMax = 60_000;
const replaceAfterMsMin = 1_000;
const replicasMax = 7;
const portMax = 65_535;

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

const grpcUsual = '127.0.0.1:7087';

/** '' = the usual one. */
function readGrpcAddress(text: string) {
  return { ...readListenAddress(text || grpcUsual), isAsked: text !== '' };
}

/** Returns `http://HOST:PORT`; '' stays. */
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

export const clusterSettings = {
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
    help: 'address of the gRPC API, and in a cluster of the traffic between nodes; :7087 listens on all addresses',
    fallback: () => '',
    shownDefault: '127.0.0.1:7087; a node that is alone goes without when that is taken',
    read: readGrpcAddress,
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
};

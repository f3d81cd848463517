/**
 * The ways in beside HTTP, off by default. Names and defaults are those of InfluxDB's [[udp]] and [[graphite]]:
 * `batch-size` of [[udp]] is `-udp-batch-size`.
 */

import { UsageError } from '../../flags/usage-error.ts';
import {
  type ListenAddress,
  readChoice,
  readDurationMs,
  readInteger,
  readListenAddress,
  readSize,
} from '../../flags/value-readers.ts';
import { type Setting, setting } from './setting.ts';

const group = 'Services';
const batchSizeMax = 1_000_000;
const pendingMax = 10_000;
const readBufferMax = 2 ** 31 - 1;

function address(help: string): Setting<ListenAddress | undefined> {
  return {
    group,
    value: 'HOST:PORT',
    help,
    fallback: () => '',
    shownDefault: 'off',
    read: (text) => (text === '' ? undefined : readListenAddress(text)),
  };
}

function text(value: string, help: string, byDefault: string): Setting<string> {
  return { group, value, help, fallback: () => byDefault, read: (given) => given };
}

function count(help: string, byDefault: number, max: number): Setting<number> {
  return {
    group,
    value: 'N',
    help,
    fallback: () => String(byDefault),
    read: (given) => readInteger(given, { min: 1, max }),
  };
}

function batchTimeout(): Setting<number> {
  return {
    group,
    value: 'TIME',
    help: 'a batch waits no longer for more points',
    fallback: () => '1s',
    read: (given) => Math.max(1, readDurationMs(given)),
  };
}

function readBuffer(): Setting<number> {
  return {
    group,
    value: 'SIZE',
    help: 'what the system may hold of datagrams (0 = its default; it has a maximum of its own)',
    fallback: () => '0',
    read: (given) => Math.min(readBufferMax, readSize(given)),
  };
}

function splitList(given: string, separator: string): readonly string[] {
  return given
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function readTags(given: string): readonly string[] {
  const tags = splitList(given, ',');
  const wrong = tags.find((tag) => !/^[^=]+=[^=]+$/.test(tag));
  if (wrong !== undefined) throw new UsageError('expected tags such as region=eu,zone=1');
  return tags;
}

export const listenerSettings = {
  udp: address('takes line protocol in UDP datagrams here; InfluxDB uses :8089'),
  'udp-database': text('NAME', 'where its points go; made when missing', 'udp'),
  'udp-retention-policy': text('NAME', 'where its points go; empty = the default one', ''),
  'udp-precision': setting({
    group,
    value: 'UNIT',
    help: 'of timestamps: n, u, ms, s, m or h (collectd: ms)',
    fallback: () => 'n',
    read: (given) => readChoice(given || 'n', ['n', 'ns', 'u', 'ms', 's', 'm', 'h']),
  }),
  'udp-batch-size': count('points that are written together', 5_000, batchSizeMax),
  'udp-batch-pending': count('batches that may wait; more is dropped, and counted', 10, pendingMax),
  'udp-batch-timeout': batchTimeout(),
  'udp-read-buffer': readBuffer(),
  graphite: address("takes Graphite's plain text here; InfluxDB uses :2003"),
  'graphite-protocol': setting({
    group,
    value: 'tcp|udp',
    help: 'how it comes',
    fallback: () => 'tcp',
    read: (given) => readChoice(given, ['tcp', 'udp'] as const),
  }),
  'graphite-database': text('NAME', 'where its points go; made when missing', 'graphite'),
  'graphite-retention-policy': text('NAME', 'where its points go; made when missing', ''),
  'graphite-separator': text('TEXT', 'joins the parts of a name that a template joins', '.'),
  'graphite-tags': setting({
    group,
    value: 'TAGS',
    help: 'key=value,... of points that lack them',
    fallback: () => '',
    read: readTags,
  }),
  'graphite-templates': setting({
    group,
    value: 'TEMPLATES',
    help: "'[filter] template [key=value,...]', several with ; between (a list in a file)",
    fallback: () => '',
    separator: ';',
    read: (given) => splitList(given, ';'),
  }),
  'graphite-batch-size': count('points that are written together', 5_000, batchSizeMax),
  'graphite-batch-pending': count('batches that may wait; TCP is then not read', 10, pendingMax),
  'graphite-batch-timeout': batchTimeout(),
  'graphite-udp-read-buffer': readBuffer(),
};

/** How data is kept. */

import type { FsyncMode } from '../../../src/node/config.ts';
import { UsageError } from '../../flags/usage-error.ts';
import { readChoice, readDurationMs, readSize } from '../../flags/value-readers.ts';
import { type Machine, setting } from './setting.ts';

const shardCountMax = 4096;
const memoryBytesMin = 32 * 2 ** 20;
const intervalMsMin = 100;
const rateMin = 64 * 2 ** 10;

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

function readMemory(text: string, { memoryBytes }: Machine): number {
  const bytes = readSize(text, memoryBytes);
  if (bytes < memoryBytesMin) throw new UsageError('expected 32MiB or more');
  return bytes;
}

/** 0 = never. */
function readInterval(text: string): number {
  const intervalMs = readDurationMs(text);
  if (intervalMs === 0 || intervalMs >= intervalMsMin) return intervalMs;
  throw new UsageError('expected 100ms or more, or 0 for never');
}

function readRate(text: string): number {
  const bytes = readSize(text);
  if (bytes >= rateMin) return bytes;
  throw new UsageError('expected 64KiB or more');
}

export const storageSettings = {
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
  'scrub-interval': setting({
    group: 'Storage',
    value: 'TIME',
    help: 'all files are read and checked so often, and what is damaged is fetched from other nodes; 0 = never',
    fallback: () => '24h',
    read: readInterval,
  }),
  'scrub-rate': setting({
    group: 'Storage',
    value: 'SIZE',
    help: 'so many bytes are read for that in a second',
    fallback: () => '16MiB',
    read: readRate,
  }),
  'compare-interval': setting({
    group: 'Storage',
    value: 'TIME',
    help: 'copies of a shard that changes are compared so often, others a 24th of that; 0 = never',
    fallback: () => '1h',
    read: readInterval,
  }),
};

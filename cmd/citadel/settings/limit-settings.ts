/** How much one request and all together may take. */

import { readDurationMs, readInteger, readSize } from '../../flags/value-readers.ts';
import { noMaximum, type Setting, setting } from './setting.ts';

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

export const limitSettings = {
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
};

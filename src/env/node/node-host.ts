/** This process and the machine under it. */

import { availableParallelism, hostname } from 'node:os';
import type { Host } from '../env.ts';
import { noteDropped } from './dropped-buffers.ts';

export const nodeHost: Host = {
  hostname: hostname(),
  platform: process.platform,
  architecture: process.arch,
  runtimeVersion: process.version,
  cpuCount: availableParallelism(),
  processId: process.pid,
  memory: () => {
    const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
    return {
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      externalBytes: external,
      residentBytes: rss,
    };
  },
  noteDropped,
};

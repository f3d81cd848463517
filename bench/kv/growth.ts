/**
 * One node while a table grows: rate, CPU, memory and disk at every tenth of the keys, which are new and random. What
 * must stay bounded is the memory; rate and CPU show what flushes into larger files cost.
 */

import { randomBytes } from 'node:crypto';
import { startCitadel } from '../../test/support/citadel-process.ts';
import { findFreePort } from '../../test/support/free-port.ts';
import { readDisk, readMemory } from '../load/process-facts.ts';
import { mebibytes, printTable } from '../load/table.ts';
import { GrpcCaller } from './server.ts';
import { batchSize, keySize, measure, value } from './workload.ts';

const steps = 10;
/** Batches under way. */
const lanes = 8;
const ends = Uint32Array.from({ length: batchSize }, (_, i) => (i + 1) * keySize);

export async function benchGrowth(keyCount: number, nodeArgs: readonly string[]): Promise<void> {
  const address = `127.0.0.1:${await findFreePort()}`;
  const args = ['-grpc', address, '-log-level', 'error'];
  const server = await startCitadel({ args, nodeArgs });
  const { pid } = server;
  const caller = new GrpcCaller(address);
  const rows = [['keys put', 'per s', 'CPU µs each', 'p99 ms', 'resident', 'at most', 'disk']];
  try {
    const calls = Math.ceil(keyCount / steps / batchSize);
    for (let step = 1; step <= steps; step++) {
      const work = { what: '', calls, operations: batchSize, concurrency: lanes, pid };
      const { perSecond, cpuMicros, p99 } = await measure({
        ...work,
        call: () => caller.put({ bytes: randomBytes(batchSize * keySize), ends }, value),
      });
      const { residentBytes, peakBytes } = readMemory(pid);
      const { sizeBytes } = readDisk(server.dataDir, ['ballast']);
      const rate = `${(perSecond / 1000).toFixed(0)} k`;
      const sizes = [residentBytes, peakBytes, sizeBytes].map(mebibytes);
      const count = String(step * calls * batchSize);
      rows.push([count, rate, cpuMicros.toFixed(1), p99.toFixed(0), ...sizes]);
    }
    await server.stop();
  } finally {
    caller.close();
    await server.cleanUp();
    printTable(rows);
  }
}

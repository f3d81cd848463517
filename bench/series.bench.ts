/**
 * A million series of one field and one row each: written, counted, and what memory that takes.
 *
 * Arguments: [series] [influxd]: with the second, influxd does the same for comparison.
 */

import { type Contender, startOurs, startTheirs } from './load/contenders.ts';
import { measureDisk, measureLoad, pause } from './load/measure.ts';
import { readMemory } from './load/process-facts.ts';
import { mebibytes, printTable } from './load/table.ts';

const [, , countText = '1000000', other] = process.argv;
const count = Number(countText);
const database = 'many';
const settleMs = 15_000;

async function measure(server: Contender): Promise<string[]> {
  const base = readMemory(server.pid).residentBytes;
  const load = await measureLoad(server, {
    database,
    kind: 'series',
    rows: count,
    rowsPerBody: 5_000,
    connections: 4,
  });
  await pause(settleMs);
  const start = performance.now();
  const answer = await server.query(database, 'SELECT count(value) FROM sensor');
  const countMs = performance.now() - start;
  const parsed = JSON.parse(answer.body.toString()) as {
    results: { series: { values: [string, number][] }[] }[];
  };
  const counted = parsed.results[0]?.series[0]?.values[0]?.[1];
  if (counted !== count) throw new Error(`${server.name} counted ${counted}`);
  const memory = readMemory(server.pid);
  return [
    server.name,
    `${(load.rowsPerSecond / 1e3).toFixed(1)} k series/s`,
    `${countMs.toFixed(0)} ms`,
    mebibytes(memory.residentBytes),
    mebibytes(memory.peakBytes),
    `${((memory.residentBytes - base) / count).toFixed(0)} bytes`,
    mebibytes(measureDisk(server).allocatedBytes),
  ];
}

async function run(start: () => Promise<Contender>): Promise<string[]> {
  const server = await start();
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

const rows = [['', 'write', 'count', 'memory', 'peak (goal < 1.2 GB)', 'per series', 'disk']];
rows.push(await run(() => startOurs()));
if (other === 'influxd') rows.push(await run(startTheirs));
console.log(`${count} series, one row each`);
printTable(rows);

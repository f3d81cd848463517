/**
 * The promises in numbers: ingest, disk and queries of citadel (fsync always) and influxd 1.6.7, the same
 * TSBS rows, the same client, one after the other in one run. Needs `npm run build` and the package `influxdb`.
 *
 * Arguments: [integer|float] [rows] [connections]
 */

import { type Contender, startOurs, startTheirs } from './load/contenders.ts';
import {
  compareAnswers,
  type LoadFacts,
  measureDisk,
  measureLoad,
  measureQueries,
  pause,
  type QueryFacts,
} from './load/measure.ts';
import { type DiskFacts, readMemory } from './load/process-facts.ts';
import { mebibytes, printTable, ratio } from './load/table.ts';
import { tsbsDay } from './tsbs/tsbs-cpu.ts';

const [, , kind = 'integer', rowsText = String(tsbsDay.rows), connectionText = '4'] = process.argv;
const rows = Number(rowsText);
const database = 'benchmark';
const settleMs = 30_000;
const queryRuns = 7;

interface Facts {
  readonly load: LoadFacts;
  readonly disk: DiskFacts;
  readonly residentBytes: number;
  readonly queries: readonly QueryFacts[];
}

async function measure(server: Contender): Promise<Facts> {
  const load = await measureLoad(server, {
    database,
    kind: kind === 'float' ? 'float' : 'integer',
    rows,
    rowsPerBody: 5_000,
    connections: Number(connectionText),
  });
  await pause(settleMs);
  const disk = measureDisk(server);
  const { residentBytes } = readMemory(server.pid);
  const queries = await measureQueries(server, database, queryRuns);
  return { load, disk, residentBytes, queries };
}

async function run(start: () => Promise<Contender>): Promise<Facts> {
  const server = await start();
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

console.log(
  `TSBS cpu-only, ${rows} rows of 10 ${kind} fields, batches of 5,000; disk after ${settleMs / 1_000} s`,
);
const theirs = await run(startTheirs);
const ours = await run(() => startOurs());

function diskRows(): string[][] {
  const row = (name: string, part: keyof DiskFacts, goal: string): string[] => {
    const [a, b] = [ours.disk[part], theirs.disk[part]];
    return [name, mebibytes(a), mebibytes(b), ratio(a, b), goal, ''];
  };
  return [
    row('disk, sizes of files', 'sizeBytes', '<= 0.33x'),
    row('disk, blocks in use', 'allocatedBytes', ''),
  ];
}

const perSecond = (facts: Facts): string =>
  `${(facts.load.rowsPerSecond / 1e6).toFixed(3)} M rows/s`;
const milliseconds = (ms: number): string => `${ms.toFixed(1)} ms`;
const table: string[][] = [
  ['', 'citadel', 'influxd', 'ratio', 'goal', 'answers'],
  [
    'ingest',
    perSecond(ours),
    perSecond(theirs),
    ratio(ours.load.rowsPerSecond, theirs.load.rowsPerSecond),
    '>= 4x',
    '',
  ],
  [
    'CPU per row',
    `${ours.load.cpuMicrosPerRow.toFixed(2)} µs`,
    `${theirs.load.cpuMicrosPerRow.toFixed(2)} µs`,
    ratio(theirs.load.cpuMicrosPerRow, ours.load.cpuMicrosPerRow),
    '',
    '',
  ],
  ['request p99', milliseconds(ours.load.p99Ms), milliseconds(theirs.load.p99Ms), '', '', ''],
  ...diskRows(),
  ['memory, peak', mebibytes(ours.load.peakBytes), mebibytes(theirs.load.peakBytes), '', '', ''],
  ['memory, settled', mebibytes(ours.residentBytes), mebibytes(theirs.residentBytes), '', '', ''],
];
ours.queries.forEach(({ name, medianMs, answer }, i) => {
  const other = theirs.queries[i]!;
  const goal = name === 'double-groupby-all' ? '>= 5x' : '';
  const same = compareAnswers(answer, other.answer);
  const speed = ratio(other.medianMs, medianMs);
  table.push([name, milliseconds(medianMs), milliseconds(other.medianMs), speed, goal, same]);
});
printTable(table);
if (ours.load.retries > 0)
  console.log(`citadel asked ${ours.load.retries} times to come back later`);

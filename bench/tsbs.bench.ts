/**
 * All query types of TSBS `cpu-only`, side by side with influxd 1.6.7 in one run: the same rows, requests
 * in turns, answers compared. Needs `npm run build` and the package `influxdb`.
 *
 * Arguments: [hosts[:hours],...] [query,...|all] [seconds per query]; a query may be the start of several names.
 * Default: 100,4000 all 5
 */

import { startOurs, startTheirs } from './load/contenders.ts';
import {
  type Comparison,
  compareQuery,
  loadBoth,
  type Pair,
  settle,
  warmUp,
} from './load/side-by-side.ts';
import { printTable, ratio } from './load/table.ts';
import { cpuOnlyQueries, type DataShape, type QueryType } from './tsbs/cpu-only-queries.ts';
import { tsbsBodies } from './tsbs/tsbs-cpu.ts';

const [, , shapeText = '100,4000', queryText = 'all', secondsText = '5'] = process.argv;
const database = 'benchmark';
const rowsPerBody = 5_000;
const rowsPerHostHour = 360;
const settleMsMax = 120_000;
const warmUpMs = 2_000;
const runs = { min: 5, max: 300 };

/** So many hours that a run takes minutes. */
function hoursFor(hosts: number): number {
  return Math.max(1, Math.min(24, Math.round(8_000 / hosts)));
}

function parseShape(text: string): DataShape {
  const [hostText = '', hourText] = text.split(':');
  const hosts = Number(hostText);
  const hours = hourText === undefined ? hoursFor(hosts) : Number(hourText);
  if (!Number.isInteger(hosts) || hosts < 1 || !(hours > 0)) throw new Error(`bad hosts ${text}`);
  return { hosts, hours };
}

function pickQueries(text: string): readonly QueryType[] {
  if (text === 'all') return cpuOnlyQueries;
  const starts = text.split(',');
  return cpuOnlyQueries.filter(({ name }) => starts.some((start) => name.startsWith(start)));
}

const milliseconds = (ms: number): string => ms.toFixed(ms < 10 ? 2 : 1);

function tableRow({ name, goal }: QueryType, { ours, theirs, equal, runs }: Comparison): string[] {
  return [
    name,
    ...[ours.medianMs, theirs.medianMs].map(milliseconds),
    ratio(theirs.medianMs, ours.medianMs),
    ...[ours.p90Ms, theirs.p90Ms].map(milliseconds),
    ratio(theirs.p90Ms, ours.p90Ms),
    ...[ours.cpuMs, theirs.cpuMs].map(milliseconds),
    ratio(theirs.cpuMs, ours.cpuMs),
    `>= ${goal}x`,
    equal === runs ? `${equal} equal` : `${runs - equal} of ${runs} DIFFERENT`,
  ];
}

const titles = ['ms per query', 'median', 'influxd', 'ratio', 'p90', 'influxd', 'ratio'];
const moreTitles = ['CPU', 'influxd', 'ratio', 'goal', 'answers'];

async function compareAll(pair: Pair, shape: DataShape): Promise<void> {
  const { hosts, hours } = shape;
  const rows = Math.round(hosts * hours * rowsPerHostHour);
  console.log(`\n${hosts} hosts, ${hours} h, ${rows} rows of 10 integer fields`);
  const options = { hosts, rows, float: false, seed: 123 };
  await loadBoth(pair, database, tsbsBodies(options, rowsPerBody));
  await settle(pair, settleMsMax);
  for (const query of pickQueries(queryText)) {
    await warmUp(pair, database, (turn) => query.text(shape, turn), warmUpMs);
  }
  const table = [[...titles, ...moreTitles]];
  for (const query of pickQueries(queryText)) {
    const text = (turn: number): string => query.text(shape, turn);
    const budgetMs = Number(secondsText) * 1_000;
    const compared = await compareQuery(pair, { database, text, runs, budgetMs });
    const row = tableRow(query, compared);
    // A run takes minutes: who waits sees it move.
    console.error(row.join('  '));
    table.push(row);
  }
  printTable(table);
}

async function withServers(run: (pair: Pair) => Promise<void>): Promise<void> {
  const theirs = await startTheirs();
  try {
    const ours = await startOurs();
    try {
      await run({ ours, theirs });
    } finally {
      await ours.stop();
    }
  } finally {
    await theirs.stop();
  }
}

for (const text of shapeText.split(',')) {
  const shape = parseShape(text);
  await withServers((pair) => compareAll(pair, shape));
}

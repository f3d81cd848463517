/**
 * What a long query costs everyone else: pings and writes timed beside one single query that runs for
 * about the given seconds, once a heavy scan and once a heavy answer (many windows to fill and print).
 *
 * Arguments: [seconds]. Needs `npm run build`.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  loadBusyRows,
  percentile,
  runAndDiscard,
  timeRequests,
} from '../test/support/busy-load.ts';
import { type CitadelProcess, startCitadel } from '../test/support/citadel-process.ts';
import { printTable } from './load/table.ts';

const [, , secondsText = '20'] = process.argv;
const seconds = Number(secondsText);
const rows = 600_000;

const scan =
  'SELECT mean(a), stddev(b), percentile(a, 90) FROM m WHERE a * b > 1 AND time >= 1700000000s ' +
  'AND time < 1700006000s GROUP BY time(1m), host';
const answer =
  'SELECT mean(a) FROM m WHERE time >= 1700000000s AND time < 1700006000s GROUP BY time(20ms), host';

/** One request long enough: as many statements of the kind as fill the time. */
async function makeLongQuery(server: CitadelProcess, statement: string): Promise<string> {
  const before = performance.now();
  await runAndDiscard(server, statement);
  const once = performance.now() - before;
  return Array(Math.max(1, Math.ceil((seconds * 1_000) / once)))
    .fill(statement)
    .join(';');
}

async function measure(server: CitadelProcess, kind: string, statement: string): Promise<string[]> {
  const q = await makeLongQuery(server, statement);
  const before = performance.now();
  let isRunning = true;
  const query = runAndDiscard(server, q).finally(() => {
    isRunning = false;
  });
  const { pings, writes } = await timeRequests(server, () => isRunning);
  await query;
  const took = (performance.now() - before) / 1_000;
  const ms = (values: readonly number[], share: number) => percentile(values, share).toFixed(1);
  return [
    kind,
    `${took.toFixed(1)} s`,
    String(pings.length),
    `${ms(pings, 0.5)} / ${ms(pings, 0.99)} / ${ms(pings, 1)} ms`,
    `${ms(writes, 0.5)} / ${ms(writes, 0.99)} / ${ms(writes, 1)} ms`,
  ];
}

const server = await startCitadel();
try {
  await loadBusyRows(server, rows);
  await sleep(8_000);
  const table = [
    ['query', 'took', 'pings', 'ping p50 / p99 / max (goal p99 < 50)', 'write p50 / p99 / max'],
  ];
  table.push(await measure(server, 'scan', scan));
  table.push(await measure(server, 'answer', answer));
  printTable(table);
} finally {
  await server.stop();
  await server.cleanUp();
}

/**
 * How soon a query ends that is ended, whatever it is doing: killed, left by its client, or over its time. From that moment
 * until its answer is complete, and until no thread of the node, or of three nodes, works for it any more. Goal: 100 ms.
 *
 * Arguments: [cluster] [rows, default 1000000] [trials=N, default 5] [only=WORDS of a kind of work] [timeout]. Needs a build.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../test/support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../test/support/citadel-process.ts';
import { CpuWatch } from './cancel/cpu-watch.ts';
import { heavyQueries, loadHeavy } from './cancel/heavy-data.ts';
import { findRunning, openQuery } from './cancel/open-query.ts';
import { printTable } from './load/table.ts';

const words = process.argv.slice(2);
const wordOf = (name: string) =>
  words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
const rows = Number(words.find((word) => /^\d+$/.test(word)) ?? 1_000_000);
const trials = Number(wordOf('trials') ?? 5);
const only = wordOf('only') ?? '';
const timeoutMs = 500;
/** A query runs for so long before it is ended, and a little longer in each trial. */
const headStartMs = 150;
const stepMs = 37;

interface Ending {
  /** ms until the answer was complete; undefined = nobody waits for it. */
  readonly answered: number | undefined;
  readonly idle: number;
}

type Way = (server: CitadelProcess, q: string, headMs: number) => Promise<Ending | undefined>;

let watch = new CpuWatch([]);

async function kill(server: CitadelProcess, q: string, headMs: number) {
  const open = openQuery(server, q);
  const id = await findRunning(server, open);
  await sleep(headMs);
  if (open.hasEnded()) return undefined;
  const sinceMs = performance.now();
  const killed = server.request('/query', { q: `KILL QUERY ${id}` }, { method: 'POST' });
  const answered = open.ended.then(() => performance.now() - sinceMs);
  const idle = await watch.untilIdle(sinceMs);
  await killed;
  return { answered: await answered, idle };
}

async function leave(server: CitadelProcess, q: string, headMs: number) {
  const open = openQuery(server, q);
  await findRunning(server, open);
  await sleep(headMs);
  if (open.hasEnded()) return undefined;
  const sinceMs = performance.now();
  open.leave();
  return { answered: undefined, idle: await watch.untilIdle(sinceMs) };
}

/** The node has a time limit. */
async function outlast(server: CitadelProcess, q: string) {
  const sinceMs = performance.now() + timeoutMs;
  const open = openQuery(server, q);
  const tail = await open.ended;
  if (!tail.includes('query-timeout limit exceeded')) return undefined;
  const answered = performance.now() - sinceMs;
  return { answered, idle: await watch.untilIdle(sinceMs) };
}

function show(values: readonly number[]): string {
  if (values.length === 0) return '-';
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  return `${middle.toFixed(0)} / ${sorted.at(-1)!.toFixed(0)}`;
}

async function measureWay(server: CitadelProcess, q: string, way: Way): Promise<string[]> {
  const endings: Ending[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const ending = await way(server, q, headStartMs + trial * stepMs);
    if (ending !== undefined) endings.push(ending);
    await watch.untilIdle(performance.now());
  }
  const answered = endings.flatMap((ending) => ending.answered ?? []);
  return [show(answered), show(endings.map(({ idle }) => idle))];
}

async function measureAll(servers: readonly CitadelProcess[]): Promise<void> {
  const [server] = servers as [CitadelProcess];
  watch = new CpuWatch(servers.map(({ pid }) => pid));
  await watch.learnBase();
  await sleep(10_000);
  const base = await watch.learnBase();
  process.stdout.write(`${(base * 100).toFixed(0)} % of a core when idle\n`);
  const outlasting = words.includes('timeout');
  const head = outlasting
    ? ['timed out: answered, idle', '']
    : ['killed: answered, idle', '', 'left: idle'];
  const table = [['busy with (ms, median / slowest)', ...head]];
  for (const [work, q] of Object.entries(heavyQueries)) {
    if (!work.includes(only)) continue;
    if (outlasting) table.push([work, ...(await measureWay(server, q, outlast))]);
    else {
      const killed = await measureWay(server, q, kill);
      const [, left = ''] = await measureWay(server, q, leave);
      table.push([work, ...killed, left]);
    }
  }
  printTable(table);
}

const args = words.includes('timeout') ? ['-query-timeout', `${timeoutMs}ms`] : [];
const cluster = words.includes('cluster') ? await startCluster({ args }) : undefined;
const single = cluster === undefined ? await startCitadel({ args }) : undefined;
try {
  const servers = cluster?.nodes ?? [single!];
  await loadHeavy(servers[0]!, rows);
  await measureAll(servers);
} finally {
  await cluster?.cleanUp();
  await single?.cleanUp();
}

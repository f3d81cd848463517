/**
 * Ingest into three nodes on this machine, with one and with two copies, beside a single influxd 1.6.7: the
 * same rows, the same client, level `auto`, fsync always. Goals: two copies at least 1.5 times
 * influxd's rate and at least 60 % of one copy's.
 *
 * Every server gets the rows twice, into two databases: just started, which three processes spend half of on compiling
 * the same code, and again. The goals are judged by the second time.
 *
 * Arguments: [rows] [rounds] [flags of Node for each node, such as --cpu-prof ...]
 */

import { startCluster } from '../test/support/citadel-cluster.ts';
import { startTheirs } from './load/contenders.ts';
import { readCpuSeconds } from './load/process-facts.ts';
import { runLoad } from './load/run-load.ts';
import { printTable, ratio } from './load/table.ts';
import { tsbsDay } from './tsbs/tsbs-cpu.ts';

const [, , rowsText = String(tsbsDay.rows), roundsText = '2', ...nodeArgs] = process.argv;
const rows = Number(rowsText);
const rounds = Number(roundsText);
/** Of each node; what a test's node is given is so little that it would flush in the middle of the load. */
const memory = '1GiB';
const load = {
  kind: 'integer',
  rowsPerBody: 5_000,
  connections: 6,
} as const;

const databases = { first: 'warm_up', second: 'benchmark' } as const;

interface Facts {
  readonly rowsPerSecond: number;
  readonly cpuMicros: number;
}

interface Measured {
  readonly first: Facts;
  readonly second: Facts;
}

/** `cpu`: seconds used so far. */
async function loadOnce(url: string, database: string, cpu: () => number): Promise<Facts> {
  const before = cpu();
  const { ms } = await runLoad({ ...load, database, rows, url });
  const cpuMicros = ((cpu() - before) * 1e6) / rows;
  return { rowsPerSecond: (rows / ms) * 1_000, cpuMicros };
}

async function loadTwice(url: string, cpu: () => number): Promise<Measured> {
  const first = await loadOnce(url, databases.first, cpu);
  const second = await loadOnce(url, databases.second, cpu);
  return { first, second };
}

async function measureCluster(replicas: number): Promise<Measured> {
  const cluster = await startCluster({
    replicas,
    shards: 16,
    args: ['-memory', memory],
    nodeOptions: () => ({ nodeArgs }),
  });
  try {
    const [first] = cluster.nodes;
    for (const db of Object.values(databases)) {
      await first!.request('/create', { db }, { method: 'POST' });
    }
    const cpu = () => cluster.nodes.reduce((sum, { pid }) => sum + readCpuSeconds(pid), 0);
    const facts = await loadTwice(cluster.urls.join(','), cpu);
    // Profiles are written by nodes that end by themselves.
    if (nodeArgs.length > 0) await Promise.all(cluster.nodes.map((node) => node.stop()));
    return facts;
  } finally {
    await cluster.cleanUp();
  }
}

async function measureTheirs(): Promise<Measured> {
  const server = await startTheirs();
  try {
    for (const name of Object.values(databases)) await server.execute(`CREATE DATABASE ${name}`);
    return await loadTwice(server.url, () => readCpuSeconds(server.pid));
  } finally {
    await server.stop();
  }
}

const best = (facts: readonly Measured[]) =>
  Math.max(...facts.map(({ second }) => second.rowsPerSecond));
const show = ({ rowsPerSecond, cpuMicros }: Facts) =>
  `${(rowsPerSecond / 1e6).toFixed(3)} M/s ${cpuMicros.toFixed(1)} us`;
/** Told at once: whatever ends the run early leaves what was measured. */
async function tell(name: string, measure: () => Promise<Measured>): Promise<Measured> {
  const facts = await measure();
  console.log(`${name}: first ${show(facts.first)}, again ${show(facts.second)}`);
  return facts;
}
const theirs: Measured[] = [];
const single: Measured[] = [];
const double: Measured[] = [];
for (let round = 0; round < rounds; round++) {
  theirs.push(await tell('influxd', measureTheirs));
  single.push(await tell('3 nodes, 1 copy', () => measureCluster(1)));
  double.push(await tell('3 nodes, 2 copies', () => measureCluster(2)));
}
const row = (name: string, facts: readonly Measured[]): string[] => [
  name,
  ...facts.flatMap(({ first, second }) => [show(first), show(second)]),
];
console.log(`${rows} rows, ${rounds} rounds; rows per second and CPU per row of all nodes`);
printTable([
  ['', ...theirs.flatMap((_, round) => [`round ${round + 1}, first`, 'again'])],
  row('influxd', theirs),
  row('3 nodes, 1 copy', single),
  row('3 nodes, 2 copies', double),
]);
console.log(`two copies / influxd: ${ratio(best(double), best(theirs))} (goal 1.5x)`);
console.log(`two copies / one copy: ${ratio(best(double), best(single))} (goal 0.6x)`);
/** Rates depend on what else runs, and on the client, which shares the machine; CPU per row less so. */
const least = (facts: readonly Measured[]) =>
  Math.min(...facts.map(({ second }) => second.cpuMicros));
console.log(
  `by CPU per row: ${ratio(least(theirs), least(double))} and ${ratio(least(single), least(double))}`,
);

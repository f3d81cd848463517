/**
 * Ingest into three nodes on this machine, with one and with two copies, beside a single influxd 1.6.7: the
 * same rows, the same client, level `auto`, fsync always. Goals: two copies at least 1.5 times
 * influxd's rate and at least 60 % of one copy's.
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
  database: 'benchmark',
  kind: 'integer',
  rowsPerBody: 5_000,
  connections: 6,
} as const;

interface Facts {
  readonly rowsPerSecond: number;
  readonly cpuMicros: number;
}

async function measureCluster(replicas: number): Promise<Facts> {
  const cluster = await startCluster({
    replicas,
    shards: 16,
    args: ['-memory', memory],
    nodeOptions: () => ({ nodeArgs }),
  });
  try {
    const [first] = cluster.nodes;
    await first!.request('/create', { db: load.database }, { method: 'POST' });
    const cpu = () => cluster.nodes.reduce((sum, { pid }) => sum + readCpuSeconds(pid), 0);
    const before = cpu();
    const { ms } = await runLoad({ ...load, rows, url: cluster.urls.join(',') });
    const facts = {
      rowsPerSecond: (rows / ms) * 1_000,
      cpuMicros: ((cpu() - before) * 1e6) / rows,
    };
    // Profiles are written by nodes that end by themselves.
    if (nodeArgs.length > 0) await Promise.all(cluster.nodes.map((node) => node.stop()));
    return facts;
  } finally {
    await cluster.cleanUp();
  }
}

async function measureTheirs(): Promise<Facts> {
  const server = await startTheirs();
  try {
    await server.execute(`CREATE DATABASE ${load.database}`);
    const before = readCpuSeconds(server.pid);
    const { ms } = await runLoad({ ...load, rows, url: server.url });
    const cpu = readCpuSeconds(server.pid) - before;
    return { rowsPerSecond: (rows / ms) * 1_000, cpuMicros: (cpu * 1e6) / rows };
  } finally {
    await server.stop();
  }
}

const best = (facts: readonly Facts[]) => Math.max(...facts.map((one) => one.rowsPerSecond));
const theirs: Facts[] = [];
const single: Facts[] = [];
const double: Facts[] = [];
for (let round = 0; round < rounds; round++) {
  theirs.push(await measureTheirs());
  single.push(await measureCluster(1));
  double.push(await measureCluster(2));
}
const row = (name: string, facts: readonly Facts[]): string[] => [
  name,
  ...facts.map(
    (one) => `${(one.rowsPerSecond / 1e6).toFixed(3)} M/s ${one.cpuMicros.toFixed(1)} us`,
  ),
];
console.log(`${rows} rows, ${rounds} rounds; rows per second and CPU per row of all nodes`);
printTable([
  ['', ...theirs.map((_, round) => `round ${round + 1}`)],
  row('influxd', theirs),
  row('3 nodes, 1 copy', single),
  row('3 nodes, 2 copies', double),
]);
console.log(`two copies / influxd: ${ratio(best(double), best(theirs))} (goal 1.5x)`);
console.log(`two copies / one copy: ${ratio(best(double), best(single))} (goal 0.6x)`);

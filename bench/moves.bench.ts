/**
 * What clients notice when a fourth node joins three under load: how far ingest dips while copies move, whether
 * any write fails, and how near the newcomer comes to its share. Goals: dip under 25 %, no failure, share within 10 %.
 *
 * All nodes and the client share this machine, so a fourth process takes from the other three by itself: the rate
 * after the moves is the one to compare with. Arguments: seconds of load before the join (default 15), connections (4).
 */

import { startCluster, waitUntil } from '../test/support/citadel-cluster.ts';
import type { CitadelProcess } from '../test/support/citadel-process.ts';
import { readCpuSeconds } from './load/process-facts.ts';
import { printTable } from './load/table.ts';

const [secondsBefore = 15, connections = 4] = process.argv.slice(2).map(Number);
const rowsPerBody = 2_000;
const seriesCount = 1_000;
const shardCount = 16;
const replicas = 2;
const movePatienceMs = 600_000;

const cluster = await startCluster({ replicas, shards: shardCount, args: ['-memory', '1GiB'] });
let isStopped = false;
let nextTime = 0;
let failures = 0;
/** Monotonic ms of each acknowledged body. */
const ackedMs: number[] = [];

function makeBody(): string {
  const lines: string[] = [];
  for (let i = 0; i < rowsPerBody; i++) {
    const time = 1_600_000_000_000 + nextTime++;
    const host = nextTime % seriesCount;
    lines.push(`cpu,host=h${host} user=${host % 97}i,system=${nextTime % 89}i,idle=7i ${time}`);
  }
  return lines.join('\n');
}

async function write(connection: number): Promise<void> {
  for (let i = connection; !isStopped; i++) {
    const node = cluster.nodes[i % 3]!;
    const params = { db: 'benchmark', precision: 'ms' };
    const answer = await node.request('/write', params, { method: 'POST', body: makeBody() });
    if (answer.status === 204) ackedMs.push(performance.now());
    else failures++;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Of all nodes, from their start. */
function cpuSeconds(): number {
  return cluster.nodes.reduce((sum, { pid }) => sum + readCpuSeconds(pid), 0);
}

/** Between two looks at the processes' CPU; on a machine that others use too, only this can be compared. */
function cpuPerRow(seconds: number, fromMs: number, untilMs: number): string {
  const rows = (rateBetween(fromMs, untilMs) * (untilMs - fromMs)) / 1_000;
  return `${((seconds * 1e6) / rows).toFixed(1)} µs`;
}

function rateBetween(fromMs: number, untilMs: number): number {
  const count = ackedMs.filter((ms) => ms >= fromMs && ms < untilMs).length;
  return (count * rowsPerBody * 1_000) / (untilMs - fromMs);
}

/** The least of any 3 s. */
function leastBetween(fromMs: number, untilMs: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let at = fromMs; at + 3_000 <= untilMs; at += 1_000) {
    least = Math.min(least, rateBetween(at, at + 3_000));
  }
  return least;
}

interface Placement {
  readonly counts: ReadonlyMap<string, number>;
  readonly isAtRest: boolean;
}

async function placementOf(node: CitadelProcess): Promise<Placement> {
  const { shards } = (await node.request('/info')).json() as {
    shards: {
      tstore: { replicas: string[]; learner: string | null; leaving: string | null }[];
    };
  };
  const counts = new Map<string, number>();
  for (const shard of shards.tstore) {
    for (const uuid of shard.replicas) counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
  }
  const isAtRest = shards.tstore.every(
    ({ learner, leaving }) => learner === null && leaving === null,
  );
  return { counts, isAtRest };
}

try {
  const [first] = cluster.nodes;
  await first!.request('/create', { db: 'benchmark' }, { method: 'POST' });
  const writers = Array.from({ length: connections }, (_, i) => write(i));
  await sleep(5_000);
  const startMs = performance.now();
  const startCpu = cpuSeconds();
  await sleep(secondsBefore * 1_000);
  const joinMs = performance.now();
  const joinCpu = cpuSeconds();
  const added = await cluster.addNode();
  const { uuid } = ((await added.request('/info')).json() as { node: { uuid: string } }).node;
  const share = (shardCount * replicas) / 4;
  let placement: Placement | undefined;
  await waitUntil(
    'even copies',
    async () => {
      // Asking costs every node something.
      await sleep(1_000);
      placement = await placementOf(added);
      return placement.isAtRest && (placement.counts.get(uuid) ?? 0) >= Math.floor(share);
    },
    movePatienceMs,
  );
  const evenMs = performance.now();
  const evenCpu = cpuSeconds();
  await sleep(secondsBefore * 1_000);
  const endMs = performance.now();
  const endCpu = cpuSeconds();
  isStopped = true;
  await Promise.all(writers);
  const before = rateBetween(startMs, joinMs);
  const during = rateBetween(joinMs, evenMs);
  const copies = placement?.counts.get(uuid) ?? 0;
  const thousands = (rate: number) => `${(rate / 1_000).toFixed(1)} k/s`;
  const percent = (part: number, whole: number) => `${((part / whole) * 100).toFixed(0)} %`;
  printTable([
    ['what', 'value', 'of before'],
    ['rows before the join', thousands(before), ''],
    ['while copies move', thousands(during), percent(during, before)],
    [
      'least of any 3 s then',
      thousands(leastBetween(joinMs, evenMs)),
      percent(leastBetween(joinMs, evenMs), before),
    ],
    [
      'afterwards, four nodes',
      thousands(rateBetween(evenMs, endMs)),
      percent(rateBetween(evenMs, endMs), before),
    ],
    ['CPU of the nodes per row before', cpuPerRow(joinCpu - startCpu, startMs, joinMs), ''],
    ['while copies move', cpuPerRow(evenCpu - joinCpu, joinMs, evenMs), ''],
    ['afterwards', cpuPerRow(endCpu - evenCpu, evenMs, endMs), ''],
    ['the moves took', `${((evenMs - joinMs) / 1_000).toFixed(0)} s`, ''],
    ['copies of the newcomer', `${copies} of ${share}`, percent(copies, share)],
    ['writes that failed', String(failures), ''],
  ]);
} finally {
  isStopped = true;
  await cluster.cleanUp();
}

/**
 * How long writes fail or wait when the node of a shard's primary is killed, or paused.
 *
 * Per round: three nodes, one of them ends; from that moment single points of series whose primary was
 * there are written one after the other through the other nodes; counted is the time until the first is
 * acknowledged. Arguments: rounds (default 20), copies (default 2).
 */

import { startCluster, waitUntil } from '../test/support/citadel-cluster.ts';
import type { CitadelProcess } from '../test/support/citadel-process.ts';
import { runBin } from '../test/support/run-command.ts';

const [rounds = 20, replicas = 2] = process.argv.slice(2).map(Number);
const seriesCount = 64;
const attemptMs = 15_000;
const levels = ['one', 'auto'] as const;
type Level = (typeof levels)[number];
type Fault = 'kill' | 'pause';

const cluster = await startCluster({ replicas, shards: 8 });

async function post(node: CitadelProcess, path: string, params: Record<string, string>, body = '') {
  return node.request(path, params, { method: 'POST', body, timeoutMs: attemptMs });
}

/** From the fault to the first acknowledgement of a series that had its primary there, ms. */
async function measure(victim: CitadelProcess, level: Level, fault: Fault): Promise<number> {
  const others = cluster.nodes.filter((node) => node !== victim);
  const { node } = (await victim.request('/info')).json() as { node: { uuid: string } };
  const lines = Array.from({ length: seriesCount }, (_, series) => `m,host=h${series} v=1 1`);
  await post(others[0]!, '/write', { db: 'd' }, lines.join('\n'));
  if (fault === 'kill') await victim.kill();
  else victim.pause();
  const began = performance.now();
  let attempts = 0;
  for (;;) {
    const target = others[attempts++ % others.length]!;
    // All series at once: some of them have their primary on the victim.
    const answer = await post(target, '/write', { db: 'd', consistency: level }, lines.join('\n'));
    if (answer.status === 204) break;
    if (performance.now() - began > attemptMs * 2)
      throw new Error(`${node.uuid}: ${answer.text()}`);
  }
  return performance.now() - began;
}

interface Copies {
  readonly areAlike: boolean;
  /** Every node is a primary of some shard again, so that the next round has something to take away. */
  readonly areSpread: boolean;
}

async function lookAtCopies(): Promise<Copies> {
  const answer = await cluster.nodes[0]!.request('/info');
  const { shards } = answer.json() as {
    shards: { tstore: { primary: string; copies: { state: string; lagEntries: number }[] }[] };
  };
  const copies = shards.tstore.flatMap((shard) => shard.copies);
  const primaries = new Set(shards.tstore.map(({ primary }) => primary));
  return {
    areAlike: copies.every(({ state, lagEntries }) => state === 'active' && lagEntries === 0),
    areSpread: primaries.size === cluster.nodes.length,
  };
}

/** From the end of the fault until all copies are active and have the same entries, ms. */
async function heal(victim: CitadelProcess, fault: Fault): Promise<number> {
  const began = performance.now();
  if (fault === 'kill') await victim.restart();
  else victim.resume();
  await waitUntil('copies alike again', async () => (await lookAtCopies()).areAlike);
  const healedMs = performance.now() - began;
  const verified = await runBin('citadel', ['verify', '-url', cluster.nodes[0]!.url]);
  if (verified.status !== 0) throw new Error(`verify after the heal: ${verified.stdout}`);
  await waitUntil('primaries spread again', async () => (await lookAtCopies()).areSpread);
  return healedMs;
}

function describe(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const text = (ms: number) => `${Math.round(ms)}`.padStart(6);
  return `${text(at(0.5))} ${text(at(0.9))} ${text(sorted.at(-1)!)}`;
}

try {
  await post(cluster.nodes[0]!, '/create', { db: 'd' });
  // A shard that was just made has one complete copy; without it nobody could take its writes.
  await waitUntil('all copies filled', async () => (await lookAtCopies()).areAlike);
  console.log(`${rounds} rounds, ${replicas} copies; ms until the next acknowledged write`);
  console.log('fault level   p50    p90    max   healed p50    p90    max');
  let turn = 0;
  for (const fault of ['kill', 'pause'] as const) {
    for (const level of levels) {
      const times: number[] = [];
      const heals: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const victim = cluster.nodes[turn++ % cluster.nodes.length]!;
        times.push(await measure(victim, level, fault));
        heals.push(await heal(victim, fault));
      }
      const row = [fault.padEnd(5), level.padEnd(5), describe(times), '     ', describe(heals)];
      console.log(row.join(' '));
    }
  }
} finally {
  await cluster.cleanUp();
}

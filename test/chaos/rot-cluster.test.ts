/**
 * Flipped bits in the files of nodes of a real cluster with two copies of everything.
 *
 * Goal: never a wrong answer; every flip that changes something stored is found without help and healed from the other
 * copy, and a damaged file of one shard stops neither the node nor the other shards.
 * Method: in each round points and keys are written, then bits are flipped in files of each kind of one node (log, partition,
 * catalog, keys), in every other round while the node runs, else while it is down; answers are asked all the
 * time. A round ends when no node names damage any more, the node has read all of its files and, started
 * anew with nothing in memory, has copies equal to the others'.
 */

import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelCluster, sleep, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { runBin } from '../support/run-command.ts';

const roundsMax = Number(process.env.TEST_ROT_CLUSTER_ROUNDS ?? 1);
/** No round begins after so long. */
const secondsMax = Number(process.env.TEST_ROT_SECONDS ?? Number.POSITIVE_INFINITY);
const seed = Number(process.env.TEST_ROT_SEED ?? Date.now() % 1_000_000);
const healPatienceMs = 120_000;
const hostCount = 30;
const weekS = 7 * 86_400;

interface FileKind {
  readonly name: string;
  readonly files: RegExp;
  /** In each round. */
  readonly flips: number;
}

const kinds: readonly FileKind[] = [
  { name: 'log', files: /(^|\/)log\/\d\/\d+\.log$/, flips: 6 },
  { name: 'chunk', files: /(^|\/)shard-[^/]+\/0\/.*\.db$/, flips: 3 },
  { name: 'catalog', files: /(^|\/)shard-[^/]+\/catalog\.db$/, flips: 3 },
  { name: 'keys', files: /(^|\/)kshard-[^/]+\/kv-\d+\.db$/, flips: 3 },
  // With both files of one replica damaged its shard stays apart, as it must: not more than one.
  { name: 'promise', files: /(^|\/)k?shard-[^/]+\/replica(-copy)?\.json$/, flips: 1 },
];

/** mulberry32 */
function makeRandom(from: number): () => number {
  let state = from | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) =>
    relative(directory, join(directory, name)),
  );
}

/** A file may be replaced between listing and flipping: then another one is taken. */
function flipOne(dataDir: string, kind: RegExp, random: () => number): string {
  for (let attempt = 0; attempt < 20; attempt++) {
    const files = listFiles(dataDir)
      .filter((name) => kind.test(name))
      .sort();
    const name = files[Math.floor(random() * files.length)];
    if (name === undefined) return '';
    try {
      const path = join(dataDir, name);
      const { size } = statSync(path);
      if (size === 0) continue;
      const offset = Math.floor(random() * size);
      const bit = Math.floor(random() * 8);
      flipBit(path, offset, bit);
      return `${name} at ${offset} bit ${bit}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return '';
}

/** In place, and nothing but the byte: the node that has the file open must see it, and may be writing to it. */
function flipBit(path: string, offset: number, bit: number): void {
  const file = openSync(path, 'r+');
  try {
    const byte = new Uint8Array(1);
    readSync(file, byte, 0, 1, offset);
    byte[0]! ^= 1 << bit;
    writeSync(file, byte, 0, 1, offset);
  } finally {
    closeSync(file);
  }
}

interface CopyInfo {
  readonly node: string;
  readonly state: string;
  readonly faults: readonly string[];
}

interface Info {
  readonly node: { readonly uuid: string };
  readonly nodes: readonly { readonly state: string }[];
  readonly shards: Readonly<Record<string, readonly { readonly copies: readonly CopyInfo[] }[]>>;
}

describe.skipIf(!etcdInstalled)('flipped bits in a cluster', () => {
  let cluster: CitadelCluster;
  let written = 0;
  let found = 0;
  const random = makeRandom(seed);
  const wrong: string[] = [];
  /** Flips made, by kind of file. */
  const made = new Map<string, number>();

  beforeAll(async () => {
    cluster = await startCluster({
      shards: 4,
      args: ['-scrub-interval', '500ms', '-scrub-rate', '256MiB', '-log-level', 'warn'],
    });
    const [first] = cluster.nodes;
    const created = await first!.request('/create', { db: 'rot' }, { method: 'POST' });
    expect(created.status).toBe(200);
  }, 90_000);
  afterAll(async () => {
    await cluster?.cleanUp();
  });

  /** One point for each host in each of three weeks, one key for each host. */
  async function write(node: CitadelProcess): Promise<void> {
    const round = written + 1;
    const lines: string[] = [];
    const keys: string[] = [];
    for (let host = 0; host < hostCount; host++) {
      for (let week = 0; week < 3; week++) {
        const time = 1_700_000_000 + week * weekS + round;
        lines.push(`m,host=h${host} v=${round},s="text ${host % 7}" ${time}`);
      }
      keys.push(`key${host}-${round}=${'x'.repeat(host * 10)}${round}`);
    }
    const params = { db: 'rot', precision: 's', consistency: 'all' };
    await waitUntil('points are taken', async () => {
      const body = lines.join('\n');
      const points = await node.request('/write', params, { method: 'POST', body });
      if (points.status !== 204) throw new Error(points.text());
      const pairs = { method: 'POST' as const, body: keys.join('\n') };
      // On both copies before one is damaged: at `auto` the other may not have been filled yet.
      const put = await node.request('/kv/put', { table: 't', consistency: 'all' }, pairs);
      if (put.status >= 300) throw new Error(put.text());
      return true;
    });
    written = round;
  }

  /** Right, or an error: never anything else. True = right. */
  async function ask(node: CitadelProcess): Promise<boolean> {
    const before = written;
    const q = 'SELECT count(v), sum(v), count(s) FROM m; SHOW SERIES CARDINALITY';
    const { status, text } = await node.request('/query', { db: 'rot', q, epoch: 's' });
    if (status !== 200 || text().includes('error')) return false;
    const count = before * hostCount * 3;
    const sum = ((before * (before + 1)) / 2) * hostCount * 3;
    const expected = `[0,${count},${sum},${count}]`;
    if (written === before && !text().includes(expected)) wrong.push(`${expected}: ${text()}`);
    return true;
  }

  async function infoOf(node: CitadelProcess): Promise<Info> {
    return (await node.request('/info')).json() as Info;
  }

  async function metricOf(node: CitadelProcess, name: string): Promise<number> {
    const text = (await node.request('/metrics')).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  }

  /** All files of the node were read from beginning to end since the call. */
  async function waitForScrub(node: CitadelProcess): Promise<void> {
    const before = await metricOf(node, 'citadel_scrub_rounds_total');
    const isDone = async () => {
      await ask(node);
      return (await metricOf(node, 'citadel_scrub_rounds_total')) >= before + 2;
    };
    await waitUntil('two rounds of reading', isDone, healPatienceMs);
  }

  async function waitUntilWhole(node: CitadelProcess): Promise<void> {
    const isWhole = async () => {
      await ask(node);
      const { shards, nodes } = await infoOf(node);
      const copies = Object.values(shards).flatMap((list) => list.flatMap((one) => one.copies));
      const bad = copies.filter(({ state, faults }) => state !== 'active' || faults.length > 0);
      if (bad.length > 0) throw new Error(JSON.stringify(bad));
      return nodes.every(({ state }) => state === 'ok');
    };
    await waitUntil('no copy is damaged', isWhole, healPatienceMs);
  }

  async function expectEqualCopies(node: CitadelProcess): Promise<void> {
    const isEqual = async () => {
      const { status, stdout, stderr } = await runBin('citadel', ['verify', '-url', node.url]);
      if (status !== 0) throw new Error(stdout + stderr);
      return true;
    };
    await waitUntil('all copies equal', isEqual, healPatienceMs);
    expect(await ask(node)).toBe(true);
  }

  async function restart(node: CitadelProcess): Promise<void> {
    await node.restart();
    await cluster.waitUntilHealthy(60_000);
  }

  async function runRound(round: number): Promise<string[]> {
    const nodes = cluster.nodes;
    const node = nodes[Math.floor(random() * nodes.length)]!;
    const other = nodes.find((one) => one !== node)!;
    for (let i = 0; i < 3; i++) await write(other);
    const isRunning = round % 2 === 1;
    // Half of the time what was written last is in the log only.
    if (random() < 0.5) await sleep(6_000);
    if (!isRunning) await node.kill();
    const flips = kinds.flatMap(({ name, files, flips: count }) => {
      const done = Array.from({ length: count }, () => flipOne(node.dataDir, files, random));
      const hits = done.filter((flip) => flip !== '').length;
      made.set(name, (made.get(name) ?? 0) + hits);
      return done;
    });
    if (!isRunning) await restart(node);
    await waitForScrub(node);
    await waitUntilWhole(node);
    found += await metricOf(node, 'citadel_damage_found_total');
    // What is in memory must not hide what is on the disk.
    await node.kill();
    await restart(node);
    await waitForScrub(node);
    await waitUntilWhole(node);
    await expectEqualCopies(other);
    return flips;
  }

  test(
    `${roundsMax} rounds of flips are healed, no answer is wrong (seed ${seed})`,
    async () => {
      const startMs = performance.now();
      let rounds = 0;
      for (let round = 0; round < roundsMax; round++) {
        if (performance.now() - startMs > secondsMax * 1_000) break;
        const flips = await runRound(round);
        expect(flips.filter((flip) => flip !== '').length).toBeGreaterThan(0);
        expect(wrong, `round ${round}, seed ${seed}: ${flips.join('; ')}`).toEqual([]);
        rounds++;
      }
      const counts = [...made].map(([name, count]) => `${name} ${count}`).join(', ');
      process.stdout.write(
        `cluster, ${rounds} rounds from seed ${seed}: flips in ${counts}; damage found in ${found} places, all healed\n`,
      );
    },
    120_000 + roundsMax * 300_000,
  );
});

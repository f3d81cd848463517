/**
 * Goal: the cluster rearranges itself under load: a node that joins takes its share, copies of unlike size change places on
 * request, a drained node is left by all, the number of copies changes, a dead node is replaced; no client sees an error and no
 * acknowledged point is missing.
 * Method: real processes on a real etcd; a writer goes on all the time and counts what was acknowledged; copies are
 * compared by `citadel verify`.
 */

import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelCluster, sleep, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { runBin } from '../support/run-command.ts';

const seriesCount = 40;
const movePatienceMs = 120_000;

interface ShardInfo {
  readonly replicas: readonly string[];
  readonly learner: string | null;
  readonly leaving: string | null;
}

interface Info {
  readonly node: { readonly uuid: string };
  readonly shards: { readonly tstore: readonly ShardInfo[] };
}

async function infoOf(node: CitadelProcess): Promise<Info> {
  return (await node.request('/info')).json() as Info;
}

/** Copies by node, and whether something is under way. */
async function placementOf(node: CitadelProcess) {
  const { shards } = await infoOf(node);
  const counts = new Map<string, number>();
  for (const { replicas } of shards.tstore) {
    for (const uuid of replicas) counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
  }
  const isAtRest = shards.tstore.every(
    ({ learner, leaving }) => learner === null && leaving === null,
  );
  return { counts, isAtRest, sizes: new Set(shards.tstore.map(({ replicas }) => replicas.length)) };
}

/** Writes round after round through the nodes in turn, until it is stopped; no request may fail. */
class Load {
  readonly #nodes: () => readonly CitadelProcess[];
  readonly #failures: string[] = [];
  readonly #done: Promise<void>;
  #round = 0;
  #isStopped = false;

  constructor(nodes: () => readonly CitadelProcess[], firstRound: number) {
    this.#nodes = nodes;
    this.#round = firstRound;
    this.#done = this.#run();
  }

  /** Rounds acknowledged. @throws when a request failed */
  async stop(): Promise<number> {
    this.#isStopped = true;
    await this.#done;
    expect(this.#failures).toEqual([]);
    return this.#round;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const nodes = this.#nodes();
      const node = nodes[this.#round % nodes.length]!;
      const body = Array.from(
        { length: seriesCount },
        (_, series) => `m,host=h${series} v=${series}i ${this.#round + 1}`,
      ).join('\n');
      const answer = await node.request('/write', { db: 'mydb' }, { method: 'POST', body });
      if (answer.status !== 204) this.#failures.push(`${answer.status} ${answer.text()}`);
      this.#round++;
      await sleep(20);
    }
  }
}

describe.skipIf(!etcdInstalled)('moves of replicas', () => {
  let cluster: CitadelCluster;
  let rounds = 0;
  let load: Load | undefined;

  beforeAll(async () => {
    cluster = await startCluster({ args: ['-replace-after', '5s'] });
    const [first] = cluster.nodes;
    const made = await first!.request('/create', { db: 'mydb' }, { method: 'POST' });
    expect(made.status).toBe(200);
  }, 90_000);
  afterEach(async () => {
    await load?.stop().catch(() => undefined);
    load = undefined;
  });
  afterAll(async () => {
    await cluster?.cleanUp();
  });

  function startLoad(nodes: () => readonly CitadelProcess[] = () => cluster.nodes): void {
    load = new Load(nodes, rounds);
  }

  async function stopLoad(): Promise<void> {
    rounds = (await load?.stop()) ?? rounds;
    load = undefined;
  }

  async function expectAllThere(node: CitadelProcess): Promise<void> {
    const q = 'SELECT count(v) FROM m';
    const expected = `[0,${rounds * seriesCount}]`;
    // A read may be two seconds old, and a write that had to do with one copy is younger than that on the others.
    await waitUntil('all points', async () => {
      const answer = await node.request('/query', { db: 'mydb', q, epoch: 'ns' });
      if (!answer.text().includes(expected)) throw new Error(`${expected}: ${answer.text()}`);
      return true;
    });
    await waitUntil('all copies equal', async () => {
      const { status, stdout, stderr } = await runBin('citadel', ['verify', '-url', node.url]);
      if (status !== 0) throw new Error(stdout + stderr);
      return true;
    });
  }

  async function command(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await runBin('citadel', args);
    expect(status, stderr + stdout).toBe(0);
    return stdout;
  }

  test('a fourth node takes its share of three under load', async () => {
    startLoad();
    const added = await cluster.addNode();
    const { uuid } = (await infoOf(added)).node;
    await waitUntil(
      'even copies',
      async () => {
        const { counts, isAtRest, sizes } = await placementOf(added);
        if (!isAtRest || sizes.size !== 1) throw new Error(JSON.stringify([...counts]));
        return counts.get(uuid) === 4;
      },
      movePatienceMs,
    );
    await stopLoad();
    await expectAllThere(added);
  }, 240_000);

  async function waitForCopies(node: CitadelProcess, copies: number): Promise<void> {
    const all = async () => {
      const { isAtRest, sizes, counts } = await placementOf(node);
      if (!isAtRest || sizes.size !== 1) throw new Error(JSON.stringify([...counts]));
      return sizes.has(copies);
    };
    await waitUntil(`${copies} copies of every shard`, all, movePatienceMs);
  }

  interface Plan {
    readonly changes: readonly { readonly shard: number; readonly bytes: number }[];
    readonly balancing: string;
  }

  let bigCount = 0;

  /** Until some node holds so much more that copies should change places. */
  async function writeUneven(node: CitadelProcess): Promise<Plan> {
    for (let i = 0; i < 40; i++) {
      const text = randomBytes(60_000).toString('hex');
      const params = { db: 'mydb', consistency: 'all' };
      const body = `big,host=b${bigCount++} s="${text}" 1`;
      const written = await node.request('/write', params, { method: 'POST', body });
      expect(written.status, written.text()).toBe(204);
      const asked = { 'dry-run': 'true' };
      const dry = await node.request('/cluster/rebalance', asked, { method: 'POST' });
      const plan = dry.json() as Plan;
      if (i > 3 && plan.changes.length > 0) return plan;
    }
    throw new Error('every node holds as much as the others');
  }

  test('copies of unlike size change places on request, as the dry run says', async () => {
    const [first] = cluster.nodes;
    startLoad();
    const holders = async () => {
      const { shards } = await infoOf(first!);
      return shards.tstore.map(({ replicas }) => [...replicas].sort());
    };
    const before = await holders();
    const plan = await writeUneven(first!);
    expect(plan.balancing).toBe('');
    expect(Math.max(...plan.changes.map(({ bytes }) => bytes))).toBeGreaterThan(60_000);
    // What was uneven may be even once it is flushed: then there must be more.
    const isMoved = async () => {
      const args = ['rebalance', '-watch', '-url', first!.url];
      const { status, stderr } = await runBin('citadel', args);
      expect([status, stderr.endsWith('done\n')], stderr).toEqual([0, true]);
      if (JSON.stringify(await holders()) !== JSON.stringify(before)) return true;
      await writeUneven(first!);
      return false;
    };
    await waitUntil('copies have changed places', isMoved, movePatienceMs);
    const { counts, isAtRest, sizes } = await placementOf(first!);
    expect([isAtRest, [...sizes], [...counts.values()]]).toEqual([true, [2], [4, 4, 4, 4]]);
    await stopLoad();
    await expectAllThere(first!);
  }, 240_000);

  test('it is drained again and holds nothing, and its files are in the trash', async () => {
    const [first, , , last] = cluster.nodes;
    const { uuid } = (await infoOf(last!)).node;
    const shards = async () =>
      (await readdir(last!.dataDir)).filter((name) => name.startsWith('shard-')).length;
    // What changed places before may lie in the trash already, or is on its way there.
    await waitUntil('no more than its own copies', async () => (await shards()) === 4);
    const trashed = async () => {
      const names = await readdir(`${last!.dataDir}/trash`).catch((): string[] => []);
      return names.filter((name) => /^\d+-shard-/.test(name));
    };
    const before = await trashed();
    startLoad();
    const plan = await command('drain', uuid.slice(0, 8), '-dry-run', '-url', first!.url);
    expect(plan).toMatch(new RegExp(`${uuid.slice(0, 8)} +0 +[48]\\b`));
    await command('drain', uuid, '-url', first!.url);
    const isEmpty = async () => {
      const { counts, isAtRest } = await placementOf(first!);
      return isAtRest && !counts.has(uuid);
    };
    await waitUntil('no copies on it', isEmpty, movePatienceMs);
    await waitForCopies(first!, 2);
    await waitUntil('all in the trash', async () => (await shards()) === 0);
    const added = (await trashed()).filter((name) => !before.includes(name));
    expect(added).toHaveLength(4);
    await stopLoad();
    await expectAllThere(last!);
    await command('drain', uuid, '-cancel', '-url', first!.url);
  }, 240_000);

  test('three copies of everything, and two again', async () => {
    const [first] = cluster.nodes;
    startLoad();
    for (const copies of [3, 2]) {
      await command('replicas', String(copies), '-url', first!.url);
      await waitForCopies(first!, copies);
    }
    await stopLoad();
    await expectAllThere(first!);
    expect((await infoOf(first!)).shards.tstore.map(({ replicas }) => replicas.length)).toEqual(
      Array.from({ length: 8 }, () => 2),
    );
  }, 360_000);

  test('a node that is killed is replaced, and gives back what only it had when it returns', async () => {
    const [lost, ...rest] = cluster.nodes as [CitadelProcess, ...CitadelProcess[]];
    const { uuid } = (await infoOf(lost)).node;
    startLoad(() => rest);
    await lost.kill();
    const isReplaced = async () => {
      const { counts, isAtRest } = await placementOf(rest[0]!);
      return isAtRest && !counts.has(uuid);
    };
    await waitUntil('no copies on it', isReplaced, movePatienceMs);
    await waitForCopies(rest[0]!, 2);
    await stopLoad();
    await expectAllThere(rest[0]!);
    await lost.restart();
    await cluster.waitUntilHealthy();
    const isBack = async () => {
      const { counts, isAtRest } = await placementOf(lost);
      return isAtRest && (counts.get(uuid) ?? 0) >= 3;
    };
    await waitUntil('it has its share again', isBack, movePatienceMs);
    await expectAllThere(lost);
  }, 360_000);
});

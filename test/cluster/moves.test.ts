/**
 * Goal: the cluster rearranges itself under load: a node that joins takes its share, a drained one is left by all, the
 * number of copies changes, a dead node is replaced; no client sees an error and no acknowledged point is missing.
 * Method: real processes on a real etcd; a writer goes on all the time and counts what was acknowledged; copies are
 * compared by `citadel verify`.
 */

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
  const isAtRest = shards.tstore.every(({ learner, leaving }) => learner === null && leaving === null);
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
    const answer = await node.request('/query', { db: 'mydb', q, epoch: 'ns' });
    expect(answer.text()).toContain(`[0,${rounds * seriesCount}]`);
    await waitUntil('all copies equal', async () => {
      const { status, stdout, stderr } = await runBin('citadel', ['verify', '-url', node.url]);
      if (status !== 0) throw new Error(stdout + stderr);
      return true;
    });
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
});

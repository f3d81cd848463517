/**
 * Goal: the death of the node that feeds a destination loses nothing: the new primary's node goes on from the
 * durable cursor, and what only the dead node had follows when it is back.
 * Method: three real nodes with two copies of each shard on a real etcd; numbered points until acknowledged.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CitadelCluster, sleep, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { type Sink, startSink } from '../support/sink.ts';

const seriesCount = 40;
const rounds = 60;
const patienceMs = 90_000;

function bodyOf(round: number): string {
  const lines = Array.from(
    { length: seriesCount },
    (_, i) => `m,host=h${i} v=${round}i ${round + 1}`,
  );
  return lines.join('\n');
}

describe.skipIf(!etcdInstalled)('three nodes, two copies', () => {
  let cluster: CitadelCluster;
  let sink: Sink;

  beforeAll(async () => {
    [cluster, sink] = await Promise.all([startCluster(), startSink()]);
  }, 120_000);
  afterAll(async () => {
    await cluster?.cleanUp();
    await sink?.cleanUp();
  });

  /** By any node that takes it. */
  async function writeUntilAcked(round: number): Promise<void> {
    for (let attempt = round; ; attempt++) {
      const node = cluster.nodes[attempt % cluster.nodes.length]!;
      const request = { method: 'POST', body: bodyOf(round), timeoutMs: 15_000 };
      const answer = await node.request('/write', { db: 'db' }, request).catch(() => undefined);
      if (answer?.status === 204) return;
      await sleep(20);
    }
  }

  test('a killed node, and one more kill after its return: no point is missing', async () => {
    const [first, second] = cluster.nodes;
    const ask = async (q: string) => first!.request('/query', { q }, { method: 'POST' });
    expect((await ask('CREATE DATABASE db')).status).toBe(200);
    const created = await ask(`CREATE SUBSCRIPTION s ON db.autogen DESTINATIONS ALL '${sink.url}'`);
    expect(created.text()).not.toContain('error');
    for (let round = 0; round < rounds; round++) {
      if (round === 20) await second!.kill();
      if (round === 40) {
        await second!.restart();
        await first!.kill();
      }
      await writeUntilAcked(round);
    }
    await first!.restart();
    const wanted = Array.from({ length: rounds }, (_, round) => bodyOf(round).split('\n')).flat();
    const missing = () => {
      const got = new Set(sink.received().split('\n'));
      return wanted.filter((line) => !got.has(line));
    };
    const areAllThere = async () => {
      const lines = missing();
      if (lines.length > 0) throw new Error(`${lines.length} missing, first ${lines[0]}`);
      return true;
    };
    await waitUntil('all points delivered', areAllThere, patienceMs);
    const logs = cluster.nodes.map((node) => node.stderr()).join('\n');
    expect(logs).not.toContain('log entries gone before they were sent');
  }, 240_000);
});

/**
 * Goal: a node that was away while points, measurements and databases were deleted, and while the tombstones of these deletes
 * were collected, brings nothing of it back when it returns, and nothing else is lost.
 * Method: real processes; the node is replaced after a few seconds, then the catalogs of the others are watched until no
 * tombstone is left, then it starts again with its old files and gets copies anew. Runs by npm run long -- return,
 * which sets TEST_RETURN_ROUNDS: it takes a minute.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Database } from '../../src/sqlite/driver.ts';
import { type CitadelCluster, startCluster, waitUntil } from '../support/citadel-cluster.ts';
import type { CitadelProcess } from '../support/citadel-process.ts';
import { etcdInstalled } from '../support/etcd-process.ts';
import { runBin } from '../support/run-command.ts';

const rounds = Number(process.env.TEST_RETURN_ROUNDS ?? 0);
const patienceMs = 120_000;
const hostCount = 20;
const timeCount = 50;

/** In the catalogs of all shards that a node has. */
function countTombstones(dataDir: string): number {
  let count = 0;
  for (const name of readdirSync(dataDir)) {
    if (!name.startsWith('shard-')) continue;
    const database = new Database(join(dataDir, name, 'catalog.db'), { readonly: true });
    try {
      count += (database.prepare('SELECT count(*) AS n FROM tombstones').get() as { n: number }).n;
    } finally {
      database.close();
    }
  }
  return count;
}

interface ShardInfo {
  readonly replicas: readonly string[];
  readonly learner: string | null;
  readonly leaving: string | null;
  readonly copies: readonly { readonly state: string }[];
}

describe.skipIf(!etcdInstalled || rounds === 0)(
  'a node that was away while things were deleted',
  () => {
    let cluster: CitadelCluster;

    beforeEach(async () => {
      cluster = await startCluster({ shards: 4, args: ['-replace-after', '3s'] });
    }, 90_000);
    afterEach(async () => {
      await cluster?.cleanUp();
    });

    async function query(node: CitadelProcess, q: string): Promise<string> {
      const answer = await node.request('/query', { db: 'd', q, epoch: 's' }, { method: 'POST' });
      if (answer.text().includes('"error"')) throw new Error(answer.text());
      return answer.text();
    }

    async function write(
      node: CitadelProcess,
      db: string,
      lines: readonly string[],
    ): Promise<void> {
      const body = lines.join('\n');
      const answer = await node.request('/write', { db, precision: 's' }, { method: 'POST', body });
      expect(answer.status, answer.text()).toBe(204);
    }

    function linesOf(measurement: string, value: number): string[] {
      return Array.from({ length: hostCount * timeCount }, (_, i) => {
        const time = 1_600_000_000 + Math.floor(i / hostCount) * 60;
        return `${measurement},host=h${i % hostCount} v=${value} ${time}`;
      });
    }

    async function shardsOf(node: CitadelProcess): Promise<readonly ShardInfo[]> {
      const info = (await node.request('/info')).json() as { shards: { tstore: ShardInfo[] } };
      return info.shards.tstore;
    }

    async function waitForCopies(node: CitadelProcess, holds: (uuids: Set<string>) => boolean) {
      const isSettled = async () => {
        const shards = await shardsOf(node);
        const isAtRest = shards.every(
          ({ replicas, learner, leaving, copies }) =>
            replicas.length === 2 &&
            learner === null &&
            leaving === null &&
            copies.every(({ state }) => state === 'active'),
        );
        return isAtRest && holds(new Set(shards.flatMap(({ replicas }) => replicas)));
      };
      await waitUntil('the copies are where they should be', isSettled, patienceMs);
    }

    const numbers = Array.from({ length: rounds }, (_, round) => round);

    test.each(numbers)('nothing comes back with it, round %i', { timeout: 400_000 }, async () => {
      const [first, second, away] = cluster.nodes as [
        CitadelProcess,
        CitadelProcess,
        CitadelProcess,
      ];
      const info = (await away.request('/info')).json() as { node: { uuid: string } };
      const { uuid } = info.node;
      for (const q of ['CREATE DATABASE d', 'CREATE DATABASE gone']) await query(first, q);
      for (const measurement of ['m', 'n']) await write(first, 'd', linesOf(measurement, 1));
      await write(first, 'gone', linesOf('x', 1));
      await waitUntil('it knows them', async () => {
        const answer = await query(away, 'SHOW MEASUREMENTS');
        return answer.includes('"m"') && answer.includes('"n"');
      });
      await away.kill();
      await query(first, `DELETE FROM m WHERE host = 'h1' OR host = 'h2'`);
      await query(first, 'DROP MEASUREMENT n');
      await query(first, 'DROP DATABASE gone');
      await write(first, 'd', ['m,host=h1 v=7 1600000000', 'm,host=h1 v=8 1700000000']);
      await waitForCopies(first, (uuids) => !uuids.has(uuid));
      const isCollected = async () => {
        const counts = [first, second].map(({ dataDir }) => countTombstones(dataDir));
        if (counts.some((count) => count > 0)) throw new Error(`tombstones: ${counts.join(', ')}`);
        return true;
      };
      await waitUntil('the tombstones are collected', isCollected, patienceMs);

      await away.restart();
      await cluster.waitUntilHealthy(patienceMs);
      await waitForCopies(first, (uuids) => uuids.has(uuid));
      const expected = (hostCount - 2) * timeCount + 2;
      for (const node of cluster.nodes) {
        await waitUntil('the answers are right', async () => {
          const count = await query(node, 'SELECT count(v) FROM m');
          if (!count.includes(`[0,${expected}]`)) throw new Error(count);
          return true;
        });
        expect(await query(node, `SELECT v FROM m WHERE host = 'h1'`)).toContain(
          '[[1600000000,7],[1700000000,8]]',
        );
        expect(await query(node, `SELECT v FROM m WHERE host = 'h2'`)).not.toContain('series');
        expect(await query(node, 'SELECT count(v) FROM n')).not.toContain('series');
        expect(await query(node, 'SHOW DATABASES')).not.toContain('"gone"');
      }
      const { status, stdout, stderr } = await runBin('citadel', ['verify', '-url', first.url]);
      expect(status, stdout + stderr).toBe(0);
    });
  },
);

/**
 * Goal: a power cut, of one node or of all at once, under load, loses nothing that was acknowledged, whatever part
 * of the un-synced writes the disks had written; without syncs the same check finds losses.
 * Method: powercut.c keeps what each process has not synced; after SIGKILL it is undone, a random torn part
 * of it done again; restart, read every acknowledged point back through every node, compare the copies.
 *
 * TEST_POWER_ROUNDS: rounds of each kind (npm run long -- power-cut); TEST_POWER_SEED: the same choices again.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSimRng, pickBelow } from '../../../src/env/sim/sim-rng.ts';
import { type CitadelCluster, startCluster, waitUntil } from '../../support/citadel-cluster.ts';
import { type CitadelProcess, startCitadel } from '../../support/citadel-process.ts';
import { etcdInstalled } from '../../support/etcd-process.ts';
import { runBin } from '../../support/run-command.ts';
import { AckedLoad } from '../acked-load.ts';
import { readJournal } from './journal.ts';
import { buildPowerPlant, compilerInstalled, type PowerPlant } from './powered-node.ts';

const rounds = Number(process.env.TEST_POWER_ROUNDS ?? 2);
const seed = Number(process.env.TEST_POWER_SEED ?? Date.now() % 1_000_000);
const reports = process.env.TEST_POWER_REPORT === '1';
/** All is read back after so many rounds, and on a fresh data directory the next ones start. */
const roundsPerLife = 10;
const loadMsMin = 150;
const loadMsRange = 700;
const unsyncedRoundsMax = 5;
const patienceMs = 120_000;
const writerCount = 4;
const clusterWriters = 8;
/** Small enough for flushes and compaction to be part of every round. */
const small = ['-memory', '64MiB'];

if (!compilerInstalled) process.stderr.write('power-cut: skipped, there is no C compiler (cc)\n');

/** What happened, for the one who runs the long form. */
function report(text: string): void {
  if (reports) process.stderr.write(`power-cut: ${text}\n`);
}

describe.skipIf(!compilerInstalled)(`power cuts (seed ${seed})`, () => {
  const rng = createSimRng(seed);
  const loadMs = () => loadMsMin + pickBelow(rng, loadMsRange);
  const cutSeed = () => pickBelow(rng, 2 ** 31);
  let plant: PowerPlant;
  let lives = 0;

  beforeAll(() => {
    plant = buildPowerPlant();
  });
  afterAll(() => {
    plant?.cleanUp();
  });

  function startOne(...args: readonly string[]): Promise<CitadelProcess> {
    return startCitadel({ ...plant.optionsOf(`single-${lives++}`), args: [...small, ...args] });
  }

  /** One round of a single node; [] = nothing was lost. */
  async function cutUnderLoad(node: CitadelProcess, load: AckedLoad): Promise<string[]> {
    load.start(node);
    await sleep(loadMs());
    const { unsynced, sectorsKept, namesUndone } = await plant.cut(node, cutSeed());
    await load.stop();
    report(
      `${unsynced} un-synced changes, ${sectorsKept} sectors kept, ${namesUndone} names undone`,
    );
    await node.restart();
    return load.verify(node);
  }

  // What the library does not see it cannot undo: a call that it missed would make the test weaker.
  test(
    'the journal tells all that is in the files',
    async () => {
      const node = await startOne();
      const load = new AckedLoad(writerCount, { filled: true });
      await load.prepare(node);
      load.start(node);
      await waitUntil('a flush', async () => load.ackedPoints > 3_000, patienceMs);
      await load.stop();
      // Not killed: a change and what the journal says of it are two writes.
      await node.stop();
      const contents = replay(plant.journalDirOf(node));
      const names = readdirSync(node.dataDir, { recursive: true, encoding: 'utf8' });
      const files = names
        .filter((name) => !name.endsWith('-shm'))
        .map((name) => join(node.dataDir, name));
      let compared = 0;
      for (const path of files) {
        const status = statSync(path, { bigint: true });
        if (!status.isFile()) continue;
        const told = contents.get(status.ino) ?? Buffer.alloc(0);
        expect(told.equals(readFileSync(path)), path).toBe(true);
        compared += 1;
      }
      expect(compared).toBeGreaterThan(5);
      await node.cleanUp();
    },
    patienceMs,
  );

  test(
    `${rounds} cuts of a single node lose nothing`,
    async () => {
      for (let done = 0; done < rounds; ) {
        const node = await startOne();
        const load = new AckedLoad(writerCount, { filled: true });
        await load.prepare(node);
        for (let life = 0; life < roundsPerLife && done < rounds; life++, done++) {
          expect(await cutUnderLoad(node, load), `round ${done}, seed ${seed}`).toEqual([]);
        }
        expect(load.ackedPoints).toBeGreaterThan(0);
        await node.cleanUp();
        report(`single node: ${done} of ${rounds} rounds`);
      }
    },
    patienceMs + rounds * 30_000,
  );

  test(
    'without syncs the same check finds losses',
    async () => {
      const node = await startOne('-fsync', 'never');
      const load = new AckedLoad(writerCount);
      await load.prepare(node);
      let faults: readonly string[] = [];
      for (let round = 0; round < unsyncedRoundsMax && faults.length === 0; round++) {
        faults = await cutUnderLoad(node, load).catch((error: Error) => [error.message]);
      }
      expect(faults.join('\n')).toMatch(/acknowledged/);
      await node.cleanUp();
    },
    patienceMs,
  );

  describe.skipIf(!etcdInstalled)('of a cluster', () => {
    function start(...args: readonly string[]): Promise<CitadelCluster> {
      const life = lives++;
      return startCluster({
        args: [...small, ...args],
        nodeOptions: (index) => plant.optionsOf(`cluster-${life}-${index}`),
      });
    }

    /** Writers go to the nodes in turn, also to those that are down. */
    function clientOf({ nodes }: CitadelCluster): Pick<CitadelProcess, 'request'> {
      let turn = 0;
      return { request: (...args) => nodes[turn++ % nodes.length]!.request(...args) };
    }

    async function cutVictims(victims: readonly CitadelProcess[]): Promise<void> {
      const cuts = await Promise.all(victims.map((node) => plant.cut(node, cutSeed())));
      const unsynced = cuts.map((cut) => cut.unsynced).join(', ');
      report(`${victims.length} nodes cut, un-synced changes: ${unsynced}`);
    }

    async function cutRound(
      cluster: CitadelCluster,
      load: AckedLoad,
      victims: readonly CitadelProcess[],
    ) {
      load.start(clientOf(cluster));
      await sleep(loadMs());
      await cutVictims(victims);
      if (victims.length < cluster.nodes.length) await sleep(loadMs());
      await Promise.all(victims.map((node) => node.restart()));
      await load.stop();
      await cluster.waitUntilHealthy(patienceMs);
    }

    async function verifyAll({ nodes, urls }: CitadelCluster, load: AckedLoad, what: string) {
      await waitUntil(
        'all copies equal',
        async () => {
          const verified = await runBin('citadel', ['verify', '-url', urls[0]!]);
          if (verified.status !== 0) throw new Error(verified.stdout + verified.stderr);
          return true;
        },
        patienceMs,
      );
      for (const node of nodes) expect(await load.verify(node), what).toEqual([]);
    }

    async function runRounds(kind: 'one' | 'all'): Promise<void> {
      for (let done = 0; done < rounds; ) {
        const cluster = await start();
        try {
          // Every second life flushes and trims all the time.
          const load = new AckedLoad(clusterWriters, { filled: lives % 2 === 0 });
          await load.prepare(cluster.nodes[0]!);
          for (let life = 0; life < roundsPerLife && done < rounds; life++, done++) {
            const one = [cluster.nodes[pickBelow(rng, cluster.nodes.length)]!];
            await cutRound(cluster, load, kind === 'one' ? one : cluster.nodes);
          }
          await verifyAll(cluster, load, `round ${done}, seed ${seed}`);
          expect(load.ackedPoints).toBeGreaterThan(0);
          report(`${kind} of three nodes: ${done} of ${rounds} rounds, ${load.ackedPoints} points`);
        } finally {
          await cluster.cleanUp();
        }
      }
    }

    test(
      `${rounds} cuts of one of three nodes lose nothing`,
      () => runRounds('one'),
      patienceMs + rounds * 60_000,
    );
    test(
      `${rounds} cuts of all three nodes at once lose nothing`,
      () => runRounds('all'),
      patienceMs + rounds * 60_000,
    );

    test(
      'without syncs a cut of all nodes loses acknowledged points',
      async () => {
        const cluster = await start('-fsync', 'never');
        try {
          const load = new AckedLoad(writerCount);
          await load.prepare(cluster.nodes[0]!);
          let faults: readonly string[] = [];
          for (let round = 0; round < unsyncedRoundsMax && faults.length === 0; round++) {
            await cutRound(cluster, load, cluster.nodes);
            faults = await load.verify(cluster.nodes[0]!);
          }
          expect(faults.join('\n')).toMatch(/acknowledged/);
        } finally {
          await cluster.cleanUp();
        }
      },
      patienceMs,
    );
  });
});

/** The files as the journal tells them, by inode, from nothing. */
function replay(journalDir: string): Map<bigint, Buffer> {
  const contents = new Map<bigint, Buffer>();
  for (const change of readJournal(journalDir).data) {
    const { inode, offset, written } = change;
    const old = contents.get(inode) ?? Buffer.alloc(0);
    const size =
      change.kind === 'truncate' ? offset : Math.max(old.length, offset + written.length);
    const grown =
      size === old.length
        ? old
        : Buffer.concat([old, Buffer.alloc(Math.max(0, size - old.length))], size);
    grown.set(written, change.kind === 'truncate' ? size : offset);
    contents.set(inode, grown);
  }
  return contents;
}

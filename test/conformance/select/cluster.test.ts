/**
 * Goal: three nodes with two copies answer as InfluxDB 1.6.7 does, whole and with one node down.
 * Method: random queries asked of one node of a cluster; then another node is killed, and the cases of
 * select.test.ts, other random queries, some of statements.test.ts and all of http-surface.test.ts are asked. Everything
 * that is compared with InfluxDB runs against a cluster by scripts/compare-cluster.mjs.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { etcdInstalled } from '../../support/etcd-process.ts';
import { influxdInstalled } from '../../support/influxd-process.ts';
import { askBoth, requestCases } from '../request-cases.ts';
import { compareSteps, statementCases } from '../statement-cases.ts';
import { caseFiles, type Difference, findDifference, readCases } from './compare-cases.ts';
import { findRandomDifferences } from './random/compare.ts';
import { QuestionGenerator } from './random/generate.ts';
import { type ClusterServers, type Question, startClusterServers } from './servers.ts';

const parallel = 6;
const randomCount = 300;
const randomSeed = 20_261_121;
/** Every so-manieth case of statements: each makes and drops databases. */
const statementStride = 5;
/** Of two copies one is gone: these levels cannot be reached where it was. */
const levelOfTwo = /consistency=(all|quorum)/i;

describe.runIf(influxdInstalled && etcdInstalled)('a cluster against influxd 1.6.7', () => {
  let servers: ClusterServers;

  beforeAll(async () => {
    servers = await startClusterServers();
  }, 120_000);
  afterAll(async () => {
    await servers?.stop();
  });

  async function findDifferences(questions: readonly Question[]): Promise<Difference[]> {
    const found: Difference[] = [];
    for (let from = 0; from < questions.length; from += parallel) {
      const batch = questions.slice(from, from + parallel);
      const differences = await Promise.all(
        batch.map((question) => findDifference(servers, question)),
      );
      found.push(...differences.filter((difference) => difference !== undefined));
    }
    return found;
  }

  async function compareRandom(seed: number): Promise<void> {
    const generator = new QuestionGenerator(seed);
    const random = Array.from({ length: randomCount }, () => generator.next());
    expect(await findRandomDifferences(servers, random)).toEqual([]);
    process.stdout.write(`${randomCount} random queries equal\n`);
  }

  async function compareCases(): Promise<void> {
    const questions = caseFiles()
      .flatMap((file) => readCases(file))
      .filter(({ accepted }) => accepted === undefined);
    expect(await findDifferences(questions)).toEqual([]);
    process.stdout.write(`${questions.length} cases equal\n`);
  }

  test('with all nodes', () => compareRandom(randomSeed), 180_000);

  test('with one node down', async () => {
    await servers.cluster.nodes[1]!.kill();
    await compareCases();
    await compareRandom(randomSeed + 1);
  }, 180_000);

  test('statements and requests with one node down', async () => {
    const { citadel, influxd } = servers;
    const asked = statementCases.filter((_, i) => i % statementStride === 0);
    for (const one of asked) {
      expect(await compareSteps(one, citadel, influxd), one.about).toBe(undefined);
    }
    process.stdout.write(`${asked.length} cases of statements equal\n`);
    await compareSteps({ about: 'as at the start', steps: [] }, citadel, influxd);
    const requests = requestCases.filter(({ path }) => !levelOfTwo.test(path));
    for (const one of requests) {
      const { ours, theirs } = await askBoth(one, [citadel.url, influxd.url]);
      expect(ours, one.name).toEqual(theirs);
    }
    process.stdout.write(`${requests.length} requests equal\n`);
  }, 180_000);
});

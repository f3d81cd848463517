/**
 * Goal: queries are answered as InfluxDB 1.6.7 answers them, byte for byte but for the last digits of
 * floats.
 * Method: both servers get the data of datasets.ts and the questions of cases/, good and bad. What we
 * answer otherwise on purpose carries its reason (docs/accepted-differences.md) and must differ.
 * RANDOM_QUERIES and RANDOM_SEED ask for more random ones.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { influxdInstalled } from '../../support/influxd-process.ts';
import { caseFiles, type Difference, findDifference, readCases } from './compare-cases.ts';
import { findRandomDifferences } from './random/compare.ts';
import { QuestionGenerator } from './random/generate.ts';
import { type Question, type Servers, startServers } from './servers.ts';

const parallel = 6;
const randomCount = Number(process.env.RANDOM_QUERIES || 3_000);
const randomSeed = Number(process.env.RANDOM_SEED || 20_160_101);
/** 60 ms a query, and no less than three minutes. */
const randomMs = Math.max(180_000, randomCount * 60);

describe.runIf(influxdInstalled)('queries against influxd 1.6.7', () => {
  let servers: Servers | undefined;

  beforeAll(async () => {
    servers = await startServers();
  });

  afterAll(async () => {
    await servers?.stop();
  });

  async function findDifferences(questions: readonly Question[]): Promise<Difference[]> {
    if (servers === undefined) throw new Error('no servers');
    const found: Difference[] = [];
    for (let from = 0; from < questions.length; from += parallel) {
      const batch = questions.slice(from, from + parallel);
      const differences = await Promise.all(
        batch.map((question) => findDifference(servers!, question)),
      );
      found.push(...differences.filter((difference) => difference !== undefined));
    }
    return found;
  }

  test.each(caseFiles())('%s', async (file) => {
    const cases = readCases(file);
    const ordinary = cases.filter(({ accepted }) => accepted === undefined);
    const differences = await findDifferences(ordinary);
    process.stdout.write(`${ordinary.length - differences.length} of ${ordinary.length} equal\n`);
    expect(differences).toEqual([]);
  });

  test('accepted differences still differ', async () => {
    const cases = caseFiles().flatMap((file) => readCases(file));
    const accepted = cases.filter((item) => item.accepted !== undefined);
    const questions = accepted.map(({ accepted: _, ...question }) => question);
    const differences = await findDifferences(questions);
    expect(differences.map(({ question }) => question)).toEqual(questions);
  });

  test('random queries', { timeout: randomMs }, async () => {
    if (servers === undefined) throw new Error('no servers');
    const generator = new QuestionGenerator(randomSeed);
    const questions = Array.from({ length: randomCount }, () => generator.next());
    const differences = await findRandomDifferences(servers, questions);
    const equalCount = randomCount - differences.length;
    process.stdout.write(`${equalCount} of ${randomCount} random queries equal\n`);
    expect(differences).toEqual([]);
  });
});

/**
 * Asks both servers random questions and shows where they differ, made as small as they get.
 * Usage (after npm run build): node --import tsx test/conformance/select/compare-random.ts [count] [seed]
 */

import { findRandomDifferences } from './random/compare.ts';
import { QuestionGenerator } from './random/generate.ts';
import { startServers } from './servers.ts';

const count = Number(process.argv[2] ?? 1000);
const seed = Number(process.argv[3] ?? 1);
const shownMax = Number(process.argv[4] ?? 20);
const textMax = 700;

const generator = new QuestionGenerator(seed);
const questions = Array.from({ length: count }, () => generator.next());
const servers = await startServers();
try {
  const differences = await findRandomDifferences(servers, questions);
  for (const { q, params, accept, reference, ours, first } of differences.slice(0, shownMax)) {
    const extra = Object.keys(params).length > 0 || accept !== 'json';
    process.stdout.write(
      `${q}${extra ? ` ${JSON.stringify({ ...params, accept })}` : ''}\n  reference ${reference.slice(0, textMax).trim()}\n  ours      ${ours.slice(0, textMax).trim()}\n  first     ${first}\n`,
    );
  }
  process.stdout.write(`${count - differences.length} of ${count} equal (seed ${seed})\n`);
} finally {
  await servers.stop();
}

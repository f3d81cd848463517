/**
 * Asks both servers random questions and shows where they differ.
 * Usage (after npm run build): node --import tsx test/conformance/select/compare-random.ts [count] [seed]
 */

import { findDifference } from './compare-cases.ts';
import { SelectGenerator } from './generate-select.ts';
import { startServers } from './servers.ts';

const count = Number(process.argv[2] ?? 1000);
const seed = Number(process.argv[3] ?? 1);
const shownMax = 20;
const textMax = 600;
const generator = new SelectGenerator(seed);
const servers = await startServers();
let equal = 0;
let shown = 0;
try {
  for (let i = 0; i < count; i++) {
    const question = { q: generator.next() };
    const difference = await findDifference(servers, question);
    if (difference === undefined) equal++;
    else if (shown++ < shownMax) {
      const { reference, ours } = difference;
      process.stdout.write(
        `${question.q}\n  reference ${reference.body.slice(0, textMax).trim()}\n  ours      ${ours.body.slice(0, textMax).trim()}\n`,
      );
    }
  }
} finally {
  await servers.stop();
}
process.stdout.write(`${equal} of ${count} equal (seed ${seed})\n`);

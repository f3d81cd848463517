/**
 * Compares parsing and printing with the reference on random texts.
 * Usage: node --import tsx test/conformance/influxql/compare-live.ts [count] [seed]
 */

import { isDeepStrictEqual } from 'node:util';

import { QueryGenerator } from './generate.ts';
import { openOracle, type ParseAnswer } from './oracle.ts';
import { parseAnswer } from './parse-cases.ts';

/** A crash is an answer too: one that never equals. */
function answerOf(text: string): ParseAnswer {
  try {
    return parseAnswer(text);
  } catch (cause) {
    return { error: `crash: ${String(cause)}` };
  }
}

const count = Number(process.argv[2] ?? 10_000);
const seed = Number(process.argv[3] ?? 1);
const generator = new QueryGenerator(seed);
const oracle = openOracle();
const texts = Array.from({ length: count }, () => generator.next());
let equal = 0;
let good = 0;
let shown = 0;
oracle.parse(texts).forEach((theirs, i) => {
  const text = texts[i]!;
  const ours = answerOf(text);
  if (theirs === undefined || isDeepStrictEqual(ours, theirs)) {
    equal++;
    if ('printed' in ours) good++;
  } else if (shown++ < 25) {
    process.stdout.write(
      `${JSON.stringify(text)}\n  theirs ${JSON.stringify(theirs)}\n  ours   ${JSON.stringify(ours)}\n`,
    );
  }
});
oracle.close();
process.stdout.write(`${equal} of ${count} equal, ${good} of them well formed (seed ${seed})\n`);

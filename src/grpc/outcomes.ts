/** Which entries of a batch were applied, as facts of an error: runs of numbers, from 0 in the order of the batch. */

import { CitadelError } from '../base/errors.ts';
import { type KvWriteReport, kvOutcome } from '../broker/key-values.ts';

/** Runs that are told; the counts tell of the others. */
const runsMax = 200;

/** `0-5,9` */
function runsOf(outcomes: Uint8Array, outcome: number): string {
  const runs: string[] = [];
  for (let i = 0; i < outcomes.length && runs.length < runsMax; i++) {
    if (outcomes[i] !== outcome) continue;
    const from = i;
    while (outcomes[i + 1] === outcome) i++;
    runs.push(from === i ? `${from}` : `${from}-${i}`);
  }
  return runs.join(',');
}

function countOf(outcomes: Uint8Array, outcome: number): number {
  let count = 0;
  for (const one of outcomes) if (one === outcome) count++;
  return count;
}

/** The error of a report, with the facts `entries`, `applied`, `notApplied` and `unknown`. */
export function explainReport(error: CitadelError, { outcomes }: KvWriteReport): CitadelError {
  return new CitadelError(error.code, error.message, {
    cause: error,
    details: {
      ...error.details,
      entries: outcomes.length,
      applied: countOf(outcomes, kvOutcome.applied),
      notApplied: runsOf(outcomes, kvOutcome.notApplied),
      unknown: runsOf(outcomes, kvOutcome.unknown),
    },
  });
}

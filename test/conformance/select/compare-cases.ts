/** Runs all cases of cases/*.json against both servers and counts the equal answers. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { answersEqual } from './compare-answers.ts';
import { type Answer, ask, type Question, type Servers } from './servers.ts';

const directory = fileURLToPath(new URL('cases/', import.meta.url));

/** `accepted`: why our answer may differ (docs/accepted-differences.md); then it must. */
export interface SelectCase extends Question {
  readonly accepted?: string;
}

export interface Difference {
  readonly question: Question;
  readonly reference: Answer;
  readonly ours: Answer;
}

export function caseFiles(): string[] {
  return readdirSync(directory).sort();
}

export function readCases(file: string): SelectCase[] {
  return JSON.parse(readFileSync(directory + file, 'utf8')) as SelectCase[];
}

/** The reference is asked twice before a difference counts: a first read may miss fresh shards. */
export async function findDifference(
  { citadel, influxd }: Servers,
  question: Question,
): Promise<Difference | undefined> {
  const ours = await ask(citadel, question);
  let reference = await ask(influxd, question);
  if (!answersEqual(reference, ours)) reference = await ask(influxd, question);
  return answersEqual(reference, ours) ? undefined : { question, reference, ours };
}

/**
 * Asks both servers random questions, many at a time, and makes every difference as small as it gets.
 *
 * Plain statements go in batches, one request each way; where the whole answers differ, or hold an
 * error (which ends a batch), its questions are asked one by one.
 */

import { decodeMsgpack } from '../../../support/msgpack-decode.ts';
import { answersEqual } from '../compare-answers.ts';
import type { Answer, Servers } from '../servers.ts';
import { printQuestion, type RandomQuestion, smallerQuestions } from './query-text.ts';

type Server = Servers['citadel'] | Servers['influxd'];

const batchSize = 8;
const parallel = 3;
const shrinkTriesMax = 200;
const types = {
  json: 'application/json',
  csv: 'text/csv',
  msgpack: 'application/x-msgpack',
} as const;

export interface RandomDifference {
  readonly q: string;
  readonly params: RandomQuestion['params'];
  readonly accept: string;
  readonly reference: string;
  readonly ours: string;
  /** What was asked before it was made smaller. */
  readonly first: string;
}

/** Tags in one order: the reference writes them in that of a hash table. */
function sortTags(tags: object): object {
  return Object.fromEntries(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** MessagePack as text in which integers, floats and times look different. */
export function packedText(bytes: Uint8Array): string {
  const value = decodeMsgpack(bytes, (float) => ({ float }));
  return JSON.stringify(value, (key, item: unknown) => {
    if (typeof item === 'bigint') return `${item}n`;
    return key === 'tags' && typeof item === 'object' && item !== null ? sortTags(item) : item;
  });
}

async function askText(server: Server, q: string): Promise<Answer> {
  const answer = await server.request('/query', { q, db: 'zoo' }, { method: 'POST' });
  return { status: answer.status, body: answer.text() };
}

async function askOne(server: Server, question: RandomQuestion): Promise<Answer> {
  const params = { ...question.params, q: printQuestion(question), db: 'zoo' };
  const headers = { Accept: types[question.accept] };
  const answer = await server.request('/query', params, { method: 'POST', headers });
  const isPacked = answer.headers['content-type'] === types.msgpack && answer.status === 200;
  return { status: answer.status, body: isPacked ? packedText(answer.body) : answer.text() };
}

/** Both answers when they differ. The reference is asked again: a first read may miss a fresh shard. */
async function askBoth(
  { citadel, influxd }: Servers,
  question: RandomQuestion,
): Promise<{ readonly reference: Answer; readonly ours: Answer } | undefined> {
  const [ours, first] = await Promise.all([askOne(citadel, question), askOne(influxd, question)]);
  if (answersEqual(first, ours)) return undefined;
  const reference = await askOne(influxd, question);
  return answersEqual(reference, ours) ? undefined : { reference, ours };
}

async function shrink(
  servers: Servers,
  question: RandomQuestion,
  found: { readonly reference: Answer; readonly ours: Answer },
): Promise<RandomDifference> {
  let smallest = question;
  let answers = found;
  let tries = 0;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const smaller of smallerQuestions(smallest)) {
      if (tries++ >= shrinkTriesMax) break;
      const difference = await askBoth(servers, smaller);
      if (difference === undefined || difference.reference.status !== 200) continue;
      smallest = smaller;
      answers = difference;
      isSmaller = true;
      break;
    }
  }
  const { params, accept } = smallest;
  return {
    q: printQuestion(smallest),
    params,
    accept,
    reference: answers.reference.body,
    ours: answers.ours.body,
    first: printQuestion(question),
  };
}

function isBatched({ params, accept, statements }: RandomQuestion): boolean {
  return accept === 'json' && Object.keys(params).length === 0 && statements.length === 1;
}

async function isEqualBatch(
  { citadel, influxd }: Servers,
  batch: readonly RandomQuestion[],
): Promise<boolean> {
  if (batch.length === 0) return true;
  const q = batch.map(printQuestion).join('; ');
  const [ours, reference] = await Promise.all([askText(citadel, q), askText(influxd, q)]);
  return answersEqual(reference, ours) && !reference.body.includes('"error":');
}

/** Differences among the questions, none of them shrunk yet. */
async function compareBatch(
  servers: Servers,
  questions: readonly RandomQuestion[],
): Promise<RandomDifference[]> {
  const batched = questions.filter(isBatched);
  const rest = questions.filter((question) => !isBatched(question));
  if (!(await isEqualBatch(servers, batched))) rest.push(...batched);
  const found: RandomDifference[] = [];
  for (const question of rest) {
    const difference = await askBoth(servers, question);
    if (difference !== undefined) found.push(await shrink(servers, question, difference));
  }
  return found;
}

export async function findRandomDifferences(
  servers: Servers,
  questions: readonly RandomQuestion[],
): Promise<RandomDifference[]> {
  const found: RandomDifference[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < questions.length) {
      const from = next;
      next += batchSize;
      found.push(...(await compareBatch(servers, questions.slice(from, from + batchSize))));
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return found;
}

/**
 * Compares what the replicas of every shard hold, by digests of all cells. Replicas that have applied
 * the same entries must have equal digests; one that is still catching up is asked again for a while.
 */

import { CitadelError } from '../../base/errors.ts';
import type { StoreKind } from '../../model/cluster.ts';
import { sumDigests } from '../../model/digest-sum.ts';
import type { Hlc } from '../../model/entry.ts';
import type { ShardDigest } from '../../rpc/data-node-api.ts';
import { pause, type RouteParts } from '../route/route-parts.ts';
import { observeNodes } from './observe-nodes.ts';

/** Replicas under load are never at the same entry for long: so many looks. */
const attemptsMax = 10;
const attemptPauseMs = 300;
/** What is under way between replicas that are well has arrived after so long. */
const settleMs = 3_000;
const shardsAtOnce = 2;
const partsShown = 20;

export interface ReplicaDigest {
  readonly node: string;
  readonly cells: number;
  /**
   * Of all live cells, 32 hex digits: the same wherever the same cells are, whatever the ids of databases and the
   * names of policies and tables; '' = there is none.
   */
  readonly digest: string;
  /** Why there is no digest; '' = there is one. */
  readonly problem: string;
}

export interface ShardVerdict {
  readonly kind: StoreKind;
  readonly shard: number;
  /**
   * `equal`; `different`: same entries, other cells: damage or a defect; `behind`: replicas kept moving apart;
   * `incomplete`: a replica did not answer.
   */
  readonly verdict: 'equal' | 'different' | 'behind' | 'incomplete';
  readonly replicas: readonly ReplicaDigest[];
  /** Parts of the store (database/policy/time) that differ, the first few. */
  readonly differences: readonly string[];
}

interface Answer {
  readonly node: string;
  readonly digest: ShardDigest | undefined;
  readonly problem: string;
}

interface Question {
  readonly kind: StoreKind;
  readonly shard: number;
  /** Cells with greater stamps do not count. */
  readonly horizon: Hlc;
}

async function askReplica(
  { dataNode }: RouteParts,
  node: string,
  { kind, shard, horizon }: Question,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const api = dataNode(node);
    if (api === undefined) throw new CitadelError('unavailable', 'its lease has ended');
    const [digest] = await api.digest(kind, [shard], horizon, signal);
    return { node, digest, problem: digest === undefined ? 'no digest' : '' };
  } catch (error) {
    signal.throwIfAborted();
    return { node, digest: undefined, problem: error instanceof Error ? error.message : 'failed' };
  }
}

function countCells(digest: ShardDigest | undefined): number {
  return digest?.parts.reduce((sum, { cells }) => sum + cells, 0) ?? 0;
}

function sameVersions(a: ShardDigest, b: ShardDigest): boolean {
  const origins = new Set([...Object.keys(a.versions), ...Object.keys(b.versions)]);
  return [...origins].every((origin) => (a.versions[origin] ?? 0) === (b.versions[origin] ?? 0));
}

/** Names of parts that are not alike; a part without cells is as good as none. */
function findDifferences(digests: readonly ShardDigest[]): string[] {
  const names = new Set(digests.flatMap(({ parts }) => parts.map(({ name }) => name)));
  const tables = digests.map(
    ({ parts }) =>
      new Map(parts.filter(({ cells }) => cells > 0).map((part) => [part.name, part.digest])),
  );
  return [...names]
    .filter((name) => new Set(tables.map((table) => table.get(name))).size > 1)
    .sort();
}

function judge(answers: readonly Answer[]): Pick<ShardVerdict, 'verdict' | 'differences'> {
  const digests = answers.flatMap(({ digest }) => (digest === undefined ? [] : [digest]));
  const differences = findDifferences(digests);
  if (digests.length < answers.length) return { verdict: 'incomplete', differences };
  if (differences.length === 0) return { verdict: 'equal', differences };
  const [first] = digests;
  const alike = digests.every((digest) => sameVersions(digest, first!));
  return { verdict: alike ? 'different' : 'behind', differences };
}

function askReplicas(
  parts: RouteParts,
  question: Question,
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  const { replicas } = parts.cluster.map.shards[question.kind][question.shard]!;
  return Promise.all(replicas.map((node) => askReplica(parts, node, question, signal)));
}

function toVerdict(
  { kind, shard }: Question,
  answers: readonly Answer[],
  { verdict, differences }: Pick<ShardVerdict, 'verdict' | 'differences'>,
): ShardVerdict {
  const replicas = answers.map(({ node, digest, problem }) => {
    const sum = digest === undefined ? '' : sumDigests(digest.parts.map((part) => part.digest));
    return { node, cells: countCells(digest), digest: sum, problem };
  });
  return { kind, shard, verdict, replicas, differences: differences.slice(0, partsShown) };
}

export async function verifyShard(
  parts: RouteParts,
  kind: StoreKind,
  shard: number,
  signal: AbortSignal,
): Promise<ShardVerdict> {
  const question = { kind, shard, horizon: Number.POSITIVE_INFINITY };
  for (let attempt = 1; ; attempt++) {
    const answers = await askReplicas(parts, question, signal);
    const judged = judge(answers);
    // Entries may arrive while digests are made, so every difference is looked at again.
    if (judged.verdict === 'equal' || attempt === attemptsMax) {
      return toVerdict(question, answers, judged);
    }
    await pause(parts.env.timers, attemptPauseMs, signal);
    signal.throwIfAborted();
  }
}

/** The least stamp up to which nothing can arrive any more at some replica; 0 = not all are known. */
async function stableHlcOf(parts: RouteParts, kind: StoreKind, shard: number): Promise<Hlc> {
  const { replicas } = parts.cluster.map.shards[kind][shard]!;
  const nodes = await observeNodes(parts);
  const stable = replicas.map((node) => {
    const status = nodes.find(({ uuid }) => uuid === node)?.status;
    const found = status?.shards.find(
      (one) => one.shard === shard && (one.kind ?? 'tstore') === kind,
    );
    return found?.replication?.stableHlc ?? 0;
  });
  return Math.min(...stable);
}

function covers(later: ShardDigest, earlier: ShardDigest): boolean {
  return Object.entries(earlier.versions).every(
    ([origin, sequence]) => (later.versions[origin] ?? 0) >= sequence,
  );
}

function partsOf(digest: ShardDigest, name: string): string {
  const part = digest.parts.find((one) => one.name === name);
  return part === undefined || part.cells === 0 ? '' : part.digest;
}

/**
 * For a shard that is written to all the time: only cells that are stable count, and a difference only when it stays as
 * it is from the first look to the last, and by then every replica has had what all others had at the first.
 */
export async function verifyBelow(
  parts: RouteParts,
  kind: StoreKind,
  shard: number,
  signal: AbortSignal,
): Promise<ShardVerdict> {
  const question = { kind, shard, horizon: await stableHlcOf(parts, kind, shard) };
  const digestsOf = (answers: readonly Answer[]) =>
    answers.flatMap(({ digest }) => (digest === undefined ? [] : [digest]));
  const first = await askReplicas(parts, question, signal);
  await pause(parts.env.timers, settleMs, signal);
  signal.throwIfAborted();
  const last = await askReplicas(parts, question, signal);
  const before = digestsOf(first);
  const after = digestsOf(last);
  const isWhole = before.length === first.length && after.length === before.length;
  if (!isWhole) return toVerdict(question, last, { verdict: 'incomplete', differences: [] });
  if (question.horizon === 0 || !after.every((one) => before.every((two) => covers(one, two)))) {
    return toVerdict(question, last, { verdict: 'behind', differences: [] });
  }
  const differences = findDifferences(after).filter((name) =>
    after.every((digest, i) => partsOf(digest, name) === partsOf(before[i]!, name)),
  );
  const verdict = differences.length === 0 ? 'equal' : 'different';
  return toVerdict(question, last, { verdict, differences });
}

/** Verdicts as they come, a few shards at a time. */
export async function* verifyReplicas(
  parts: RouteParts,
  signal: AbortSignal,
): AsyncGenerator<ShardVerdict> {
  const { shards } = parts.cluster.map;
  const tasks = (Object.keys(shards) as StoreKind[]).flatMap((kind) =>
    shards[kind].map(({ shard }) => ({ kind, shard })),
  );
  const running: Promise<ShardVerdict>[] = [];
  for (const { kind, shard } of tasks) {
    const verdict = verifyShard(parts, kind, shard, signal);
    verdict.catch(() => undefined);
    running.push(verdict);
    if (running.length === shardsAtOnce) yield await running.shift()!;
  }
  for (const verdict of running) yield await verdict;
}

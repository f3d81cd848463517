/**
 * Compares what the replicas of every shard hold, by digests of all cells. Replicas that have applied
 * the same entries must have equal digests; one that is still catching up is asked again for a while.
 */

import { CitadelError } from '../../base/errors.ts';
import type { StoreKind } from '../../model/cluster.ts';
import type { ShardDigest } from '../../rpc/data-node-api.ts';
import { pause, type RouteParts } from '../route/route-parts.ts';

/** Replicas under load are never at the same entry for long: so many looks. */
const attemptsMax = 10;
const attemptPauseMs = 300;
const shardsAtOnce = 2;
const partsShown = 20;

export interface ReplicaDigest {
  readonly node: string;
  readonly cells: number;
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

async function askReplica(
  { dataNode }: RouteParts,
  node: string,
  kind: StoreKind,
  shard: number,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const api = dataNode(node);
    if (api === undefined) throw new CitadelError('unavailable', 'its lease has ended');
    const [digest] = await api.digest(kind, [shard], Number.POSITIVE_INFINITY, signal);
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

async function verifyShard(
  parts: RouteParts,
  kind: StoreKind,
  shard: number,
  signal: AbortSignal,
): Promise<ShardVerdict> {
  for (let attempt = 1; ; attempt++) {
    const { replicas } = parts.cluster.map.shards[kind][shard]!;
    const answers = await Promise.all(
      replicas.map((node) => askReplica(parts, node, kind, shard, signal)),
    );
    const { verdict, differences } = judge(answers);
    // Entries may arrive while digests are made, so every difference is looked at again.
    if (verdict === 'equal' || attempt === attemptsMax) {
      return {
        kind,
        shard,
        verdict,
        replicas: answers.map(({ node, digest, problem }) => ({
          node,
          cells: countCells(digest),
          problem,
        })),
        differences: differences.slice(0, partsShown),
      };
    }
    await pause(parts.env.timers, attemptPauseMs, signal);
    signal.throwIfAborted();
  }
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

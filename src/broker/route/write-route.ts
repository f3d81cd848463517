/**
 * The way of one frame to a replica that takes it: the primary; when that does not answer, and the level
 * lets another replica stand in, the next one. Every attempt carries the same write id, so a replica
 * that already has the frame answers with the entry it made.
 *
 * Gives up only when its signal fires: what became of the frame is then unknown.
 */

import { CitadelError, type ErrorCode } from '../../base/errors.ts';
import type { ShardRecord } from '../../model/cluster.ts';
import type { ConsistencyLevel, WriteShardResponse } from '../../rpc/data-node-api.ts';
import type { IsAbandoned } from '../requests.ts';
import { membersOf } from './replica-choice.ts';
import { pause, type RouteParts, recordOf, refreshMap } from './route-parts.ts';

/** A primary that has not answered for so long may be paused: another replica is asked as well. */
export const silenceMs = 1_000;
/** Between two rounds over all replicas. */
const roundPauseMs = 50;

export interface RoutedWrite {
  readonly shard: number;
  readonly writeId: Uint8Array;
  readonly level: ConsistencyLevel;
  readonly frame: Uint8Array;
  /**
   * Wall clock, ms since the Unix epoch: no attempt starts after it, and one that is held up on its way is refused. For
   * writes whose client may try them through another node meanwhile. Undefined = whenever it can be.
   */
  readonly notAfterMs?: number | undefined;
  readonly isAbandoned?: IsAbandoned | undefined;
  readonly signal: AbortSignal;
}

/** Errors of one replica that say: try another, or the same one later. */
const reroutable: ReadonlySet<ErrorCode> = new Set([
  'redirect',
  'unavailable',
  'timeout',
  'cancelled',
  'disk-full',
  'read-only',
]);
/** Certain refusals: nothing was stored there. */
const refusals: ReadonlySet<ErrorCode> = new Set(['redirect', 'disk-full', 'read-only']);
const fallbackLevels: ReadonlySet<ConsistencyLevel> = new Set(['auto', 'any', 'one']);

/** What was known when a node was asked. */
interface Attempt {
  readonly node: string;
  readonly primary: string;
  readonly mapVersion: number;
}

type Outcome =
  | { readonly kind: 'answer'; readonly response: WriteShardResponse }
  | { readonly kind: 'failure'; readonly attempt: Attempt; readonly error: unknown }
  | { readonly kind: 'silence' };

function isReroutable(error: unknown): error is CitadelError {
  return error instanceof CitadelError && reroutable.has(error.code);
}

/** Errors: as DataNodeApi.writeShard; `timeout` when the signal fires first. */
export async function routeWrite(
  parts: RouteParts,
  write: RoutedWrite,
): Promise<WriteShardResponse> {
  const record = recordOf(parts, write.shard);
  const alone = record.replicas.length === 1 && parts.cluster.map.nodes.size <= 1;
  const response = alone
    ? await writeAlone(parts, write, record)
    : await new WriteRoute(parts, write).run();
  parts.marks.note(write.shard, response.origin, response.sequence);
  return response;
}

/** One node, one replica: no second try is of use, and the frame need not be kept for one. */
function writeAlone(
  parts: RouteParts,
  write: RoutedWrite,
  { primary, epoch }: ShardRecord,
): Promise<WriteShardResponse> {
  const node = parts.dataNode(primary);
  if (node === undefined) throw new CitadelError('unavailable', `cannot reach node ${primary}`);
  const { shard, writeId, level, frame, signal } = write;
  const mapVersion = parts.cluster.map.version;
  const { kind = 'tstore' } = parts;
  return node.writeShard({ kind, shard, epoch, mapVersion, writeId, level, frame }, signal);
}

class WriteRoute {
  readonly #parts: RouteParts;
  readonly #write: RoutedWrite;
  /** Attempts that may still answer. */
  readonly #attempts = new Map<string, Promise<Outcome>>();
  /** Nodes that failed or kept silent in this round. */
  readonly #failed = new Set<string>();
  /** The last thing a replica said; all of them certain refusals = nothing is stored. */
  #lastError: CitadelError | undefined;
  #isUnknown = false;

  constructor(parts: RouteParts, write: RoutedWrite) {
    this.#parts = parts;
    this.#write = write;
  }

  async run(): Promise<WriteShardResponse> {
    const { signal } = this.#write;
    while (!signal.aborted && !this.#isLate()) {
      const target = this.#nextTarget();
      if (target === undefined && this.#attempts.size === 0) {
        await this.#nextRound();
        continue;
      }
      if (target !== undefined) {
        const isAbandoned: Promise<boolean> | undefined = this.#write.isAbandoned?.();
        if (isAbandoned !== undefined && (await isAbandoned)) break;
        this.#start(target);
      }
      const outcome = await this.#wait();
      if (outcome.kind === 'answer') return outcome.response;
      if (outcome.kind === 'failure') await this.#noteFailure(outcome.attempt, outcome.error);
      else for (const node of this.#attempts.keys()) this.#failed.add(node);
    }
    throw this.#giveUp();
  }

  #isLate(): boolean {
    const { notAfterMs } = this.#write;
    return notAfterMs !== undefined && this.#parts.env.clock.wallMs() > notAfterMs;
  }

  /** The primary, or who stands in for it; undefined = all were tried, or it is being asked. */
  #nextTarget(): string | undefined {
    const record = recordOf(this.#parts, this.#write.shard);
    const isTried = (node: string) => this.#failed.has(node) || this.#attempts.has(node);
    if (!isTried(record.primary)) return record.primary;
    if (this.#attempts.has(record.primary) && !this.#failed.has(record.primary)) return undefined;
    if (!fallbackLevels.has(this.#write.level)) return undefined;
    return membersOf(record).find((node) => !isTried(node));
  }

  #start(target: string): void {
    const { cluster } = this.#parts;
    const record = recordOf(this.#parts, this.#write.shard);
    const { version: mapVersion } = cluster.map;
    const attempt = { node: target, primary: record.primary, mapVersion };
    const outcome = this.#send(attempt, record).then(
      (response): Outcome => ({ kind: 'answer', response }),
      (error: unknown): Outcome => ({ kind: 'failure', attempt, error }),
    );
    this.#attempts.set(target, outcome);
  }

  async #send({ node: uuid, primary, mapVersion }: Attempt, { epoch, replicas }: ShardRecord) {
    const { dataNode, cluster, env, kind = 'tstore' } = this.#parts;
    const { shard, writeId, level, frame: bytes, notAfterMs, signal } = this.#write;
    const node = dataNode(uuid);
    if (node === undefined) throw new CitadelError('unavailable', `cannot reach node ${uuid}`);
    // The buffer is handed over to a node of this process, and may be needed again.
    const frame = uuid === cluster.self ? bytes.slice() : bytes;
    const isFallback = uuid !== primary;
    const base = { kind, shard, epoch, mapVersion, writeId, level, isFallback, frame };
    // Where nobody can stand in, an attempt that is late does no harm.
    const hasOthers = fallbackLevels.has(level) && replicas.length > 1;
    const mayBeOvertaken = hasOthers || notAfterMs !== undefined;
    const request = mayBeOvertaken ? { ...base, sentMs: env.clock.wallMs() } : base;
    return node.writeShard(request, signal);
  }

  /** The first outcome, or that nothing happened for a while. */
  async #wait(): Promise<Outcome> {
    const { timers } = this.#parts.env;
    let wake: (outcome: Outcome) => void = () => undefined;
    const silence = new Promise<Outcome>((resolve) => {
      wake = resolve;
    });
    const timer = timers.after(silenceMs, () => wake({ kind: 'silence' }));
    const onAbort = () => wake({ kind: 'silence' });
    this.#write.signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([...this.#attempts.values(), silence]);
    } finally {
      timer.cancel();
      this.#write.signal.removeEventListener('abort', onAbort);
    }
  }

  /** @throws what no other replica would answer otherwise */
  async #noteFailure({ node, primary, mapVersion }: Attempt, error: unknown): Promise<void> {
    this.#attempts.delete(node);
    this.#failed.add(node);
    if (!isReroutable(error)) throw error;
    this.#lastError = error;
    if (!refusals.has(error.code)) this.#isUnknown = true;
    if (error.code !== 'redirect') return;
    // The answer of a node with a newer map has brought it along.
    if (this.#parts.cluster.map.version === mapVersion) {
      await refreshMap(this.#parts, this.#write.signal);
    }
    if (recordOf(this.#parts, this.#write.shard).primary !== primary) this.#failed.clear();
  }

  async #nextRound(): Promise<void> {
    const { signal } = this.#write;
    await refreshMap(this.#parts, signal);
    await pause(this.#parts.env.timers, roundPauseMs, signal);
    this.#failed.clear();
  }

  #giveUp(): CitadelError {
    const { shard } = this.#write;
    if (this.#lastError === undefined || this.#isUnknown || this.#attempts.size > 0) {
      return new CitadelError('timeout', 'timeout', { cause: this.#lastError, details: { shard } });
    }
    if (this.#lastError.code !== 'redirect') return this.#lastError;
    const message = `cannot write: no replica of shard ${shard} takes writes`;
    return new CitadelError('unavailable', message, { cause: this.#lastError });
  }
}
